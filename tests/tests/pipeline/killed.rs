//! Every stage, killed at every step of its contract, and given every message twice: the outcome is the same single one.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use sim::{Manners, Quote};
use stage::Step;
use tests::{KillOnce, Test, quote, until};

use crate::{
    crm_copies::with_number,
    door::{connect, secret},
};

const DANA: &str = "+15125550142";

/// A quote, its text and receipt, and a reply, with one worker killed at one step.
async fn story_with(stage: &'static str, step: Step) {
    let test = Test::start().await;
    let kill = KillOnce::new(stage, step);
    let program = test.run_with(kill.clone()).await;
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    test.until_texted(&asked).await;
    assert_eq!(test.site.sim.world.reply(DANA, "Tuesday?").await, 200);
    until("the lead talks", async || {
        test.lead(&asked).await.is_some_and(|lead| lead.stop_reason.as_deref() == Some("replied"))
    })
    .await;
    until("nothing is left in the streams", async || unacked(&test).await == 0).await;

    assert!(!kill.killed().is_empty(), "{stage} never came to {step:?}");
    assert_eq!(test.texts_to(DANA).len(), 1, "{stage} killed at {step:?}");
    let mut states = test.states(&asked).await;
    assert_eq!(states.remove(0), "sms delivered");
    assert_eq!(states.len(), 12);
    assert!(states.iter().all(|state| state.ends_with("cancelled")), "{states:?}");
    // Said once: each fact is in its stream under one id.
    let facts = facts(&test).await;
    for (fact, times) in
        [("lead.enriched", 1), ("lead.planned", 1), ("lead.replied", 1), ("message.sent", 1), ("message.delivered", 1)]
    {
        assert_eq!(facts.iter().filter(|name| *name == fact).count(), times, "{fact} with {stage} killed at {step:?}");
    }
    test.assert_settled().await;
    program.stop().await;
}

/// What consumers still have to do or to ack.
pub(crate) async fn unacked(test: &Test) -> u64 {
    let bus = stage::Bus::connect(&test.site.bus_config("operate")).await.expect("a connection");
    let left = stage::count_unsettled(&bus).await;
    bus.close().await;
    left.unwrap_or(u64::MAX)
}

/// What the server says about a consumer.
pub(crate) async fn consumer(test: &Test, stream: &str, name: &str) -> serde_json::Value {
    let bus = test.site.bus_config("operate");
    let client = connect(&bus.url, "operate", secret(&bus.password)).await;
    let answer = client.request(format!("$JS.API.CONSUMER.INFO.{stream}.{name}"), "".into()).await.expect("info");
    serde_json::from_slice(&answer.payload).expect("JSON")
}

/// The names of all facts in LEADS and MESSAGES, in order.
pub(crate) async fn facts(test: &Test) -> Vec<String> {
    let bus = test.site.bus_config("operate");
    let client = connect(&bus.url, "operate", secret(&bus.password)).await;
    let context = async_nats::jetstream::new(client);
    let mut names = Vec::new();
    for name in ["LEADS", "MESSAGES"] {
        let stream = context.get_stream(name).await.expect("a stream");
        for sequence in 1..=stream.cached_info().state.last_sequence {
            let Ok(message) = stream.get_raw_message(sequence).await else {
                continue;
            };
            let envelope: serde_json::Value = serde_json::from_slice(&message.payload).expect("an envelope");
            names.push(envelope["event"].as_str().expect("a name").to_owned());
        }
    }
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn enrich_killed_at_any_step_makes_one_lead() {
    for step in [Step::BeforeCommit, Step::AfterCommit, Step::AfterPublish, Step::BeforeAck] {
        story_with("enrich", step).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn schedule_killed_at_any_step_plans_once() {
    for step in [Step::BeforeCommit, Step::AfterCommit, Step::AfterPublish, Step::BeforeAck] {
        story_with("schedule", step).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notify_killed_at_any_step_sends_once() {
    for step in Step::ALL {
        story_with("notify-awaited", step).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_touch_goes_out_once_whatever_step_its_worker_dies_at() {
    for step in Step::ALL {
        let test = Test::start().await;
        let kill = KillOnce::new("notify", step);
        let program = test.run_with(kill.clone()).await;
        let asked = quote("o-1");
        test.site.sim.world.ask_for_quote(&asked, Manners::default());
        test.until_texted(&asked).await;
        let second = test.messages(&asked).await[1].due_at;
        test.advance_to(second);
        until("the second is delivered", async || test.states(&asked).await[1].ends_with("delivered")).await;
        until("nothing is left in the streams", async || unacked(&test).await == 0).await;
        assert!(!kill.killed().is_empty(), "nobody came to {step:?}");
        let email = asked.email.as_deref().unwrap_or_default();
        assert_eq!(test.texts_to(DANA).len() + test.emails_to(email).len(), 2, "killed at {step:?}");
        test.assert_settled().await;
        program.stop().await;
    }
}

/// A message that kills whoever takes it in hand, as a fault in the program would.
struct KillAlways {
    stage: &'static str,
}

impl stage::Faults for KillAlways {
    fn dies(&self, stage: &'static str, _event_id: &str, step: Step) -> bool {
        stage == self.stage && step == Step::BeforeCommit
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_kills_every_worker_becomes_a_dead_letter_and_can_be_redriven() {
    let test = Test::start().await;
    let program = test.run_with(Arc::new(KillAlways { stage: "schedule" })).await;
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    let dead = async || test.site.store.everywhere().list_open_dead_letters(10).await.unwrap_or_default();
    until("it is a dead letter", async || dead().await.len() == 1).await;
    assert!(dead().await[0].reasons[0].contains("crash loop"), "{:?}", dead().await[0].reasons);
    assert!(test.texts_to(DANA).is_empty());
    program.stop().await;

    let mended = test.run().await;
    let bus = stage::Bus::connect(&test.site.bus_config("operate")).await.expect("a connection");
    stage::redrive(&bus, &test.site.store, &test.site.clock, dead().await[0].id).await.expect("redriven");
    bus.close().await;
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    mended.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_killed_at_any_step_is_said_once() {
    for step in [Step::BeforeCommit, Step::AfterCommit, Step::AfterPublish, Step::BeforeAck] {
        let test = Test::start().await;
        let kill = KillOnce::new("enrich-appointments", step);
        let program = test.run_with(kill.clone()).await;
        let asked = quote("o-1");
        test.site.sim.world.ask_for_quote(&asked, Manners::default());
        test.until_texted(&asked).await;
        let appointment = json!({"id": "a-1", "customerId": "c-o-1", "startDate": "2026-01-14T15:00:00.000Z"});
        test.site.sim.world.book(&appointment, Manners { duplicates: 2, ..Manners::default() });
        until("the lead has booked", async || {
            test.lead(&asked).await.is_some_and(|lead| lead.stop_reason.as_deref() == Some("booked"))
        })
        .await;
        until("nothing is left in the streams", async || unacked(&test).await == 0).await;
        assert!(!kill.killed().is_empty(), "never came to {step:?}");
        assert_eq!(facts(&test).await.iter().filter(|name| *name == "lead.booked").count(), 1, "{step:?}");
        test.assert_settled().await;
        program.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_whose_number_comes_late_and_kills_a_worker_at_any_step_is_texted_once() {
    for step in [Step::BeforeCommit, Step::AfterCommit, Step::AfterPublish, Step::BeforeAck] {
        let test = Test::start().await;
        let kill = KillOnce::new("enrich-customers", step);
        let program = test.run_with(kill.clone()).await;
        let asked = sim::Quote { phone: None, email: None, ..quote("o-1") };
        test.site.sim.world.ask_for_quote(&asked, Manners::default());
        until("the lead is there", async || test.lead(&asked).await.is_some()).await;
        test.site.sim.world.change_customer(
            "c-o-1",
            &with_number(DANA),
            Manners { duplicates: 2, ..Manners::default() },
        );
        test.until_texted(&asked).await;
        until("nothing is left in the streams", async || unacked(&test).await == 0).await;
        assert!(!kill.killed().is_empty(), "never came to {step:?}");
        assert_eq!(test.texts_to(DANA).len(), 1, "{step:?}");
        test.assert_settled().await;
        program.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_killed_at_any_step_is_one_lead_and_one_text() {
    for step in [Step::BeforeCommit, Step::AfterCommit, Step::AfterPublish, Step::BeforeAck] {
        let test = Test::start().await;
        let kill = KillOnce::new("enrich-forms", step);
        let program = test.run_with(kill.clone()).await;
        let form = json!({"name": "Dana", "phone": "512-555-0142", "consent": true,
                          "location": orchestrator::demo::LOCATIONS[0].0});
        let address = format!("{}/api/chatbot/leads?key={}", test.site.public_url, test.site.franchise.publishable_key);
        for _ in 0..3 {
            let sent = reqwest::Client::new().post(&address).header("idempotency-key", "1").json(&form).send().await;
            assert_eq!(sent.expect("an answer").status(), 201, "{step:?}");
        }
        until("the text is out", async || test.texts_to(DANA).len() == 1).await;
        until("nothing is left in the streams", async || unacked(&test).await == 0).await;
        assert!(!kill.killed().is_empty(), "never came to {step:?}");
        let leads = test.site.store.everywhere().count_leads_by_status().await.expect("a count");
        assert_eq!(leads.iter().map(|(_, leads)| leads).sum::<i64>(), 1, "{step:?}");
        assert_eq!(test.texts_to(DANA).len(), 1, "{step:?}");
        test.assert_settled().await;
        program.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_killed_at_any_step_are_taken_in_once() {
    for step in [Step::BeforeCommit, Step::AfterCommit, Step::AfterPublish, Step::BeforeAck] {
        story_with("notify-receipts", step).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsubscribe_killed_at_any_step_ends_the_follow_up_once() {
    for step in [Step::BeforeCommit, Step::AfterCommit, Step::BeforeAck] {
        let test = Test::start().await;
        let program = test.run().await;
        let asked = Quote { texts_allowed: false, ..quote("o-1") };
        test.site.sim.world.ask_for_quote(&asked, Manners::default());
        until("the email is delivered", async || {
            test.states(&asked).await.first().is_some_and(|state| state == "email delivered")
        })
        .await;
        until("nothing is left in the streams", async || unacked(&test).await == 0).await;
        program.stop().await;

        let kill = KillOnce::new("notify-receipts", step);
        let program = test.run_with(kill.clone()).await;
        assert_eq!(test.site.sim.world.unsubscribe_at_vendor("dana@example.com").await, Some(204), "{step:?}");
        until("the lead is left alone", async || {
            test.lead(&asked).await.is_some_and(|lead| lead.stop_reason.as_deref() == Some("opted_out"))
        })
        .await;
        until("nothing is left in the streams", async || unacked(&test).await == 0).await;
        assert!(!kill.killed().is_empty(), "receipts never came to {step:?}");
        let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
        let is_suppressed = tx.messages().is_suppressed(domain::Channel::Email, "dana@example.com").await;
        assert!(is_suppressed.expect("an answer"), "{step:?}");
        drop(tx);
        let states = test.states(&asked).await;
        assert_eq!(states[0], "email delivered", "{step:?}");
        assert!(states[1..].iter().all(|state| state == "email cancelled"), "{step:?}: {states:?}");
        program.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_killed_at_any_step_are_heard_once() {
    for step in [Step::BeforeCommit, Step::AfterCommit, Step::AfterPublish, Step::BeforeAck] {
        story_with("enrich-replies", step).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_delivered_twice_changes_nothing() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    test.until_texted(&asked).await;
    until("nothing is left in the streams", async || unacked(&test).await == 0).await;
    let before = (test.states(&asked).await, facts(&test).await);

    // The same bytes again, under ids JetStream has not seen: as after its window for duplicates has passed.
    let bus = test.site.bus_config("operate");
    let client = connect(&bus.url, "operate", secret(&bus.password)).await;
    let context = async_nats::jetstream::new(client);
    let mut again = 0;
    for name in ["INBOUND", "LEADS", "MESSAGES"] {
        let stream = context.get_stream(name).await.expect("a stream");
        for sequence in 1..=stream.cached_info().state.last_sequence {
            let Ok(message) = stream.get_raw_message(sequence).await else {
                continue;
            };
            let mut headers = message.headers.clone();
            again += 1;
            headers.insert("Nats-Msg-Id", format!("again-{again}"));
            let sent = context.publish_with_headers(message.subject.clone(), headers, message.payload.clone()).await;
            sent.expect("sent").await.expect("stored");
        }
    }
    assert!(again >= 6, "{again}");
    until("all of it is handled again", async || unacked(&test).await == 0).await;
    assert_eq!(test.texts_to(DANA).len(), 1);
    assert_eq!(test.states(&asked).await, before.0);
    let new: Vec<_> = facts(&test).await.into_iter().skip(before.1.len() * 2).collect();
    assert!(new.is_empty(), "handling again said something new: {new:?}");
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_decoded_is_a_dead_letter_at_once_and_can_be_redriven() {
    let test = Test::start().await;
    let program = test.run().await;
    let bus = test.site.bus_config("operate");
    let client = connect(&bus.url, "operate", secret(&bus.password)).await;
    let context = async_nats::jetstream::new(client);
    let subject = format!("message.{}.due", test.site.franchise.tenant);
    context.publish(subject, "not an envelope".into()).await.expect("sent").await.expect("stored");
    let dead = async || test.site.store.everywhere().list_open_dead_letters(10).await.unwrap_or_default();
    until("it is a dead letter", async || dead().await.len() == 1).await;
    let letter = dead().await.remove(0);
    assert_eq!((letter.stage.as_str(), letter.stream.as_str(), letter.deliveries), ("notify", "MESSAGES", 1));
    assert_eq!(letter.reasons[0], "not an envelope we can read");
    assert_eq!(letter.tenant, Some(test.site.franchise.tenant));

    let operate = stage::Bus::connect(&test.site.bus_config("operate")).await.expect("a connection");
    stage::redrive(&operate, &test.site.store, &test.site.clock, letter.id).await.expect("published again");
    until("it died again, under a new id", async || dead().await.first().is_some_and(|again| again.id != letter.id))
        .await;
    assert_eq!(dead().await.len(), 1, "the first one is no longer open");
    let again = stage::redrive(&operate, &test.site.store, &test.site.clock, letter.id).await;
    assert!(matches!(again, Err(stage::RedriveError::Done(..))), "{again:?}");
    operate.close().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_stops_finishes_what_is_in_hand_and_another_goes_on() {
    let test = Test::start().await;
    let program = test.run().await;
    let slow = sim::Fault { vendor: sim::Vendor::Twilio, kind: sim::FaultKind::Slow { ms: 600 }, times: 1 };
    test.site.sim.world.faults.add(slow);
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the call is out", async || test.states(&asked).await.first().is_some_and(|s| s == "sms claimed")).await;
    program.stop().await;
    assert_eq!(test.states(&asked).await.first().map(String::as_str), Some("sms sent"), "it was finished and recorded");

    let program = test.run().await;
    until("the receipt is in", async || test.states(&asked).await.first().is_some_and(|s| s == "sms delivered")).await;
    assert_eq!(test.texts_to(DANA).len(), 1);
    tokio::time::timeout(Duration::from_secs(30), program.stop()).await.expect("an end within its grace");
}
