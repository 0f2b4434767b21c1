//! What only Tekmetric does.

use chrono::TimeDelta;
use crm::{Error, Feed, Stamp, Wanted};
use domain::CrmName;
use futures::future::join_all;
use serde_json::json;
use sim::Manners;

use crate::{
    ids, orders,
    rig::{Rig, start_of_day},
    window,
};

async fn tekmetric() -> Rig {
    Rig::start(CrmName::Tekmetric).await
}

#[tokio::test]
async fn a_token_is_asked_for_once_however_many_need_it() {
    let rig = tekmetric().await;
    rig.ask_at(&rig.quote(1), 0);
    let everybody = (0..50).map(|_| rig.crm.order("1"));
    for order in join_all(everybody).await {
        assert!(order.expect("an answer").is_some());
    }
    assert_eq!(rig.sim.world.tekmetric.tokens_given(), 1);
}

#[tokio::test]
async fn a_revoked_token_is_replaced_and_one_that_stays_refused_is_not_asked_for_again_and_again() {
    let rig = tekmetric().await;
    rig.ask_at(&rig.quote(1), 0);
    assert!(rig.crm.order("1").await.expect("an answer").is_some());
    rig.sim.world.tekmetric.revoke_token();
    let everybody = (0..20).map(|_| rig.crm.order("1"));
    for order in join_all(everybody).await {
        assert!(order.expect("an answer").is_some());
    }
    assert_eq!(rig.sim.world.tekmetric.tokens_given(), 2);

    rig.sim.world.tekmetric.refuse_tokens();
    for _ in 0..10 {
        assert!(matches!(rig.crm.order("1").await, Err(Error::KeyRefused { status: 401, .. })));
    }
    assert_eq!(rig.sim.world.tekmetric.tokens_given(), 3);
}

#[tokio::test]
async fn a_shop_outside_our_access_is_said_to_be_and_the_others_are_read() {
    let rig = tekmetric().await;
    rig.ask_at(&rig.quote(1), 0);
    for hidden in [78, 79] {
        rig.sim.world.tekmetric.set_scope(&[77]);
        let wanted = Wanted { shop: Some(hidden.to_string()), ..orders(&rig, Stamp::Updated, window(0, 1_000)) };
        assert!(
            matches!(rig.crm.list(&wanted).await, Err(Error::ShopRefused { status: 403 })),
            "in every shape of refusal"
        );
    }
    assert_eq!(ids(&rig, Stamp::Updated, window(0, 1_000)).await, ["1"]);
}

#[tokio::test]
async fn what_was_deleted_is_in_a_list_of_its_own() {
    let rig = tekmetric().await;
    rig.ask_at(&rig.quote(1), 0);
    rig.ask_at(&rig.quote(2), 1_000);
    rig.wait_s(10);
    rig.delete(&rig.quote(1));
    assert_eq!(ids(&rig, Stamp::Updated, window(0, 60_000)).await, ["2"]);
    let wanted = orders(&rig, Stamp::Deleted, window(0, 60_000));
    let listed = rig.crm.list(&wanted).await.expect("a list");
    assert_eq!(listed.rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["1"]);
    let order = rig.crm.order("1").await.expect("an answer").expect("an order");
    assert_eq!(listed.rows[0].version, order.version, "a deletion is a change like others");
    assert!(rig.crm.stamps(Feed::Orders).contains(&Stamp::Deleted));
}

#[tokio::test]
async fn what_was_read_within_a_versions_own_second_may_not_be_the_last_of_it() {
    let rig = tekmetric().await;
    rig.ask_at(&rig.quote(1), 0);
    let order = rig.crm.order("1").await.expect("an answer").expect("an order");
    let within = start_of_day() + TimeDelta::milliseconds(900);
    assert!(!rig.crm.has_in_it(order.version, within, order.version));
    assert!(rig.crm.has_in_it(order.version, start_of_day() + TimeDelta::seconds(1), order.version));
}

#[tokio::test]
async fn a_time_without_a_zone_is_on_the_shops_wall() {
    let rig = tekmetric().await;
    rig.ask_at(&rig.quote(1), 0);
    rig.sim.world.note_appointment(
        4_001,
        &rig.quote(1),
        &json!({"startTime": "2026-03-09T14:00:00Z"}),
        Manners::default(),
    );
    rig.sim.world.tekmetric.leave_out_zones();
    let appointment = rig.crm.appointment("4001").await.expect("an answer").expect("an appointment");
    assert_eq!(appointment.starts_at.to_rfc3339(), "2026-03-09T19:00:00+00:00", "14:00 in Chicago");
}

#[tokio::test]
async fn its_webhooks_are_added_by_hand() {
    let rig = tekmetric().await;
    let place = match rig.crm.webhooks().await.expect("an answer") {
        crm::Registrations::ByHand { place } => place,
        other @ crm::Registrations::Listed(_) => panic!("{other:?}"),
    };
    assert!(place.contains("Webhooks"));
}
