//! What every CRM's adapter does, whatever its vendor's words are. A new adapter joins in `rig.rs` and in `in_every_crm!`.

mod rig;
mod tekmetric;

use std::{collections::BTreeSet, time::Duration};

use chrono::TimeDelta;
use crm::{About, Change, Error, Feed, Part, Stamp, Wanted, Window};
use domain::{CrmName, OrderStatus, StopReason, Verdict, WebsiteLeadRules};
use rig::{Rig, start_of_day};
use sim::FaultKind;

/// Each of these is a test of each adapter.
macro_rules! in_every_crm {
    ($($test:ident),* $(,)?) => {
        mod with_shopmonkey {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::Rig::start(domain::CrmName::Shopmonkey).await).await;
            })*
        }
        mod with_tekmetric {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::Rig::start(domain::CrmName::Tekmetric).await).await;
            })*
        }
    };
}

in_every_crm!(
    a_quote_is_read_as_it_was_asked_for,
    what_is_not_there_is_none,
    a_change_is_a_newer_version,
    an_order_that_was_deleted_ends_its_lead,
    whoever_refused_texts_is_not_texted,
    an_appointment_books_until_it_is_called_off,
    a_list_has_what_lies_within_its_window_and_nothing_else,
    a_crowded_window_says_so_and_its_halves_have_everything,
    a_filter_that_is_ignored_is_noticed,
    a_listed_row_is_told_as_a_webhook_would_tell_it,
    a_catalog_is_whole_and_of_one_shop,
    the_shops_are_those_of_the_account,
    a_limit_says_when_to_come_again,
    an_outage_is_an_outage_and_nobodys_mistake,
    a_key_that_is_refused_is_somebodys_to_mend,
    nonsense_from_outside_is_refused_and_breaks_nothing,
);

fn window(from_ms: i64, until_ms: i64) -> Window {
    let at = |ms| start_of_day() + TimeDelta::milliseconds(ms);
    Window::new(at(from_ms), at(until_ms)).expect("a window")
}

fn orders(rig: &Rig, stamp: Stamp, window: Window) -> Wanted {
    Wanted { feed: Feed::Orders, stamp, shop: rig.shop_of_list(), window }
}

async fn ids(rig: &Rig, stamp: Stamp, window: Window) -> Vec<String> {
    let listed = rig.crm.list(&orders(rig, stamp, window)).await.expect("a list");
    listed.rows.into_iter().map(|row| row.id).collect()
}

async fn a_quote_is_read_as_it_was_asked_for(rig: Rig) {
    let quote = rig.quote(700_123);
    rig.ask_at(&quote, 0);
    let order = rig.crm.order("700123").await.expect("an answer").expect("an order");
    assert_eq!((order.id.as_str(), order.location_id.as_deref()), ("700123", Some(rig.shop())));
    assert_eq!(
        (&order.status, order.authorized, order.paid, order.deleted),
        (&OrderStatus::Estimate, false, false, false)
    );
    assert_eq!((order.service(), order.total_cents, order.created_at), ("Window Tint", 45_999, start_of_day()));
    assert_eq!(WebsiteLeadRules::default().judge(&order), Verdict::Lead);
    assert_eq!(StopReason::seen_in(&order, &WebsiteLeadRules::default()), None);

    let customer = rig.crm.customer(&order.customer_id.expect("a customer's id")).await.expect("an answer");
    let customer = customer.expect("a customer");
    let phone = customer.phone.expect("a number");
    assert_eq!((phone.number.as_str(), phone.texts_allowed), ("+15125550142", true));
    assert_eq!(customer.email.expect("an address").as_str(), "dana@example.com");
    assert_eq!(customer.first_name.as_deref(), Some("Dana"));
    let vehicle = rig.crm.vehicle(&order.vehicle_id.expect("a vehicle's id")).await.expect("an answer");
    assert_eq!(vehicle.expect("a vehicle").title(), "2021 Honda Civic");
}

async fn what_is_not_there_is_none(rig: Rig) {
    for id in ["1", "nobody's", ".", "..", "%2e%2e", "a/b?c#d", "\u{202e}", &"9".repeat(300)] {
        assert!(rig.crm.order(id).await.expect("an answer").is_none(), "{id}");
        assert!(rig.crm.customer(id).await.expect("an answer").is_none(), "{id}");
        assert!(rig.crm.vehicle(id).await.expect("an answer").is_none(), "{id}");
        assert!(rig.crm.appointment(id).await.expect("an answer").is_none(), "{id}");
    }
}

async fn a_change_is_a_newer_version(rig: Rig) {
    let quote = rig.quote(1);
    rig.ask_at(&quote, 0);
    let before = rig.crm.order("1").await.expect("an answer").expect("an order");
    rig.wait_s(2);
    rig.authorize(&quote);
    let after = rig.crm.order("1").await.expect("an answer").expect("an order");
    assert!(after.version > before.version && after.authorized);
    assert_eq!(StopReason::seen_in(&after, &WebsiteLeadRules::default()), Some(StopReason::Converted));
    let read_at = rig.clock.now() + TimeDelta::seconds(2);
    assert!(rig.crm.has_in_it(after.version, read_at, before.version));
    assert!(rig.crm.has_in_it(after.version, read_at, after.version));
    assert!(!rig.crm.has_in_it(before.version, read_at, after.version));
}

async fn an_order_that_was_deleted_ends_its_lead(rig: Rig) {
    let quote = rig.quote(1);
    rig.ask_at(&quote, 0);
    let before = rig.crm.order("1").await.expect("an answer").expect("an order");
    rig.wait_s(2);
    rig.delete(&quote);
    // A CRM has forgotten it, or says that it is deleted.
    if let Some(order) = rig.crm.order("1").await.expect("an answer") {
        assert!(order.deleted && order.version > before.version);
        assert_eq!(StopReason::seen_in(&order, &WebsiteLeadRules::default()), Some(StopReason::ClosedInCrm));
    }
}

async fn whoever_refused_texts_is_not_texted(rig: Rig) {
    let quote = sim::Quote { texts_allowed: false, ..rig.quote(1) };
    rig.ask_at(&quote, 0);
    let order = rig.crm.order("1").await.expect("an answer").expect("an order");
    let customer = rig.crm.customer(&order.customer_id.expect("an id")).await.expect("an answer").expect("a customer");
    assert!(!customer.phone.expect("a number").texts_allowed);
}

async fn an_appointment_books_until_it_is_called_off(rig: Rig) {
    let quote = rig.quote(1);
    rig.ask_at(&quote, 0);
    let starts_at = start_of_day() + TimeDelta::days(7);
    let id = rig.book(&quote, starts_at);
    let order = rig.crm.order("1").await.expect("an answer").expect("an order");
    let appointment = rig.crm.appointment(&id).await.expect("an answer").expect("an appointment");
    assert_eq!((appointment.starts_at, &appointment.customer_id), (starts_at, &order.customer_id));
    assert!(appointment.books(start_of_day()));
    rig.wait_s(2);
    rig.call_off(&quote);
    let appointment = rig.crm.appointment(&id).await.expect("an answer").expect("an appointment");
    assert!(!appointment.books(start_of_day()));
    let listed = Wanted { feed: Feed::Appointments, ..orders(&rig, Stamp::Updated, window(0, 10_000)) };
    assert_eq!(rig.crm.list(&listed).await.expect("a list").rows.len(), 1);
}

async fn a_list_has_what_lies_within_its_window_and_nothing_else(rig: Rig) {
    for (number, ms) in [(1, 0), (2, 10_000), (3, 20_000)] {
        rig.ask_at(&rig.quote(number), ms);
    }
    rig.ask_at(&sim::Quote { location_id: Some(rig.other_shop().to_owned()), ..rig.quote(9) }, 15_000);
    for stamp in [Stamp::Created, Stamp::Updated] {
        let mut found = ids(&rig, stamp, window(0, 20_000)).await;
        // Where all shops are listed together, the other one is there too.
        found.retain(|id| id != "9" || rig.crm.lists_by_shop());
        assert_eq!(found, ["1", "2"], "{stamp:?}");
        assert_eq!(ids(&rig, stamp, window(20_000, 20_001)).await, ["3"], "{stamp:?}");
        assert!(ids(&rig, stamp, window(21_000, 90_000)).await.is_empty(), "{stamp:?}");
    }
    let customers = Wanted { feed: Feed::Customers, ..orders(&rig, Stamp::Updated, window(9_000, 11_000)) };
    let listed = rig.crm.list(&customers).await.expect("a list");
    assert_eq!((listed.rows.len(), listed.is_whole), (1, true));
}

async fn a_crowded_window_says_so_and_its_halves_have_everything(rig: Rig) {
    let all: BTreeSet<_> = (0..250).map(|number| (1_000 + number).to_string()).collect();
    for number in 0..250 {
        rig.ask_at(&rig.quote(1_000 + number), number * 1_000);
    }
    let (mut ahead, mut found, mut crowded) = (vec![window(0, 600_000)], BTreeSet::new(), 0);
    while let Some(window) = ahead.pop() {
        let listed = rig.crm.list(&orders(&rig, Stamp::Updated, window)).await.expect("a list");
        if listed.is_whole {
            found.extend(listed.rows.into_iter().map(|row| row.id));
        } else {
            crowded += 1;
            ahead.extend(<[Window; 2]>::from(window.halve().expect("not one instant")));
        }
    }
    assert!(crowded > 0);
    assert_eq!(found, all);
}

async fn a_filter_that_is_ignored_is_noticed(rig: Rig) {
    for number in 0..3 {
        rig.ask_at(&rig.quote(number + 1), number * 1_000);
    }
    rig.ignore_dates();
    // As long as the list is whole, what was not asked for is left out of it.
    assert_eq!(ids(&rig, Stamp::Updated, window(1_000, 2_000)).await, ["2"]);
    for number in 10..150 {
        rig.ask_at(&rig.quote(number), 60_000);
    }
    let crowded = rig.crm.list(&orders(&rig, Stamp::Updated, window(1_000, 2_000))).await;
    assert!(matches!(crowded, Err(Error::FilterIgnored { feed: "orders", .. })), "{crowded:?}");
}

async fn a_listed_row_is_told_as_a_webhook_would_tell_it(rig: Rig) {
    rig.ask_at(&rig.quote(1), 0);
    let listed = rig.crm.list(&orders(&rig, Stamp::Created, window(0, 1_000))).await.expect("a list");
    let row = &listed.rows[0];
    let change = Change::parse(rig.name, &row.webhook).expect("a change");
    let order = rig.crm.order("1").await.expect("an answer").expect("an order");
    assert_eq!((change.about, change.id.as_str(), change.is_deletion), (About::Order, "1", false));
    assert_eq!((change.row_version, row.version), (Some(order.version), order.version));
    assert_eq!((change.location_id.as_deref(), row.created_at), (Some(rig.shop()), Some(start_of_day())));
}

async fn a_catalog_is_whole_and_of_one_shop(rig: Rig) {
    let count = rig.stock(rig.shop(), 230);
    rig.stock(rig.other_shop(), 0);
    let (mut ahead, mut found) = (vec![Part::Whole], BTreeSet::new());
    while let Some(part) = ahead.pop() {
        let listed = rig.crm.services(rig.shop(), part).await.expect("services");
        found.extend(listed.services.into_iter().map(|service| service.id));
        ahead.extend(listed.rest);
    }
    assert_eq!(found.len(), count);
    let nobody = rig.crm.services("123456789", Part::Whole).await;
    assert!(nobody.map_or(true, |listed| listed.services.is_empty()), "of a shop that there is not");
}

async fn the_shops_are_those_of_the_account(rig: Rig) {
    rig.stock(rig.shop(), 0);
    let shops = rig.crm.shops().await.expect("shops");
    assert!(shops.iter().any(|shop| shop.id == rig.shop() && shop.name.starts_with("Sample Shop")), "{shops:?}");
}

async fn a_limit_says_when_to_come_again(rig: Rig) {
    // The first of all calls may ask for more than one thing.
    let _ = rig.crm.order("1").await;
    rig.be_rude(FaultKind::TooMany { retry_after_s: Some(7) });
    let limited = rig.crm.order("1").await.expect_err("a limit");
    assert_eq!(limited.retry_after(), Some(Duration::from_secs(7)), "{limited}");
    rig.be_rude(FaultKind::TooMany { retry_after_s: None });
    let limited = rig.crm.list(&orders(&rig, Stamp::Updated, window(0, 1))).await.expect_err("a limit");
    assert!(matches!(limited, Error::Limited { retry_after } if retry_after >= Duration::from_secs(5)), "{limited}");
}

async fn an_outage_is_an_outage_and_nobodys_mistake(rig: Rig) {
    let _ = rig.crm.order("1").await;
    rig.be_rude(FaultKind::FailBefore);
    assert!(matches!(rig.crm.order("1").await, Err(Error::Failing { status: 500, .. })));
    rig.be_rude(FaultKind::CutBefore);
    assert!(matches!(rig.crm.customer("1").await, Err(Error::Unreachable(_))));
    rig.be_rude(FaultKind::EdgePage);
    assert!(matches!(rig.crm.vehicle("1").await, Err(Error::Failing { status: 403, .. })));
    rig.be_rude(FaultKind::Slow { ms: 60_000 });
    let slow = rig.crm.order("a-customers-id").await.expect_err("no answer in time");
    assert!(matches!(slow, Error::Unreachable(_)));
    assert!(
        !format!("{slow:?} {}", service::telemetry::causes(&slow)).contains("a-customers-id"),
        "an error names nobody's row"
    );
}

async fn a_key_that_is_refused_is_somebodys_to_mend(rig: Rig) {
    let stranger = Rig::start_with_key(rig.name, false).await;
    let refused = stranger.crm.order("1").await.expect_err("refused");
    assert!(matches!(refused, Error::KeyRefused { .. }), "{refused}");
    assert!(refused.retry_after().is_some_and(|after| after >= Duration::from_secs(30)), "nobody guesses");
    assert!(matches!(stranger.crm.shops().await, Err(Error::KeyRefused { .. })));
}

async fn nonsense_from_outside_is_refused_and_breaks_nothing(rig: Rig) {
    rig.ask_at(&rig.quote(1), 0);
    let listed = rig.crm.list(&orders(&rig, Stamp::Created, window(0, 1_000))).await.expect("a list");
    let body = &listed.rows[0].webhook;
    for length in 0..body.len() {
        assert!(Change::parse(rig.name, &body[..length]).is_err(), "{length} bytes");
    }
    for nonsense in
        ["null", "[]", "1", r#"{"data":[]}"#, r#"{"data":null}"#, r#"{"data":{"id":{}}}"#, r#"{"data":{"id":true}}"#]
    {
        // Refused in words, or kept as something that nobody reads.
        match Change::parse(rig.name, nonsense.as_bytes()) {
            Ok(change) => assert_eq!(change.about, About::Other, "{nonsense}"),
            Err(refused) => assert!(!refused.to_string().is_empty()),
        }
    }
    assert_eq!(CrmName::ALL.len(), 2, "a new CRM joins this suite");
}
