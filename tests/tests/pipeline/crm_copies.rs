//! A CRM that says things twice, late, out of order, or from a copy that lags behind its own webhooks.

use chrono::TimeDelta;
use serde_json::{Value, json};
use sim::{Fault, FaultKind, Manners, Quote, Vendor};
use tests::{Test, noon, quote, until};

use crate::{
    door::tell,
    killed::{consumer, facts, unacked},
};

const DANA: &str = "+15125550142";

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_announced_and_is_never_there_is_a_dead_letter_for_somebody_to_look_at() {
    let test = Test::start().await;
    let program = test.run().await;
    let body = r#"{"table":"order","operation":"INSERT","data":{"id":"o-nowhere","meta":{"version":1}}}"#;
    tell(&test, "shopmonkey.order", "order:o-nowhere:INSERT:v1", noon() - TimeDelta::minutes(10), body).await;
    let dead = async || test.site.store.everywhere().list_open_dead_letters(10).await.unwrap_or_default();
    until("it is a dead letter", async || dead().await.len() == 1).await;
    assert!(dead().await[0].reasons[0].contains("check that the tenant's key is of the account"));

    // One that was there, and was deleted while a word about it waited, is no mistake of anybody's.
    let world = &test.site.sim.world;
    world.ask_for_quote(&Quote { name: "Oil change".into(), ..quote("o-1") }, Manners::default());
    let judged = async || test.site.store.everywhere().count_judgements_by_reason().await.unwrap_or_default();
    until("it is judged", async || !judged().await.is_empty()).await;
    world.shopmonkey.remove("order", "o-1");
    let body = r#"{"table":"order","operation":"UPDATE","data":{"id":"o-1","meta":{"version":2}}}"#;
    tell(&test, "shopmonkey.order", "order:o-1:UPDATE:v2", noon() - TimeDelta::minutes(10), body).await;
    until("nothing is left to read", async || unacked(&test).await == 0).await;
    assert_eq!(dead().await.len(), 1);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_and_overtaken_webhooks_make_one_lead_and_one_text() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = quote("o-1");
    let world = &test.site.sim.world;
    world.ask_for_quote(&asked, Manners { duplicates: 4, delay_ms: 120, ..Manners::default() });
    world.change_order("o-1", &json!({"recommendation": "call back"}), Manners { duplicates: 2, ..Manners::default() });
    let answered = async || world.journal.count(|event| matches!(event, sim::Event::WebhookAnswered { .. })) == 8;
    until("every webhook is answered", answered).await;
    test.until_texted(&asked).await;
    assert_eq!(test.texts_to(DANA).len(), 1);
    assert_eq!(test.states(&asked).await.len(), 13);
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crm_that_is_rude_delays_a_lead_and_loses_none() {
    let test = Test::start().await;
    let program = test.run().await;
    for kind in [
        FaultKind::TooMany { retry_after_s: Some(1) },
        FaultKind::EdgePage,
        FaultKind::FailBefore,
        FaultKind::CutBefore,
        FaultKind::Slow { ms: 300 },
    ] {
        test.site.sim.world.faults.add(Fault { vendor: Vendor::Shopmonkey, kind, times: 1 });
    }
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_of_an_order_changes_nothing() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = quote("o-1");
    let world = &test.site.sim.world;
    world.ask_for_quote(&asked, Manners::default());
    until("the touches are planned", async || test.states(&asked).await.len() == 13).await;
    let mut old = world.shopmonkey.row("order", "o-1").expect("the order");
    world.change_order("o-1", &json!({"recommendation": "call back"}), Manners::default());
    until("the change is taken in", async || unacked(&test).await == 0 && answered(&test) == 2).await;

    // A replica of theirs that lags behind still has the order as it was, and wrong at that.
    old["archived"] = json!(true);
    world.shopmonkey.put("order", "o-1", old.clone());
    world.tell("order", "UPDATE", &old, Manners::default());
    until("the old copy is taken in", async || answered(&test) == 3 && unacked(&test).await == 0).await;
    assert_eq!(test.lead(&asked).await.expect("a lead").stop_reason, None);
    assert!(test.states(&asked).await.iter().all(|state| !state.ends_with("cancelled")));
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_is_faster_than_the_crm_itself_is_a_lead_a_moment_later() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = quote("o-1");
    let world = &test.site.sim.world;
    world.ask_for_quote(&asked, Manners { delay_ms: 200, ..Manners::default() });
    let order = world.shopmonkey.remove("order", "o-1").expect("the order");
    until("the webhook is answered", async || answered(&test) == 1).await;
    // A second delivery: the first found no order at the CRM and gave the message back.
    until("the CRM was asked in vain", async || {
        consumer(&test, "INBOUND", "enrich").await["delivered"]["consumer_seq"].as_u64() >= Some(2)
    })
    .await;
    world.shopmonkey.put("order", "o-1", order);
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_older_than_the_webhook_is_asked_for_again() {
    let test = Test::start().await;
    let program = test.run().await;
    let world = &test.site.sim.world;
    // Two writes: a replica of theirs still has the first, which is no lead, and gets the customer last.
    let asked = quote("o-1");
    world.ask_for_quote(
        &Quote { name: "Oil change".into(), ..asked.clone() },
        Manners { delay_ms: 100, ..Manners::default() },
    );
    let first = world.shopmonkey.row("order", "o-1").expect("the order");
    world.change_order("o-1", &json!({"name": asked.name}), Manners::default());
    let second = world.shopmonkey.row("order", "o-1").expect("the order");
    world.shopmonkey.put("order", "o-1", first);
    let asked_again = async |times: u64| {
        let seen = async || consumer(&test, "INBOUND", "enrich").await["delivered"]["consumer_seq"].as_u64();
        let before = seen().await;
        until("the CRM is asked again", async || seen().await >= before.map(|count| count + times)).await;
    };
    until("the webhooks are answered", async || answered(&test) == 2).await;
    asked_again(2).await;
    assert_eq!(unacked(&test).await, 1, "the second webhook waits for its own copy");
    let customer = world.shopmonkey.remove("customer", "c-o-1").expect("the customer");
    world.shopmonkey.put("order", "o-1", second);
    asked_again(2).await;
    assert_eq!(test.lead(&asked).await, None, "without its customer nobody could be written to");
    world.shopmonkey.put("customer", "c-o-1", customer);
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_whose_order_the_crm_does_not_find_goes_on_and_somebody_is_told() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = quote("o-1");
    let world = &test.site.sim.world;
    world.ask_for_quote(&asked, Manners::default());
    until("the touches are planned", async || test.states(&asked).await.len() == 13).await;
    // As with the key of another account. Nobody said that the order was deleted.
    world.shopmonkey.remove("order", "o-1");
    let body = r#"{"table":"order","operation":"UPDATE","data":{"id":"o-1","meta":{"version":2}}}"#;
    tell(&test, "shopmonkey.order", "order:o-1:UPDATE:v2", noon() - TimeDelta::minutes(10), body).await;
    let dead = async || test.site.store.everywhere().list_open_dead_letters(10).await.unwrap_or_default();
    until("it is a dead letter", async || dead().await.len() == 1).await;
    assert_eq!(test.lead(&asked).await.expect("a lead").stop_reason, None);
    assert!(test.states(&asked).await.iter().all(|state| !state.ends_with("cancelled")));
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_is_a_dead_letter_and_an_outage_is_none() {
    let often = ("enrich.longest_delay".to_owned(), "100ms".to_owned());
    let test = Test::start_with(|options| options.settings.push(often)).await;
    let program = test.run().await;
    let world = &test.site.sim.world;
    world.faults.add(Fault { vendor: Vendor::Shopmonkey, kind: FaultKind::EdgePage, times: 30 });
    world.ask_for_quote(&quote("o-1"), Manners::default());
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    let dead = async || test.site.store.everywhere().list_open_dead_letters(10).await.unwrap_or_default();
    assert!(dead().await.is_empty());
    let row = json!({"id": "o-2", "authorized": "perhaps", "meta": {"version": 1}});
    world.shopmonkey.put("order", "o-2", row.clone());
    world.tell("order", "INSERT", &row, Manners::default());
    until("it is a dead letter", async || dead().await.len() == 1).await;
    assert!(dead().await[0].reasons[0].contains("not as we know them"), "{:?}", dead().await[0].reasons);
    program.stop().await;
}

/// How many webhooks were answered.
pub(crate) fn answered(test: &Test) -> usize {
    test.site.sim.world.journal.count(|event| matches!(event, sim::Event::WebhookAnswered { .. }))
}

/// What changes when the shop gives a customer this number.
pub(crate) fn with_number(number: &str) -> Value {
    json!({"phoneNumbers": [{"id": "ph-1", "number": number, "primary": true, "optIn": true}]})
}

fn with_address(address: &str) -> Value {
    json!({"emails": [{"id": "em-1", "email": address, "primary": true}]})
}

async fn address_of(test: &Test, asked: &Quote) -> String {
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    let addresses = tx.leads().list_emails(&[test.lead_id(asked)]).await.expect("an answer");
    addresses[0].as_str().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_changes_before_their_quote_is_a_lead_is_met_all_the_same() {
    let soon = ("enrich.second_look".to_owned(), "10s".to_owned());
    let test = Test::start_with(|options| options.settings.push(soon)).await;
    let program = test.run().await;
    let world = &test.site.sim.world;
    let asked = Quote { phone: None, email: None, ..quote("o-1") };
    // The word about the number comes first; the order is read beside a copy of the customer from before it.
    let told = json!({"id": "c-o-1", "meta": {"version": 2}});
    world.tell("customer", "UPDATE", &told, Manners::default());
    until("nobody is known by that name, and it waits", async || {
        let waiting = test.site.store.everywhere().list_parked().await.unwrap_or_default();
        waiting.iter().any(|line| line.stage == "enrich-customers")
    })
    .await;
    world.ask_for_quote(&asked, Manners::default());
    until("the lead is there", async || test.lead(&asked).await.is_some()).await;
    world.shopmonkey.change("customer", "c-o-1", &with_number(DANA), noon());
    test.until_texted(&asked).await;
    until("all is read", async || unacked(&test).await == 0).await;
    assert_eq!(test.texts_to(DANA).len(), 1);
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_the_shop_adds_later_is_texted() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = Quote { phone: None, email: None, ..quote("o-1") };
    let world = &test.site.sim.world;
    world.ask_for_quote(&asked, Manners::default());
    until("the lead is there", async || test.lead(&asked).await.is_some()).await;
    assert!(test.messages(&asked).await.is_empty());

    world.change_customer("c-o-1", &with_number(DANA), Manners { duplicates: 2, ..Manners::default() });
    until("all is read", async || answered(&test) == 4 && unacked(&test).await == 0).await;
    test.until_texted(&asked).await;
    assert_eq!(test.texts_to(DANA).len(), 1);
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_touch_goes_to_where_the_customer_can_be_reached_now() {
    let test = Test::start().await;
    let program = test.run().await;
    let [asked, lost] = ["o-1", "o-2"].map(quote);
    let world = &test.site.sim.world;
    world.ask_for_quote(&asked, Manners::default());
    test.until_texted(&asked).await;
    world.ask_for_quote(&lost, Manners::default());
    until("it is planned", async || test.messages(&lost).await.len() == 13).await;
    world.delete_order("o-2");
    until("it is closed", async || test.lead(&lost).await.is_some_and(|lead| lead.stop_reason.is_some())).await;

    world.change_customer("c-o-1", &with_address("new@example.com"), Manners::default());
    until("the address is known", async || address_of(&test, &asked).await == "new@example.com").await;

    // Copies from before: one that a slower worker holds, and one that comes with the order.
    let old = store::Contact {
        version: 1,
        nobody: None,
        first_name: None,
        last_name: None,
        phone: None,
        texts_allowed: false,
        email: None,
    };
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    tx.leads().update_contact("shopmonkey", "c-o-1", &old).await.expect("an answer");
    // And one of somebody whom nobody writes to any more.
    tx.leads().update_contact("shopmonkey", "c-o-2", &store::Contact { version: 9, ..old }).await.expect("an answer");
    tx.commit().await.expect("committed");
    assert_eq!(address_of(&test, &asked).await, "new@example.com");
    assert_eq!(address_of(&test, &lost).await, "dana@example.com");
    let row = world.shopmonkey.row("customer", "c-o-1").expect("a customer");
    let mut older = row.clone();
    older["meta"]["version"] = 1.into();
    older["emails"] = with_address("dana@example.com")["emails"].clone();
    world.shopmonkey.put("customer", "c-o-1", older);
    world.change_order("o-1", &json!({"totalCostCents": 39_900}), Manners::default());
    until("the order is read again", async || facts(&test).await.iter().filter(|f| *f == "lead.enriched").count() == 3)
        .await;
    assert_eq!(address_of(&test, &asked).await, "new@example.com");

    test.advance_to(test.messages(&asked).await[1].due_at + TimeDelta::hours(1));
    until("the email is out", async || test.emails_to("new@example.com").len() == 1).await;
    assert!(test.emails_to("dana@example.com").is_empty());
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_told_again_in_the_same_version_brings_the_number_that_came_meanwhile() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = Quote { phone: None, email: None, ..quote("o-1") };
    let world = &test.site.sim.world;
    world.ask_for_quote(&asked, Manners::default());
    until("the lead is there", async || test.lead(&asked).await.is_some()).await;
    world.shopmonkey.change("customer", "c-o-1", &with_number(DANA), noon());
    let order = world.shopmonkey.row("order", "o-1").expect("an order");
    world.tell("order", "UPDATE", &order, Manners::default());
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_moved_to_another_customer_is_theirs_however_often_the_first_one_changed() {
    let test = Test::start().await;
    let program = test.run().await;
    let world = &test.site.sim.world;
    let first = Quote { email: Some("first@example.com".into()), ..quote("o-1") };
    let second = Quote { email: Some("second@example.com".into()), phone: Some("+15125550143".into()), ..quote("o-2") };
    for asked in [&first, &second] {
        world.ask_for_quote(asked, Manners::default());
        until("it is planned", async || test.messages(asked).await.len() == 13).await;
    }
    world.change_customer("c-o-1", &with_address("newer@example.com"), Manners::default());
    until("the first one's address is new", async || address_of(&test, &first).await == "newer@example.com").await;
    world.change_order("o-1", &json!({"customerId": "c-o-2"}), Manners::default());
    until("it is the second one's", async || address_of(&test, &first).await == "second@example.com").await;
    program.stop().await;
}
