//! The backup of the webhooks: what no webhook tells is found all the same, once, by one replica at a time.

use std::time::Duration;

use chrono::TimeDelta;
use domain::{StopReason, ToldBy};
use orchestrator::Role;
use serde_json::json;
use sim::{Fault, FaultKind, Manners, Quote, Vendor};
use store::{Judged, PollRun};
use tests::{Test, noon, quote, until};

use crate::killed::unacked;

const DANA: &str = "+15125550142";
pub(crate) const LOST: Manners = Manners { duplicates: 0, delay_ms: 0, bad_signature: false, stale: false, lost: true };

/// A site whose CRM is looked through all the time.
pub(crate) async fn polled() -> Test {
    let settings = [
        ("ingest.poll", "true"),
        ("ingest.poll_interval", "100ms"),
        ("ingest.poll_others_interval", "100ms"),
        ("ingest.poll_pause", "20ms"),
        ("ingest.poll_settle", "1ms"),
    ];
    let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Test::start_with(|options| options.settings.extend(settings)).await
}

async fn runs(test: &Test) -> Vec<PollRun> {
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    tx.polls().list_runs(1_000).await.expect("the runs")
}

async fn judged(test: &Test, order: &str) -> Option<Judged> {
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    tx.leads()
        .list_judged(domain::CrmName::Shopmonkey.as_str(), &[order.to_owned()])
        .await
        .expect("judgements")
        .remove(order)
}

/// Somebody asks for a quote, the webhook about it is lost, and a second passes.
fn lose(test: &Test, asked: &Quote) {
    test.site.sim.world.ask_for_quote(asked, LOST);
    a_second_passes(test);
}

fn a_second_passes(test: &Test) {
    test.advance_to(test.site.clock.now() + TimeDelta::seconds(1));
}

/// Waits until the CRM has been looked through from beginning to end, from now on.
async fn until_looked_through(test: &Test) {
    let count = async || runs(test).await.iter().filter(|run| run.outcome != "failed").map(|run| run.runs).sum::<i32>();
    let before = count().await;
    // The one that is under way may have begun before.
    until("the CRM is looked through", async || count().await >= before + 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_webhook_is_lost_is_a_lead_all_the_same() {
    let test = polled().await;
    let program = test.run().await;
    let asked = quote("o-1");
    lose(&test, &asked);
    test.until_texted(&asked).await;
    assert_eq!(judged(&test, "o-1").await.expect("judged").told_by, Some(ToldBy::Poll));
    until_looked_through(&test).await;
    let found: Vec<_> = runs(&test).await.into_iter().filter(|run| run.outcome == "found").collect();
    assert_eq!(found.iter().map(|run| run.told).sum::<i32>(), 2, "the order and its customer: {found:?}");
    assert_eq!(test.texts_to(DANA).len(), 1);
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_webhook_and_poll_both_find_is_one_lead_and_one_text() {
    let test = polled().await;
    let program = test.run().await;
    let world = &test.site.sim.world;
    // Found by looking, and told by a late webhook, twice.
    let late = quote("o-late");
    lose(&test, &late);
    until("it is found", async || judged(&test, "o-late").await.is_some()).await;
    let row = world.shopmonkey.row("order", "o-late").expect("the order");
    world.tell("order", "INSERT", &row, Manners { duplicates: 1, ..Manners::default() });
    // Told by a webhook, and listed afterwards.
    let prompt = Quote { phone: Some("+15125550143".into()), ..quote("o-prompt") };
    world.ask_for_quote(&prompt, Manners::default());
    until("it is known", async || judged(&test, "o-prompt").await.is_some()).await;
    a_second_passes(&test);
    for asked in [&late, &prompt] {
        test.until_texted(asked).await;
    }
    until_looked_through(&test).await;
    until("nothing is left to read", async || unacked(&test).await == 0).await;
    let told_by = async |order: &str| judged(&test, order).await.and_then(|judged| judged.told_by);
    assert_eq!((told_by("o-late").await, told_by("o-prompt").await), (Some(ToldBy::Poll), Some(ToldBy::Webhook)));
    assert_eq!((test.texts_to(DANA).len(), test.texts_to("+15125550143").len()), (1, 1));
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_orders_than_the_crm_shows_at_once_are_all_found() {
    let test = polled().await;
    // An outage of theirs: hundreds of quotes within minutes, ninety of them in one instant, and no webhook.
    for number in 0..330_i64 {
        let at = noon() + TimeDelta::milliseconds(if number < 240 { number * 137 } else { 50_000 });
        test.advance_to(at);
        let asked = Quote { phone: None, email: None, ..quote(&format!("o-{number:03}")) };
        test.site.sim.world.ask_for_quote(&asked, LOST);
    }
    test.advance_to(noon() + TimeDelta::minutes(2));
    let program = test.run().await;
    let ids: Vec<_> = (0..330).map(|number| format!("o-{number:03}")).collect();
    let count = async || {
        let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
        tx.leads().list_judged(domain::CrmName::Shopmonkey.as_str(), &ids).await.expect("judgements").len()
    };
    until("every order is judged", async || count().await == 330).await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crm_that_ignores_the_filter_by_change_is_looked_through_by_creation_and_says_so() {
    let test = polled().await;
    let world = &test.site.sim.world;
    world.shopmonkey.ignore_filter("updatedDate");
    for number in 0..120_i64 {
        test.advance_to(noon() - TimeDelta::days(40) + TimeDelta::minutes(number));
        world.ask_for_quote(&Quote { name: "Oil change".into(), ..quote(&format!("old-{number}")) }, LOST);
    }
    test.advance_to(noon());
    let asked = quote("o-1");
    lose(&test, &asked);
    let program = test.run().await;
    test.until_texted(&asked).await;
    until_looked_through(&test).await;
    let problem = runs(&test).await[0].problem.clone().expect("a problem");
    assert!(problem.contains("does not look for orders by when they were updated"), "{problem}");
    assert_eq!(judged(&test, "old-7").await, None, "what was made before we were there is not ours");

    // With neither filter nobody knows what is missing, and the look is not taken for one.
    world.shopmonkey.ignore_filter("createdDate");
    until("the look fails", async || runs(&test).await[0].outcome == "failed").await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_shop_did_is_heard_without_its_webhooks() {
    let test = polled().await;
    let program = test.run().await;
    let world = &test.site.sim.world;
    let [authorised, booked, reached] = ["o-1", "o-2", "o-3"].map(quote);
    let reached = Quote { phone: None, email: None, ..reached };
    for asked in [&authorised, &booked, &reached] {
        world.ask_for_quote(asked, Manners::default());
    }
    until("all are leads", async || {
        let leads = [test.lead(&authorised).await, test.lead(&booked).await, test.lead(&reached).await];
        leads.iter().all(Option::is_some)
    })
    .await;
    test.advance_to(noon() + TimeDelta::minutes(1));
    world.change_order("o-1", &json!({"authorized": true}), LOST);
    world.book(&json!({"id": "a-1", "customerId": "c-o-2", "startDate": "2026-01-20T17:00:00.000Z"}), LOST);
    let numbers = json!({"phoneNumbers": [{"number": "+15125550177", "primary": true, "optIn": true}]});
    world.change_customer("c-o-3", &numbers, LOST);
    a_second_passes(&test);
    let reason = async |asked: &Quote| test.lead(asked).await.and_then(|lead| lead.stop_reason);
    until("the job is won", async || reason(&authorised).await.as_deref() == Some(StopReason::Converted.as_str()))
        .await;
    until("the customer has booked", async || reason(&booked).await.as_deref() == Some(StopReason::Booked.as_str()))
        .await;
    until("the number is texted", async || test.texts_to("+15125550177").len() == 1).await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_crm_is_away_nothing_is_skipped() {
    let test = polled().await;
    let program = test.run().await;
    let world = &test.site.sim.world;
    world.faults.add(Fault { vendor: Vendor::Shopmonkey, kind: FaultKind::FailBefore, times: 6 });
    world.faults.add(Fault { vendor: Vendor::Shopmonkey, kind: FaultKind::EdgePage, times: 2 });
    let asked = quote("o-1");
    lose(&test, &asked);
    until("the look fails", async || runs(&test).await.iter().any(|run| run.outcome == "failed")).await;
    // Hours pass by the business's clock: what was asked for before the outage is far behind.
    test.advance_to(noon() + TimeDelta::hours(20));
    until("the text is out", async || test.lead(&asked).await.is_some()).await;
    let failed: Vec<_> = runs(&test).await.into_iter().filter(|run| run.outcome == "failed").collect();
    assert!(failed[0].problem.as_deref().is_some_and(|problem| problem.contains("the CRM answered")), "{failed:?}");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_looked_through_by_one_replica_at_a_time_and_a_crashed_one_is_replaced() {
    let test = polled().await;
    let everywhere = test.site.store.everywhere();
    #[expect(clippy::disallowed_methods, reason = "leases follow the wall")]
    let now = chrono::Utc::now() + TimeDelta::seconds(1);
    let taken = everywhere.take_polls(now, now + TimeDelta::seconds(2), 10).await.expect("polls");
    assert_eq!(taken.len(), 1);
    // It is ours: nobody else gets it.
    assert_eq!(everywhere.take_polls(now, now + TimeDelta::seconds(2), 10).await.expect("polls"), []);

    // We have crashed; both replicas would take over, and one does.
    let asked = quote("o-1");
    lose(&test, &asked);
    let (one, two) = (test.run().await, {
        let config = test.site.config(&Role::ALL, &[("http.listen", "127.0.0.1:0")]).expect("settings");
        orchestrator::Program::start(&config, &Role::ALL, None).await.expect("a second replica")
    });
    test.until_texted(&asked).await;
    until_looked_through(&test).await;
    assert_eq!(test.texts_to(DANA).len(), 1);

    // The crashed one was only slow, and writes nothing any more.
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    let late = store::TakenPoll { orders_until: noon() - TimeDelta::days(9), ..taken[0].clone() };
    assert!(!tx.polls().advance(&late, now).await.expect("an answer"));
    drop(tx);
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_from_before_the_shop_went_live_are_kept_and_nobody_is_written_to() {
    let test = polled().await;
    test.went_live(noon() + TimeDelta::seconds(10)).await;
    let program = test.run().await;
    let old = quote("o-old");
    test.site.sim.world.ask_for_quote(&old, Manners::default());
    until("it is kept", async || test.lead(&old).await.is_some()).await;
    let reason = test.lead(&old).await.expect("a lead").stop_reason;
    assert_eq!(reason.as_deref(), Some(StopReason::BeforeGoLive.as_str()));

    test.advance_to(noon() + TimeDelta::minutes(1));
    let new = Quote { phone: Some("+15125550143".into()), ..quote("o-new") };
    lose(&test, &new);
    test.until_texted(&new).await;
    // The old one changes: it is still an old one.
    test.site.sim.world.change_order("o-old", &json!({"recommendation": "call back"}), Manners::default());
    until_looked_through(&test).await;
    until("nothing is left to read", async || unacked(&test).await == 0).await;
    assert_eq!(test.texts_to(DANA), Vec::<String>::new());
    assert_eq!(test.messages(&old).await.len(), 0);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_by_the_crm_closes_the_line_for_everybody_who_asks_it() {
    let test = polled().await;
    let world = &test.site.sim.world;
    let program = test.run().await;
    until_looked_through(&test).await;
    world.faults.add(Fault {
        vendor: Vendor::Shopmonkey,
        kind: FaultKind::TooMany { retry_after_s: Some(2) },
        // Whoever asked before the two seconds were over would meet the next one, and two more seconds.
        times: 1,
    });
    until("the poll is refused", async || runs(&test).await[0].outcome == "failed").await;
    let refused_at = std::time::Instant::now();
    let asked = quote("o-1");
    world.ask_for_quote(&asked, Manners::default());
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    // The lead came by webhook, and waited for the line to open again: nobody asked a vendor that had just refused.
    assert!(refused_at.elapsed() > Duration::from_secs(1), "it did not wait");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_stops_working_is_an_alarm_that_says_what_is_wrong() {
    let test = polled().await;
    let program = test.run().await;
    let shopmonkey = &test.site.sim.world.shopmonkey;
    let state = async || {
        let lines = operate::list_webhooks(&test.site.store).await.expect("the webhooks");
        (lines[0].state.clone(), lines[0].says.clone())
    };
    until("it works", async || state().await.0 == "ok").await;

    // It looks well, and nobody is told.
    lose(&test, &quote("o-1"));
    test.until_texted(&quote("o-1")).await;
    until("its silence is heard", async || state().await.0 == "silent").await;
    assert_eq!(
        state().await.1,
        "of 1 orders within a few minutes 1 came without a webhook; they were found by looking"
    );

    let row = shopmonkey.row("webhook", "wh-1").expect("the webhook");
    for (change, word, says) in [
        (
            json!({"triggers": ["OrderInsert", "OrderUpdate", "Customer"]}),
            "incomplete",
            "our webhook is not told of appointments",
        ),
        (
            json!({"error": true, "errorMessage": "500 again"}),
            "failing",
            "the CRM says that it cannot deliver to us: 500 again",
        ),
        (json!({"enabled": false}), "disabled", "the CRM has switched our webhook off"),
        (
            json!({"url": "https://elsewhere.example/webhooks/shopmonkey/x"}),
            "missing",
            "the CRM has no webhook with our address",
        ),
    ] {
        let mut wrong = row.clone();
        for (name, value) in change.as_object().into_iter().flatten() {
            wrong[name] = value.clone();
        }
        shopmonkey.put("webhook", "wh-1", wrong);
        until("it is seen", async || state().await.0 == word).await;
        assert_eq!(state().await.1, says);
    }
    program.stop().await;
}
