//! What the CRM knows against what we received, and what an operator does about the difference.

use chrono::{NaiveDate, TimeDelta};
use domain::{LocationId, StopReason};
use operate::{Desk, Ledger, Repaired, Why, read_ledger};
use sim::{Manners, Quote};
use stage::Bus;
use store::Location;
use tests::{Test, noon, quote, until};
use uuid::Uuid;

use crate::{killed::unacked, poll::LOST};

const DANA: &str = "+15125550142";

pub(crate) fn desk(test: &Test) -> Desk {
    let config = test.site.config(&[], &[]).expect("settings");
    let limiter = limits::Limiter::new(&config.limits).expect("a limiter");
    Desk {
        store: test.site.store.clone(),
        accounts: accounts::Accounts::new(&config.accounts, limiter.into()),
        clock: test.site.clock.clone(),
        public_url: config.ingest.public_url,
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

async fn ledger(test: &Test, recover: Option<&Bus>) -> Ledger {
    read_ledger(&desk(test), "sample-tint", day("2026-01-09"), day("2026-01-10"), recover).await.expect("a ledger")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_names_what_is_missing_and_takes_it_in() {
    let test = Test::start().await;
    let program = test.run().await;
    let world = &test.site.sim.world;
    // Half past eleven in the evening in Denver is tomorrow in Tampa, and it is Denver's day that counts.
    let denver = Some("6123456789abcdef0123456c".to_owned());
    test.advance_to("2026-01-10T06:30:00Z".parse().expect("a time"));
    world.ask_for_quote(&Quote { location_id: denver, ..quote("o-late") }, Manners::default());
    test.advance_to(noon());
    let told = Quote { phone: Some("+15125550143".into()), ..quote("o-told") };
    world.ask_for_quote(&told, Manners::default());
    world.ask_for_quote(&Quote { name: "Oil change".into(), ..quote("o-oil") }, Manners::default());
    let lost = quote("o-lost");
    world.ask_for_quote(&lost, LOST);
    let changed = Quote { phone: Some("+15125550144".into()), ..quote("o-changed") };
    world.ask_for_quote(&changed, Manners::default());
    test.until_texted(&told).await;
    test.until_texted(&changed).await;
    until("nothing is left to read", async || unacked(&test).await == 0).await;
    world.change_order("o-changed", &serde_json::json!({"authorized": true}), LOST);

    // A moment later all of it may still be on its way.
    let early = ledger(&test, None).await;
    assert_eq!(early.missing, 0);
    assert_eq!(early.days.iter().map(|day| day.on_their_way).sum::<usize>(), 2);

    test.advance_to(noon() + TimeDelta::minutes(2));
    let found = ledger(&test, None).await;
    assert_eq!(found.missing, 2);
    let [late, noon_day] = &found.days[..] else { panic!("two days: {found:?}") };
    assert_eq!((late.day, late.location.as_str(), late.orders), (day("2026-01-09"), "Sample Tint Denver", 1));
    assert_eq!(
        (noon_day.day, noon_day.location.as_str(), noon_day.orders),
        (day("2026-01-10"), "Sample Tint Tampa", 4)
    );
    let mut missing: Vec<_> = noon_day.missing.iter().map(|order| (order.order_id.as_str(), order.why)).collect();
    missing.sort_by_key(|(id, _)| *id);
    assert_eq!(missing, [("o-changed", Why::JudgedBeforeItsChange), ("o-lost", Why::NeverJudged)]);
    assert_eq!(noon_day.told_by["webhook"], 2);
    assert_eq!(noon_day.not_leads["other_name"], 1);

    let bus = Bus::connect(&test.site.bus_config("operate")).await.expect("a connection");
    let after = ledger(&test, Some(&bus)).await;
    bus.close().await;
    assert_eq!(after.missing, 0);
    test.until_texted(&lost).await;
    assert_eq!(test.texts_to(DANA).len(), 2, "the late one and the lost one");
    let reason = test.lead(&changed).await.expect("a lead").stop_reason;
    assert_eq!(reason.as_deref(), Some(StopReason::Converted.as_str()));
    let told_by: usize = after.days.iter().filter_map(|day| day.told_by.get("ledger")).sum();
    assert_eq!(told_by, 1);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_a_shop_that_was_not_set_up_are_missing_once_it_is() {
    let test = Test::start().await;
    let program = test.run().await;
    let world = &test.site.sim.world;
    let new_shop = "6123456789abcdef0000beef";
    let asked = Quote { location_id: Some(new_shop.into()), ..quote("o-1") };
    world.ask_for_quote(&asked, Manners::default());
    let judged = async || test.site.store.everywhere().count_judgements_by_reason().await.unwrap_or_default();
    until("it is judged", async || !judged().await.is_empty()).await;
    test.advance_to(noon() + TimeDelta::minutes(2));
    assert_eq!(ledger(&test, None).await.missing, 0, "a shop that is not ours is nobody's loss");

    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    let location = Location {
        id: LocationId::new(Uuid::new_v4()),
        crm_location_id: new_shop.into(),
        name: "Sample Tint Boise".into(),
        time_zone: chrono_tz::America::Boise,
        phone: "+12085550100".into(),
        postal_address: "4 Main St, Boise, ID 83702".into(),
        hours: "Monday to Saturday, 9 to 6".into(),
        region: None,
        opening: None,
        closed_on: Vec::new(),
        text_sender: None,
    };
    tx.locations().save(&location).await.expect("saved");
    tx.commit().await.expect("committed");
    // What enrich remembers of the tenant may be older.
    let bus = Bus::connect(&test.site.bus_config("operate")).await.expect("a connection");
    assert_eq!(ledger(&test, None).await.missing, 1);
    assert_eq!(ledger(&test, Some(&bus)).await.missing, 0);
    bus.close().await;
    test.until_texted(&asked).await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_takes_in_the_last_month_and_writes_to_nobody_unless_told_to() {
    let test = Test::start().await;
    let world = &test.site.sim.world;
    for number in 0..130_i64 {
        test.advance_to(noon() - TimeDelta::days(35) + TimeDelta::hours(number * 6));
        let phone = Some(format!("+1512555{number:04}"));
        world.ask_for_quote(&Quote { phone, ..quote(&format!("o-{number:03}")) }, LOST);
    }
    test.advance_to(noon());
    test.went_live(noon()).await;
    let program = test.run().await;
    let bus = Bus::connect(&test.site.bus_config("operate")).await.expect("a connection");
    let mut steps = 0;
    let done = operate::backfill(&desk(&test), &bus, "sample-tint", 30, false, |_| steps += 1).await.expect("done");
    // Five of the thirty-five days are too long ago.
    assert_eq!((done.orders, done.told), (110, 110));
    assert!(steps > 1, "its progress was shown {steps} times");
    until("nothing is left to read", async || unacked(&test).await == 0).await;
    let sent = world.journal.count(|event| matches!(event, sim::Event::Text { .. } | sim::Event::Email { .. }));
    assert_eq!(sent, 0);
    let lead = test.lead(&quote("o-129")).await.expect("a lead");
    assert_eq!(lead.stop_reason.as_deref(), Some(StopReason::BeforeGoLive.as_str()));

    // Once more finds nothing new, and further back only what is there.
    let again = operate::backfill(&desk(&test), &bus, "sample-tint", 30, false, |_| {}).await.expect("done");
    assert_eq!((again.orders, again.told), (110, 0));
    let further = operate::backfill(&desk(&test), &bus, "sample-tint", 33, true, |_| {}).await.expect("done");
    assert_eq!((further.orders, further.told), (122, 12));
    bus.close().await;
    test.until_texted(&Quote { phone: Some("+15125550010".into()), ..quote("o-010") }).await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_was_given_up_is_switched_on_and_one_that_is_gone_is_registered_anew() {
    let test = Test::start().await;
    let program = test.run().await;
    let shopmonkey = &test.site.sim.world.shopmonkey;
    let repair = async || operate::repair_webhook(&desk(&test), "sample-tint", false).await.expect("repaired");
    shopmonkey.give_up_webhooks("500 again and again");
    let first = quote("o-1");
    test.site.sim.world.ask_for_quote(&first, Manners::default());
    assert_eq!(repair().await, Repaired::SwitchedOn);
    let second = Quote { phone: Some("+15125550143".into()), ..quote("o-2") };
    test.site.sim.world.ask_for_quote(&second, Manners::default());
    test.until_texted(&second).await;
    assert_eq!(test.texts_to(DANA), Vec::<String>::new(), "while it was off nobody was told");

    // Gone, at an account that knows triggers by the other names.
    shopmonkey.remove("webhook", "wh-1");
    shopmonkey.know_entities_alone();
    assert_eq!(repair().await, Repaired::Registered);
    let third = Quote { phone: Some("+15125550144".into()), ..quote("o-3") };
    test.site.sim.world.ask_for_quote(&third, Manners::default());
    test.until_texted(&third).await;
    // A new secret for one that is there.
    let anew = operate::repair_webhook(&desk(&test), "sample-tint", true).await.expect("repaired");
    assert_eq!(anew, Repaired::Registered);
    let fourth = Quote { phone: Some("+15125550145".into()), ..quote("o-4") };
    test.site.sim.world.ask_for_quote(&fourth, Manners::default());
    test.until_texted(&fourth).await;
    // Once more does no harm.
    assert_eq!(repair().await, Repaired::SwitchedOn);

    let unknown = operate::repair_webhook(&desk(&test), "nobody", false).await.expect_err("an error");
    assert!(unknown.to_string().contains("there is no tenant called \"nobody\""), "{unknown}");
    program.stop().await;
}
