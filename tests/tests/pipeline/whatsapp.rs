//! WhatsApp: approved words, conversations, receipts, and a vendor that cannot be asked what it has.

use std::time::Duration;

use chrono::TimeDelta;
use domain::{ApprovedName, Channel, Language, MessageState};
use hmac::{KeyInit as _, Mac as _};
use operate::save_words;
use reqwest::StatusCode;
use sim::{Event, Fault, FaultKind, Manners, Vendor};
use sqlx::{Connection as _, PgConnection};
use stage::Step;
use store::Template;
use tests::{KillOnce, Test, noon, quote, until, until_all};

use crate::{
    door::{stored, tell},
    killed::unacked,
    ledger::desk,
    merges::TENANT,
};

const DANA: &str = "+15125550142";
const ROBIN: &str = "+15125550143";
const WORDS: &str = "Hi {{ first_name }}, {{ shop }} here about {{ service }}.";
const APPROVED: &str = "Hi {{1}}, {{2}} here about {{3}}.";

/// A tenant that writes by WhatsApp first, and whose words are approved or not.
async fn start(approved_as: Option<&str>, change: impl FnOnce(&mut orchestrator::demo::SiteOptions)) -> Test {
    let test = Test::start_with(change).await;
    let steps = r#"[{"day":0,"channels":["whatsapp","sms","email"],"template":"day_0"},
                    {"day":1,"at":"11:00","channels":["whatsapp","sms"],"template":"day_1"}]"#;
    test.choose(|settings| settings.cadence = serde_json::from_str(steps).expect("a cadence")).await;
    let template = Template {
        name: "day_0".into(),
        channel: Channel::Whatsapp,
        language: Language::English,
        subject: None,
        body: WORDS.into(),
        mjml: None,
        approved_as: approved_as.map(|name| ApprovedName::try_from(name.to_owned()).expect("a name")),
    };
    save_words(&desk(&test), TENANT, &template).await.expect("saved");
    test.site.sim.world.whatsapp.approve("quote_ready", "en_US", APPROVED);
    test
}

fn messages(test: &Test) -> Vec<(String, Option<String>)> {
    let entries = test.site.sim.world.journal.entries().into_iter();
    entries
        .filter_map(|entry| match entry.event {
            Event::Whatsapp { body, template, .. } => Some((body, template)),
            _ => None,
        })
        .collect()
}

fn fault(test: &Test, kind: FaultKind) {
    test.site.sim.world.faults.add(Fault { vendor: Vendor::Whatsapp, kind, times: 1 });
}

fn ask(test: &Test) {
    test.site.sim.world.ask_for_quote(&quote("o-1"), Manners::default());
}

async fn until_first(test: &Test, state: &str) {
    let what = format!("the first message is {state}");
    until(&what, async || test.states(&quote("o-1")).await.first().is_some_and(|first| first == state)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn approved_words_go_out_with_what_stands_in_them_and_their_receipts_come_in_any_order() {
    let test = start(Some("quote_ready:en_US"), |_| {}).await;
    let program = test.run().await;
    ask(&test);
    until_first(&test, "whatsapp delivered").await;
    let words = "Hi Dana, Sample Tint Tampa here about Window Tint.".to_owned();
    assert_eq!(messages(&test), [(words, Some("quote_ready".into()))]);
    assert!(test.texts_to(DANA).is_empty() && test.emails_to("dana@example.com").is_empty());
    until("the receipts are read", async || unacked(&test).await == 0).await;
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_be_reached_by_whatsapp_gets_a_text_and_is_not_tried_there_again() {
    let test = start(Some("quote_ready:en_US"), |_| {}).await;
    let program = test.run().await;
    fault(&test, FaultKind::Undelivered);
    ask(&test);
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    assert!(tx.messages().is_unreachable(Channel::Whatsapp, DANA).await.expect("an answer"));
    assert!(!tx.messages().is_unreachable(Channel::Sms, DANA).await.expect("an answer"));
    drop(tx);
    until("all receipts are read", async || unacked(&test).await == 0).await;
    test.assert_settled().await;
    assert_eq!((messages(&test).len(), test.texts_to(DANA).len()), (0, 1));
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_nobody_approved_leave_as_a_text_unless_the_customer_wrote_within_a_day() {
    let test = start(None, |_| {}).await;
    let program = test.run().await;
    ask(&test);
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    let first = test.messages(&quote("o-1")).await.remove(0);
    assert_eq!((first.state, first.reason.as_deref()), (MessageState::Withheld, Some("not_approved")));
    // Somebody who talks with the shop may be told anything.
    let other = sim::Quote { phone: Some("+15125550143".into()), email: None, ..quote("o-2") };
    assert_eq!(test.site.sim.world.write_whatsapp("+15125550143", "Hello?").await, 200);
    until("it is heard", async || unacked(&test).await == 0).await;
    test.site.sim.world.ask_for_quote(&other, Manners::default());
    until("it is answered there", async || messages(&test).len() == 1).await;
    assert_eq!(messages(&test)[0].1, None);
    assert!(test.texts_to("+15125550143").is_empty());
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_by_whatsapp_is_confirmed_there_and_ends_every_channel_and_start_lifts_what_it_ended() {
    let test = start(Some("quote_ready:en_US"), |_| {}).await;
    let program = test.run().await;
    ask(&test);
    until_first(&test, "whatsapp delivered").await;
    assert_eq!(test.site.sim.world.write_whatsapp(DANA, "STOP").await, 200);
    until("it is confirmed", async || messages(&test).len() == 2).await;
    assert!(messages(&test)[1].0.contains("no more messages"), "{:?}", messages(&test));
    let suppressed = async || {
        let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
        let mut found = Vec::new();
        for (channel, address) in
            [(Channel::Sms, DANA), (Channel::Whatsapp, DANA), (Channel::Email, "dana@example.com")]
        {
            found.push(tx.messages().is_suppressed(channel, address).await.expect("an answer"));
        }
        found
    };
    assert_eq!(suppressed().await, [true, true, true]);
    let lead = test.lead(&quote("o-1")).await.expect("a lead");
    assert_eq!(lead.stop_reason.as_deref(), Some("opted_out"));
    assert_eq!(test.site.sim.world.write_whatsapp(DANA, "start").await, 200);
    until("it is lifted", async || suppressed().await == [false, false, false]).await;
    until("nothing is left to do", async || unacked(&test).await == 0).await;
    test.assert_settled().await;
    assert_eq!((messages(&test).len(), test.texts_to(DANA).len()), (2, 0));
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_lost_is_known_by_the_receipt_and_nothing_is_sent_twice() {
    for kind in [FaultKind::CutAfter, FaultKind::FailAfter] {
        let test = start(Some("quote_ready:en_US"), |_| {}).await;
        let program = test.run().await;
        fault(&test, kind);
        ask(&test);
        until_first(&test, "whatsapp delivered").await;
        until("the receipts are read", async || unacked(&test).await == 0).await;
        test.assert_settled().await;
        assert_eq!((messages(&test).len(), test.texts_to(DANA).len()), (1, 0), "{kind:?}");
        program.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_knows_is_never_sent_again_by_any_channel_and_the_staff_asks() {
    for (kind, taken) in [(FaultKind::FailAfter, 1), (FaultKind::FailBefore, 0)] {
        let late = |options: &mut orchestrator::demo::SiteOptions| options.sim.receipt_delay = Duration::from_secs(600);
        let test = start(Some("quote_ready:en_US"), late).await;
        let program = test.run().await;
        fault(&test, kind);
        ask(&test);
        until_first(&test, "whatsapp failed").await;
        let first = test.messages(&quote("o-1")).await.remove(0);
        assert_eq!(first.reason.as_deref(), Some("nobody_knows"), "{kind:?}");
        let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
        let tasks = tx.tasks().list_open(10).await.expect("tasks");
        assert!(tasks.iter().any(|task| task.title.contains("whether they got our message")), "{tasks:?}");
        drop(tx);
        until("nothing is left to do", async || unacked(&test).await == 0).await;
        assert_eq!((messages(&test).len(), test.texts_to(DANA).len()), (taken, 0), "{kind:?}");
        // The lead is followed up all the same: the next touch, which has no words for WhatsApp, is a text.
        test.live_until(&[&quote("o-1")], noon() + TimeDelta::days(3)).await;
        until("the next touch is out", async || test.texts_to(DANA).len() == 1).await;
        program.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_around_its_call_sends_nothing_twice_and_nothing_is_left_in_between() {
    for step in [Step::BeforeCommit, Step::AfterCommit, Step::AfterCall, Step::AfterPublish, Step::BeforeAck] {
        let test = start(Some("quote_ready:en_US"), |_| {}).await;
        let kill = KillOnce::new("notify-awaited", step);
        let program = test.run_with(kill.clone()).await;
        ask(&test);
        until("the first message is over", async || {
            let states = test.states(&quote("o-1")).await;
            states.first().is_some_and(|first| first == "whatsapp delivered" || first == "whatsapp failed")
        })
        .await;
        until("it has died once", async || !kill.killed().is_empty()).await;
        until("nothing is left to do", async || unacked(&test).await == 0).await;
        test.assert_settled().await;
        assert!(messages(&test).len() <= 1 && test.texts_to(DANA).is_empty(), "{step:?}: {:?}", messages(&test));
        program.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_without_words_for_whatsapp_or_a_tenant_without_a_key_goes_by_the_next_channel() {
    let test = start(None, |_| {}).await;
    let mut owner = PgConnection::connect(&test.site.settings["postgres.owner_url"]).await.expect("the owner");
    for without in ["templates where channel = 'whatsapp'", "credentials where vendor = 'whatsapp'"] {
        sqlx::query(sqlx::AssertSqlSafe(format!("delete from {without}"))).execute(&mut owner).await.expect("deleted");
    }
    let program = test.run().await;
    ask(&test);
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    let first = test.messages(&quote("o-1")).await.remove(0);
    assert_eq!((first.state, first.reason.as_deref()), (MessageState::Withheld, Some("template")));
    program.stop().await;

    let test = start(Some("quote_ready:en_US"), |_| {}).await;
    let mut owner = PgConnection::connect(&test.site.settings["postgres.owner_url"]).await.expect("the owner");
    sqlx::query("delete from credentials where vendor = 'whatsapp'").execute(&mut owner).await.expect("deleted");
    let program = test.run().await;
    ask(&test);
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    let first = test.messages(&quote("o-1")).await.remove(0);
    assert_eq!((first.state, first.reason.as_deref()), (MessageState::Withheld, Some("no_credentials")));
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_words_do_not_reach_one_telephone_by_whatsapp_and_as_a_text() {
    let test = start(Some("quote_ready:en_US"), |_| {}).await;
    let text = Template {
        name: "day_0".into(),
        channel: Channel::Sms,
        language: Language::English,
        subject: None,
        body: WORDS.into(),
        mjml: None,
        approved_as: None,
    };
    save_words(&desk(&test), TENANT, &text).await.expect("saved");
    let program = test.run().await;
    ask(&test);
    until_first(&test, "whatsapp delivered").await;
    // Another quote for the same, which goes by text alone.
    test.choose(|settings| {
        settings.cadence =
            serde_json::from_str(r#"[{"day":0,"channels":["sms"],"template":"day_0"}]"#).expect("a cadence");
    })
    .await;
    let again = sim::Quote { email: None, ..quote("o-2") };
    test.site.sim.world.ask_for_quote(&again, Manners::default());
    until("it is decided", async || test.states(&again).await == ["sms withheld"]).await;
    assert_eq!(test.messages(&again).await[0].reason.as_deref(), Some("already_said"));
    until("nothing is left to do", async || unacked(&test).await == 0).await;
    assert!(test.texts_to(DANA).is_empty(), "{:?}", test.texts_to(DANA));
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_arrive_by_whatsapp_is_said_in_the_same_words_by_text() {
    let test = start(Some("quote_ready:en_US"), |_| {}).await;
    let text = Template {
        name: "day_0".into(),
        channel: Channel::Sms,
        language: Language::English,
        subject: None,
        body: WORDS.into(),
        mjml: None,
        approved_as: None,
    };
    save_words(&desk(&test), TENANT, &text).await.expect("saved");
    let program = test.run().await;
    fault(&test, FaultKind::Undelivered);
    ask(&test);
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    until("nothing is left to do", async || unacked(&test).await == 0).await;
    test.assert_settled().await;
    assert!(test.emails_to("dana@example.com").is_empty(), "the text has arrived");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_is_heard_twice_falls_back_once() {
    for step in [Step::AfterCommit, Step::AfterPublish, Step::BeforeAck] {
        let test = start(Some("quote_ready:en_US"), |_| {}).await;
        let kill = KillOnce::each("notify-receipts", step);
        let program = test.run_with(kill.clone()).await;
        fault(&test, FaultKind::Undelivered);
        ask(&test);
        until("the text is out", async || test.texts_to(DANA).len() == 1).await;
        until("nothing is left to do", async || unacked(&test).await == 0).await;
        assert!(!kill.killed().is_empty(), "{step:?}");
        assert!(test.emails_to("dana@example.com").is_empty(), "{step:?}: by a third channel");
        program.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_start_that_comes_again_lifts_no_newer_stop_and_one_by_text_no_stop_by_whatsapp() {
    let test = start(Some("quote_ready:en_US"), |_| {}).await;
    let program = test.run().await;
    ask(&test);
    until_first(&test, "whatsapp delivered").await;
    let wrote = async |from: &str, id: &str, words: &str, at: i64, key: &str| {
        let message = serde_json::json!({"from": from.trim_start_matches('+'), "id": id, "timestamp": at.to_string(), "type": "text",
            "text": {"body": words}});
        let body = serde_json::json!({"entry": [{"changes": [{"value": {"messages": [message]}}]}]});
        tell(&test, "whatsapp.reply", key, test.site.clock.wall(), &body.to_string()).await;
        until("it is heard", async || unacked(&test).await == 0).await;
    };
    let suppressed = async |number: &str| {
        let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
        let mut found = Vec::new();
        for channel in [Channel::Sms, Channel::Whatsapp] {
            found.push(tx.messages().is_suppressed(channel, number).await.expect("an answer"));
        }
        found
    };
    let now = test.site.clock.wall().timestamp();
    wrote(DANA, "wamid.1", "START", now - 600, "k1").await;
    wrote(DANA, "wamid.2", "STOP", now - 300, "k2").await;
    wrote(DANA, "wamid.1", "START", now - 600, "k3").await;
    assert_eq!(suppressed(DANA).await, [true, true], "an older START");
    assert_eq!(test.site.sim.world.reply(DANA, "STOP").await, 200);
    assert_eq!(test.site.sim.world.reply(DANA, "START").await, 200);
    until("the text is heard", async || unacked(&test).await == 0).await;
    until("texts are allowed again", async || suppressed(DANA).await == [false, true]).await;
    // Twice within one second, and the last word counts.
    let now = test.site.clock.wall().timestamp() - 1;
    wrote(ROBIN, "wamid.4", "START", now, "k4").await;
    wrote(ROBIN, "wamid.5", "STOP", now, "k5").await;
    assert_eq!(suppressed(ROBIN).await, [true, true], "a STOP in the same second");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_costs_one_message_and_not_one_a_minute() {
    let test = start(Some("quote_ready:en_US"), |_| {}).await;
    let program = test.run().await;
    test.site.sim.world.faults.add(Fault { vendor: Vendor::Whatsapp, kind: FaultKind::FailBefore, times: 100_000 });
    ask(&test);
    until_first(&test, "whatsapp failed").await;
    let others: Vec<_> = (0..9)
        .map(|number| sim::Quote { phone: Some(format!("+1512556{number:04}")), ..quote(&format!("o-other-{number}")) })
        .collect();
    for other in &others {
        test.site.sim.world.ask_for_quote(other, Manners::default());
    }
    let first = async |quote: &sim::Quote| test.messages(quote).await.into_iter().next();
    until_all("the others wait for the vendor", others.len(), async || {
        let mut waiting = 0;
        for other in &others {
            let is_waiting = first(other).await.is_some_and(|first| first.reason.as_deref() == Some("vendor_away"));
            waiting += usize::from(is_waiting);
        }
        waiting
    })
    .await;
    test.site.sim.world.faults.clear();
    until_all("each of the others has theirs", others.len(), async || messages(&test).len()).await;
    until("nothing is left to do", async || unacked(&test).await == 0).await;
    for other in &others {
        assert_eq!(first(other).await.map(|first| first.state), Some(MessageState::Delivered));
    }
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_comes_after_nobody_knew_is_believed() {
    let late = |options: &mut orchestrator::demo::SiteOptions| options.sim.receipt_delay = Duration::from_secs(4);
    let test = start(Some("quote_ready:en_US"), late).await;
    let program = test.run().await;
    fault(&test, FaultKind::CutAfter);
    ask(&test);
    until_first(&test, "whatsapp failed").await;
    until_first(&test, "whatsapp delivered").await;
    let first = test.messages(&quote("o-1")).await.remove(0);
    assert_eq!(first.reason, None);
    assert_eq!((messages(&test).len(), test.texts_to(DANA).len()), (1, 0));
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_door_proves_itself_takes_what_is_signed_and_knows_a_repeat() {
    let test = start(None, |_| {}).await;
    let program = test.run().await;
    let url = test.site.franchise.door(&test.site.public_url, "whatsapp/{whatsapp}");
    let token = url.rsplit('/').next().expect("a token");
    let http = reqwest::Client::new();
    let asked = |verify_token: &str| {
        let query = [("hub.mode", "subscribe"), ("hub.verify_token", verify_token), ("hub.challenge", "1158201444")];
        http.get(&url).query(&query)
    };
    let proved = asked(token).send().await.expect("an answer");
    assert_eq!((proved.status(), proved.text().await.expect("words").as_str()), (StatusCode::OK, "1158201444"));
    assert_eq!(asked("another").send().await.expect("an answer").status(), StatusCode::UNAUTHORIZED);
    assert_eq!(http.get(&url).send().await.expect("an answer").status(), StatusCode::UNAUTHORIZED);

    let before = stored(&test).await;
    let post = async |url: &str, body: &str, secret: &str| {
        let mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
        let signature = hex::encode(mac.chain_update(body).finalize().into_bytes());
        let request = http.post(url).header("x-hub-signature-256", format!("sha256={signature}"));
        request.body(body.to_owned()).send().await.expect("an answer").status()
    };
    let secret = sim::whatsapp::APP_SECRET;
    assert_eq!(post(&url, "{}", "another").await, StatusCode::UNAUTHORIZED);
    assert_eq!(post(&url, "not json", secret).await, StatusCode::BAD_REQUEST);
    let nobodys = url.replace(token, "nobody-has-this");
    assert_eq!(post(&nobodys, "{}", secret).await, StatusCode::NOT_FOUND);
    assert_eq!(stored(&test).await, before);
    // Two readers, each once, however often it is sent.
    let both = r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{
        "metadata":{"phone_number_id":"100000000000001"},"messages":[{"from":"15125550142","id":"wamid.x1","timestamp":"1795366014","type":"text","text":{"body":"Hello"}}],
        "statuses":[{"id":"wamid.x2","status":"sent","timestamp":"1795366014","recipient_id":"15125550142"}]}}]}]}"#;
    assert_eq!(post(&url, both, secret).await, StatusCode::OK);
    assert_eq!(post(&url, both, secret).await, StatusCode::OK);
    assert_eq!(stored(&test).await, before + 2);
    // Of another number of the same application: kept, and nobody's.
    let others = both.replace("100000000000001", "100000000000002");
    assert_eq!(post(&url, &others, secret).await, StatusCode::OK);
    assert_eq!(stored(&test).await, before + 3);
    until("they are read", async || unacked(&test).await == 0).await;
    test.assert_settled().await;
    program.stop().await;
}
