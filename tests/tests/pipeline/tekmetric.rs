//! A tenant whose shops have Tekmetric, beside one with Shopmonkey.

use chrono::TimeDelta;
use domain::{CrmName, LeadId, ServiceSearch, StopReason};
use operate::{Repaired, Why, read_ledger, repair_webhook};
use orchestrator::demo::Franchise;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sim::{Manners, Quote};
use stage::Bus;
use store::{Judged, Lead};
use tests::{Test, noon, quote, until};

use crate::{
    ledger::desk,
    poll::{LOST, polled},
};

const DANA: &str = "+15125550142";

/// A quote at the first shop.
pub(crate) fn estimate(order: i64) -> Quote {
    Quote { location_id: Some("77".into()), ..quote(&order.to_string()) }
}

pub(crate) async fn lead_of(test: &Test, franchise: &Franchise, order: &Quote) -> Option<Lead> {
    let id = LeadId::of_order(franchise.tenant, CrmName::Tekmetric.as_str(), &order.order_id);
    let mut tx = test.site.store.begin(franchise.tenant).await.ok()?;
    tx.leads().lookup(id).await.expect("a readable lead")
}

async fn judged(test: &Test, franchise: &Franchise, order: &Quote) -> Option<Judged> {
    let mut tx = test.site.store.begin(franchise.tenant).await.expect("a transaction");
    let ids = [order.order_id.clone()];
    tx.leads().list_judged(CrmName::Tekmetric.as_str(), &ids).await.expect("judgements").remove(&order.order_id)
}

async fn until_stopped(test: &Test, franchise: &Franchise, order: &Quote, why: StopReason) {
    until("the follow-up has ended", async || {
        lead_of(test, franchise, order).await.is_some_and(|lead| lead.stop_reason.as_deref() == Some(why.as_str()))
    })
    .await;
}

/// The roles may have taken longer to start than any time one could name.
fn seconds_pass(test: &Test) {
    test.advance_to(test.site.clock.now() + TimeDelta::seconds(5));
}

async fn post(url: &str, body: &str) -> StatusCode {
    let sent = reqwest::Client::new().post(url).body(body.to_owned()).send().await;
    sent.expect("an answer").status()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_is_a_lead_and_its_approval_ends_the_follow_up() {
    let test = Test::start().await;
    let shops = test.add_tekmetric_tenant("tekmetric-tint").await;
    let program = test.run().await;
    let asked = estimate(700_123);
    test.site.sim.world.ask_for_estimate(&asked, Manners { duplicates: 2, ..Manners::default() });
    until("the customer has a text", async || !test.texts_to(DANA).is_empty()).await;
    let text = test.texts_to(DANA).remove(0);
    assert!(text.contains("Window Tint") && text.contains("2021 Honda Civic"), "{text}");
    assert!(lead_of(&test, &shops, &asked).await.is_some());

    seconds_pass(&test);
    test.site.sim.world.approve_estimate("700123", Manners::default());
    until_stopped(&test, &shops, &asked, StopReason::Converted).await;
    test.assert_settled().await;
    assert_eq!(test.texts_to(DANA).len(), 1);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_leads_to_its_repair_order_and_a_sentence_nobody_knows_does_no_harm() {
    let test = Test::start().await;
    let shops = test.add_tekmetric_tenant("tekmetric-tint").await;
    let program = test.run().await;
    let world = &test.site.sim.world;
    let asked = estimate(700_123);
    for data in [json!({"id": 5, "inspection": {"done": true}}), json!({"id": "x", "repairOrderStatus": 3})] {
        world.say("Something that nobody has seen before", &data, Manners::default());
    }
    world.ask_for_estimate(&asked, Manners::default());
    until("the customer has a text", async || !test.texts_to(DANA).is_empty()).await;
    seconds_pass(&test);
    world.pay_estimate("700123", Manners::default());
    until_stopped(&test, &shops, &asked, StopReason::Converted).await;
    test.assert_settled().await;
    let refused =
        world.journal.count(|event| matches!(event, sim::Event::WebhookAnswered { status, .. } if *status != 204));
    assert_eq!(refused, 0);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appointment_on_the_shops_wall_ends_the_follow_up() {
    let test = Test::start().await;
    let shops = test.add_tekmetric_tenant("tekmetric-tint").await;
    let program = test.run().await;
    let world = &test.site.sim.world;
    world.tekmetric.leave_out_zones();
    let asked = estimate(700_123);
    world.ask_for_estimate(&asked, Manners::default());
    until("the customer has a text", async || !test.texts_to(DANA).is_empty()).await;
    // An hour after the quote, as the clock in Tampa shows it.
    let fields = json!({"startTime": "2026-01-10T15:00:00Z", "endTime": "2026-01-10T16:00:00Z"});
    world.note_appointment(4_001, &asked, &fields, Manners::default());
    until_stopped(&test, &shops, &asked, StopReason::Booked).await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_webhook_tells_is_found_shop_by_shop_and_one_we_may_not_see_keeps_nobody_from_the_others() {
    let test = polled().await;
    let shops = test.add_tekmetric_tenant("tekmetric-tint").await;
    let program = test.run().await;
    let world = &test.site.sim.world;
    world.tekmetric.set_scope(&[77, 79]);
    let asked = [estimate(700_001), Quote { location_id: Some("79".into()), ..estimate(700_002) }];
    for asked in &asked {
        world.ask_for_estimate(asked, LOST);
    }
    seconds_pass(&test);
    for asked in &asked {
        until("it is a lead", async || lead_of(&test, &shops, asked).await.is_some()).await;
    }
    let says = async || {
        let lines = operate::list_webhooks(&test.site.store).await.expect("lines");
        lines.into_iter().find(|line| line.tenant == "tekmetric-tint").and_then(|line| line.poll_problem)
    };
    until("the shop we may not see is named", async || says().await.is_some_and(|says| says.contains("shop 78"))).await;

    world.tekmetric.set_scope(&sim::tekmetric::SHOPS);
    let hidden = Quote { location_id: Some("78".into()), ..estimate(700_003) };
    world.ask_for_estimate(&hidden, LOST);
    world.delete_estimate("700002");
    seconds_pass(&test);
    until("the third is a lead", async || lead_of(&test, &shops, &hidden).await.is_some()).await;
    until_stopped(&test, &shops, &asked[1], StopReason::ClosedInCrm).await;
    until("nothing is wrong any more", async || says().await.is_none()).await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_twice_within_a_second_is_read_as_it_is_in_the_end() {
    let test = polled().await;
    let shops = test.add_tekmetric_tenant("tekmetric-tint").await;
    let program = test.run().await;
    let world = &test.site.sim.world;
    // At first it is nothing that the shop sells, and it is read within its own second, on a machine that is quick enough.
    let (mut at, mut asked) = (noon(), estimate(0));
    for number in 1.. {
        at = noon() + TimeDelta::seconds(10 * number);
        asked = Quote { name: "Oil change".into(), ..estimate(number) };
        test.advance_to(at);
        world.ask_for_estimate(&asked, Manners::default());
        until("it is judged", async || judged(&test, &shops, &asked).await.is_some()).await;
        test.advance_to(at);
        if judged(&test, &shops, &asked)
            .await
            .is_some_and(|judged| judged.judged_at < at + TimeDelta::milliseconds(900))
        {
            break;
        }
    }
    // Nobody tells of what it becomes within the same second.
    let jobs: Value = json!([{"id": 1, "name": "Window Tint", "authorized": null}]);
    world.change_estimate(&asked.order_id, &json!({"jobs": jobs}), None, Manners::default());
    test.advance_to(at + TimeDelta::seconds(5));
    until("it is a lead", async || lead_of(&test, &shops, &asked).await.is_some()).await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_knows_the_address_is_heard_and_a_repeat_is_stored_once() {
    let test = Test::start().await;
    let shops = test.add_tekmetric_tenant("tekmetric-tint").await;
    let program = test.run().await;
    let door = shops.door(&test.site.public_url, "tekmetric/{crm}");
    let body = r#"{"event":"New to us","data":{"id":5}}"#;
    assert_eq!(post(&format!("{door}x"), body).await, StatusCode::NOT_FOUND);
    // The token of the tenant's other door, and of another tenant's.
    let theirs = test.site.franchise.crm_token.clone();
    assert_eq!(post(&door.replace(&shops.crm_token, &theirs), body).await, StatusCode::NOT_FOUND);
    assert_eq!(post(&door.replace(&shops.crm_token, &shops.twilio_token), body).await, StatusCode::NOT_FOUND);
    assert_eq!(post(&door, "<html>").await, StatusCode::BAD_REQUEST);
    assert_eq!(post(&door, r#"{"event":"x","data":{}}"#).await, StatusCode::NO_CONTENT, "what nobody has seen yet");
    let before = crate::door::stored(&test).await;
    for _ in 0..3 {
        assert_eq!(post(&door, body).await, StatusCode::NO_CONTENT);
    }
    assert_eq!(crate::door::stored(&test).await, before + 1);

    // A shop that is not this tenant's is nobody's lead.
    let foreign = Quote { location_id: Some("4711".into()), ..estimate(700_009) };
    test.site.sim.world.tekmetric.set_scope(&[77, 78, 79, 4711]);
    test.site.sim.world.ask_for_estimate(&foreign, Manners::default());
    until("it is judged", async || judged(&test, &shops, &foreign).await.is_some_and(|judged| !judged.is_lead)).await;
    assert_eq!(judged(&test, &shops, &foreign).await.expect("judged").reasons, ["unknown_location"]);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_changed_by_hand_keeps_the_old_one_open_and_no_older_one() {
    let test = Test::start_with(|options| options.settings.push(("ingest.door_ttl".into(), "50ms".into()))).await;
    let shops = test.add_tekmetric_tenant("tekmetric-tint").await;
    let program = test.run().await;
    let first = shops.door(&test.site.public_url, "tekmetric/{crm}");
    let mut addresses = vec![first];
    for _ in 0..2 {
        match repair_webhook(&desk(&test), "tekmetric-tint", false).await.expect("repaired") {
            Repaired::ByHand { url, .. } => addresses.push(url),
            other => panic!("{other:?}"),
        }
    }
    let body = r#"{"event":"New to us","data":{"id":5}}"#;
    until("the first is closed", async || post(&addresses[0], body).await == StatusCode::NOT_FOUND).await;
    assert_eq!(post(&addresses[1], body).await, StatusCode::NO_CONTENT);
    assert_eq!(post(&addresses[2], body).await, StatusCode::NO_CONTENT);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_ledger_and_its_catalogs_are_read_as_any_others() {
    let test = Test::start().await;
    let shops = test.add_tekmetric_tenant("tekmetric-tint").await;
    let program = test.run().await;
    let world = &test.site.sim.world;
    for number in 1..=3 {
        let manners = if number == 3 { LOST } else { Manners::default() };
        world.ask_for_estimate(&estimate(number), manners);
    }
    until("two are leads", async || {
        lead_of(&test, &shops, &estimate(1)).await.is_some() && lead_of(&test, &shops, &estimate(2)).await.is_some()
    })
    .await;
    test.advance_to(noon() + TimeDelta::minutes(3));
    world.tekmetric.set_scope(&[77, 78]);
    let day = noon().date_naive();
    let ledger = read_ledger(&desk(&test), "tekmetric-tint", day, day, None).await.expect("a ledger");
    assert_eq!(ledger.days[0].orders, 3);
    // What was read within the second of its last change may have changed once more in it.
    let never: Vec<_> = ledger.days[0].missing.iter().filter(|order| order.why == Why::NeverJudged).collect();
    assert_eq!((never.len(), never[0].order_id.as_str()), (1, "3"));
    assert_eq!(ledger.refused_shops, ["79"]);
    let bus = Bus::connect(&test.site.bus_config("operate")).await.expect("a connection");
    let ledger = read_ledger(&desk(&test), "tekmetric-tint", day, day, Some(&bus)).await.expect("a ledger");
    assert_eq!((ledger.missing, ledger.days[0].orders), (0, 3));
    bus.close().await;

    let catalogs = crate::catalog::replica(&test, &[]);
    let answer = catalogs.find(shops.tenant, "78").await;
    let search = ServiceSearch { words: "ceramic, full sedan".into(), ..ServiceSearch::default() };
    let found = answer.catalog().expect("a catalog").find(&search);
    assert_eq!((found[0].price_cents, found[0].tax), (45_999, domain::Tax::Unknown));
    program.stop().await;
}
