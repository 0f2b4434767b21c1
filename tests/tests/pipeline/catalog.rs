//! What the shops sell: always answered, whatever is down, and asked of the CRM as rarely as can be.

use std::time::Duration;

use catalog_cache::{Answer, Catalogs};
use domain::{ServiceSearch, TenantId};
use futures::future::join_all;
use orchestrator::demo::LOCATIONS;
use serde_json::json;
use sim::{Event, Fault, FaultKind, Manners, Vendor};
use tests::{Test, until};
use uuid::Uuid;

const SHOP: &str = LOCATIONS[0].0;

/// A replica's, with these settings changed.
pub(crate) fn replica(test: &Test, changes: &[(&str, &str)]) -> Catalogs {
    let config = test.site.config(&[], changes).expect("settings");
    let limiter = limits::Limiter::new(&config.limits).expect("a limiter");
    let accounts = accounts::Accounts::new(&config.accounts, limiter.into());
    let (store, clock) = (test.site.store.clone(), test.site.clock.clone());
    Catalogs::new(config.catalog, &config.limits, store, accounts, clock).expect("catalogs")
}

/// How often the CRM was asked for a catalog.
fn asked(test: &Test) -> usize {
    test.site.sim.world.journal.count(|event| matches!(event, Event::CatalogAsked { .. }))
}

fn price(answer: &Answer, words: &str) -> Option<i64> {
    let search = ServiceSearch { words: words.to_owned(), ..ServiceSearch::default() };
    Some(answer.catalog()?.find(&search).first()?.price_cents)
}

fn break_crm(test: &Test) {
    test.site.sim.world.faults.add(Fault { vendor: Vendor::Shopmonkey, kind: FaultKind::FailBefore, times: 1_000_000 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_who_ask_at_once_cause_one_question_to_the_crm() {
    let test = Test::start().await;
    let (one, two) = (replica(&test, &[]), replica(&test, &[]));
    let tenant = test.site.franchise.tenant;
    let everybody = (0..1_000).map(|number| {
        let catalogs = if number % 2 == 0 { one.clone() } else { two.clone() };
        tokio::spawn(async move { catalogs.find(tenant, SHOP).await })
    });
    for answer in join_all(everybody).await {
        assert_eq!(price(&answer.expect("an answer"), "ceramic, full sedan"), Some(45_999));
    }
    assert_eq!(asked(&test), 1);
    // Another tenant has no account here, and no part in what this one knows.
    let other = TenantId::new(Uuid::new_v4());
    assert!(one.find(other, SHOP).await.catalog().is_none());
    assert_eq!(asked(&test), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_redis_away_then_the_crm_then_both_everybody_is_answered() {
    let test = Test::start().await;
    let short = [("catalog.least_ttl", "200ms"), ("catalog.most_ttl", "300ms"), ("catalog.local_ttl", "50ms")];
    let catalogs = replica(&test, &short);
    let find = async || catalogs.find(test.site.franchise.tenant, SHOP).await;
    assert_eq!(price(&find().await, "ppf"), Some(159_900));

    // Redis is killed: the CRM is asked directly, and this process remembers.
    test.site.stack.supervisor.stop("redis");
    let change = json!({"fixedPriceCents": 149_900});
    test.site.sim.world.change_service(
        &format!("s-{SHOP}-5"),
        SHOP,
        &change,
        Manners { lost: true, ..Manners::default() },
    );
    until("the new price is told", async || {
        let answer = find().await;
        assert!(answer.catalog().is_some(), "nobody may go without an answer");
        price(&answer, "ppf") == Some(149_900)
    })
    .await;

    // The CRM too: the last known answer, as old as it is.
    break_crm(&test);
    until("the answer is old and told as such", async || {
        let Answer::Known { age, catalog } = find().await else { panic!("nobody may go without an answer") };
        assert_eq!(catalog.services.len(), 8);
        age > Duration::from_millis(800)
    })
    .await;
    let before = asked(&test);
    for _ in 0..100 {
        assert_eq!(price(&find().await, "ppf"), Some(149_900));
    }
    assert!(asked(&test) <= before + 1, "a CRM that fails is left alone for a while");

    // Another replica, which knows nothing and reaches nobody, says so and does not hang.
    let newcomer = replica(&test, &short);
    assert!(matches!(newcomer.find(test.site.franchise.tenant, SHOP).await, Answer::Unknown));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_crm_away_the_last_known_catalog_stands_for_every_replica() {
    let test = Test::start().await;
    let short = [("catalog.least_ttl", "50ms"), ("catalog.most_ttl", "50ms")];
    let tenant = test.site.franchise.tenant;
    replica(&test, &short).find(tenant, SHOP).await;
    break_crm(&test);
    let newcomer = replica(&test, &short);
    let mut answers = 0;
    until("it is stale", async || {
        let Answer::Known { age, .. } = newcomer.find(tenant, SHOP).await else { panic!("it is in Redis") };
        answers += 1;
        age > Duration::from_millis(300)
    })
    .await;
    // A shop that nobody ever knew is asked for once, and then left alone for a while.
    let unknown = LOCATIONS[1].0;
    let before = asked(&test);
    for catalogs in [&newcomer, &newcomer, &replica(&test, &short)] {
        assert!(matches!(catalogs.find(tenant, unknown).await, Answer::Unknown));
    }
    assert!(asked(&test) <= before + 2, "{} questions", asked(&test) - before);
    test.site.sim.world.faults.clear();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_waits_for_what_is_fetched_behind_its_answer() {
    let test = Test::start().await;
    let short = [("catalog.least_ttl", "1ms"), ("catalog.most_ttl", "2ms"), ("catalog.local_ttl", "1ms")];
    let tenant = test.site.franchise.tenant;
    assert_eq!(price(&replica(&test, &short).find(tenant, SHOP).await, "ppf"), Some(159_900));
    let lost = Manners { lost: true, ..Manners::default() };
    test.site.sim.world.change_service(&format!("s-{SHOP}-5"), SHOP, &json!({"fixedPriceCents": 149_900}), lost);
    // Another process, with the old price in Redis; its first answer is its last.
    assert_eq!(price(&replica(&test, &short).find_fresh(tenant, SHOP).await, "ppf"), Some(149_900));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_cannot_be_read_is_fetched_anew() {
    let test = Test::start().await;
    let tenant = test.site.franchise.tenant;
    replica(&test, &[]).find(tenant, SHOP).await;
    let url = test.site.settings["redis.url"].clone();
    let mut redis = redis::Client::open(url).expect("an address").get_connection().expect("a connection");
    let key = format!("catalog:{{{tenant}}}:{SHOP}");
    for broken in ["", "{\"asked_at\":", "[]", "\u{0}\u{1}"] {
        redis::cmd("SET").arg(&key).arg(broken).exec(&mut redis).expect("written");
        let before = asked(&test);
        assert_eq!(price(&replica(&test, &[]).find(tenant, SHOP).await, "wrap"), Some(349_900), "{broken:?}");
        assert_eq!(asked(&test), before + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_price_is_known_as_soon_as_its_webhook_came_and_a_price_list_is_not_fetched_a_hundred_times() {
    let test = Test::start().await;
    let program = test.run().await;
    let catalogs = replica(&test, &[("catalog.local_ttl", "20ms")]);
    let find = async || catalogs.find(test.site.franchise.tenant, SHOP).await;
    assert_eq!(price(&find().await, "windshield"), Some(14_999));
    let world = &test.site.sim.world;
    world.change_service(&format!("s-{SHOP}-3"), SHOP, &json!({"fixedPriceCents": 12_999}), Manners::default());
    until("the new price is told", async || price(&find().await, "windshield") == Some(12_999)).await;

    let before = asked(&test);
    for number in 0..60 {
        let fields = json!({"name": format!("Special {number}"), "fixedPriceCents": number * 100});
        world.change_service(&format!("s-new-{number}"), SHOP, &fields, Manners::default());
    }
    until("all of it is known", async || find().await.catalog().is_some_and(|catalog| catalog.services.len() == 68))
        .await;
    until("nothing is left to read", async || crate::killed::unacked(&test).await == 0).await;
    let fetches = asked(&test) - before;
    assert!(fetches < 30, "{fetches} questions for sixty changes");
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_services_than_the_crm_shows_at_once_are_all_there() {
    let test = Test::start().await;
    let lost = Manners { lost: true, ..Manners::default() };
    for number in 0..250_i64 {
        test.advance_to(tests::noon() - chrono::TimeDelta::minutes(number));
        let fields = json!({"name": format!("Service {number}")});
        test.site.sim.world.change_service(&format!("s-new-{number}"), SHOP, &fields, lost);
    }
    test.advance_to(tests::noon());
    let answer = replica(&test, &[]).find(test.site.franchise.tenant, SHOP).await;
    assert_eq!(answer.catalog().expect("a catalog").services.len(), 258);
    // The others' lists are their own.
    let answer = replica(&test, &[]).find(test.site.franchise.tenant, LOCATIONS[1].0).await;
    assert_eq!(answer.catalog().expect("a catalog").services.len(), 8);
}
