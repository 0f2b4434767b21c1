//! Vendors that may or may not have taken a message.

use std::time::Duration;

use chrono::TimeDelta;
use domain::{Channel, MessageState};
use events::{Event as _, MessageDue};
use sim::{Fault, FaultKind, Manners, Quote, Vendor};
use sqlx::{Connection as _, PgConnection};
use store::MessageLine;
use tests::{Test, noon, quote, until};

use crate::{
    door::{connect, secret},
    killed::unacked,
};

const DANA: &str = "+15125550142";

async fn delivered_once(kind: FaultKind, vendor: Vendor, lookup_lag: Duration) {
    let test = Test::start_with(|options| options.sim.list_lag = lookup_lag).await;
    let program = test.run().await;
    test.site.sim.world.faults.add(Fault { vendor, kind, times: 1 });
    let asked = Quote { texts_allowed: vendor == Vendor::Twilio, ..quote("o-1") };
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the message is at the vendor", async || {
        test.messages(&asked).await.first().is_some_and(|message| message.sent_at.is_some())
    })
    .await;
    test.assert_settled().await;
    let taken = test.texts_to(DANA).len() + test.emails_to("dana@example.com").len();
    assert_eq!(taken, 1, "{kind:?} at {vendor:?}");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_lost_after_the_effect_sends_nothing_twice() {
    delivered_once(FaultKind::CutAfter, Vendor::Twilio, Duration::ZERO).await;
    delivered_once(FaultKind::FailAfter, Vendor::Sendgrid, Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_before_the_effect_is_found_out_and_sent_again() {
    delivered_once(FaultKind::FailBefore, Vendor::Twilio, Duration::ZERO).await;
    delivered_once(FaultKind::CutBefore, Vendor::Sendgrid, Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_receipts_the_vendors_own_list_answers() {
    for vendor in [Vendor::Twilio, Vendor::Sendgrid] {
        let test = Test::start_with(|options| options.sim.receipt_delay = Duration::from_secs(600)).await;
        let program = test.run().await;
        test.site.sim.world.faults.add(Fault { vendor, kind: FaultKind::FailAfter, times: 1 });
        let asked = Quote { texts_allowed: vendor == Vendor::Twilio, ..quote("o-1") };
        test.site.sim.world.ask_for_quote(&asked, Manners::default());
        until("the message is found", async || {
            test.messages(&asked).await.first().is_some_and(|message| message.state == MessageState::Sent)
        })
        .await;
        let taken = test.texts_to(DANA).len() + test.emails_to("dana@example.com").len();
        assert_eq!(taken, 1, "{vendor:?}");
        let looked_up = test.site.sim.world.journal.count(|event| matches!(event, sim::Event::LookedUp { .. }));
        assert!(looked_up >= 1, "{vendor:?}");
        program.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_says_later_is_asked_later() {
    let test = Test::start().await;
    let program = test.run().await;
    let too_many = |retry_after_s| FaultKind::TooMany { retry_after_s };
    for kind in [too_many(None), too_many(Some(3))] {
        test.site.sim.world.faults.add(Fault { vendor: Vendor::Twilio, kind, times: 1 });
    }
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    test.assert_settled().await;
    let entries = test.site.sim.world.journal.entries();
    let last = |wanted: fn(&sim::Event) -> bool| {
        entries.iter().rfind(|entry| wanted(&entry.event)).map(|entry| entry.at).expect("it happened")
    };
    let refused_at = last(|event| matches!(event, sim::Event::Refused { vendor, .. } if vendor == "twilio"));
    let taken_at = last(|event| matches!(event, sim::Event::Text { .. }));
    assert!(taken_at - refused_at >= TimeDelta::seconds(3), "asked again after {}", taken_at - refused_at);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_opted_out_at_the_vendor_is_a_failed_message_and_an_opt_out() {
    let test = Test::start().await;
    let program = test.run().await;
    test.site.sim.world.twilio.block(DANA);
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the follow-up has ended", async || {
        test.lead(&asked).await.is_some_and(|lead| lead.stop_reason.as_deref() == Some("opted_out"))
    })
    .await;
    let first = test.messages(&asked).await.remove(0);
    assert_eq!((first.state, first.reason.as_deref()), (MessageState::Failed, Some("21610")));
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    assert!(tx.messages().is_suppressed(Channel::Sms, DANA).await.expect("an answer"));
    assert!(test.texts_to(DANA).is_empty());
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_comes_after_we_gave_up_looking_keeps_the_message_from_going_out_again() {
    // The vendor took the text, says so nowhere for a while, and reports it when the second attempt is already put off.
    let test = Test::start_with(|options| {
        options.sim.list_lag = Duration::from_secs(600);
        options.sim.receipt_delay = Duration::from_secs(2);
    })
    .await;
    let program = test.run().await;
    for kind in [FaultKind::FailAfter, FaultKind::TooMany { retry_after_s: Some(8) }] {
        test.site.sim.world.faults.add(Fault { vendor: Vendor::Twilio, kind, times: 1 });
    }
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("it is planned a second time", async || {
        test.messages(&asked).await.first().is_some_and(|message| message.reason.as_deref() == Some("20429"))
    })
    .await;
    until("the receipt has come", async || {
        test.states(&asked).await.first().is_some_and(|state| state == "sms delivered")
    })
    .await;
    test.advance_to(noon() + TimeDelta::minutes(10));
    test.assert_settled().await;
    assert_eq!(test.texts_to(DANA).len(), 1);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_without_credentials_waits_for_them_and_loses_nothing() {
    let test = Test::start_with(|options| options.settings.push(("notify.tenant_ttl".into(), "10ms".into()))).await;
    let mut owner = PgConnection::connect(&test.site.settings["postgres.owner_url"]).await.expect("the owner");
    let sealed: Vec<u8> = sqlx::query_scalar("delete from credentials where vendor = 'twilio' returning sealed")
        .fetch_one(&mut owner)
        .await
        .expect("the credentials");
    let program = test.run().await;
    // Who can be reached by no other channel.
    let asked = Quote { email: None, ..quote("o-1") };
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the text waits", async || {
        test.messages(&asked).await.first().is_some_and(|message| message.reason.as_deref() == Some("no_credentials"))
    })
    .await;
    assert!(test.texts_to(DANA).is_empty());

    sqlx::query("insert into credentials (tenant_id, vendor, sealed) values ($1, 'twilio', $2)")
        .bind(test.site.franchise.tenant.uuid())
        .bind(sealed)
        .execute(&mut owner)
        .await
        .expect("the credentials are back");
    test.advance_to(noon() + TimeDelta::minutes(2));
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_cannot_be_read_keep_the_text_waiting_and_nothing_in_hand() {
    let test = Test::start_with(|options| options.settings.push(("notify.tenant_ttl".into(), "10ms".into()))).await;
    let mut owner = PgConnection::connect(&test.site.settings["postgres.owner_url"]).await.expect("the owner");
    let spoil =
        "update credentials set sealed = set_byte(sealed, 40, 255 - get_byte(sealed, 40)) where vendor = 'twilio'";
    sqlx::query(spoil).execute(&mut owner).await.expect("spoilt");
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the touches are planned", async || test.states(&asked).await.len() == 13).await;
    until("nothing is in hand", async || unacked(&test).await == 0).await;
    assert_eq!(test.states(&asked).await[0], "sms planned");
    assert!(test.texts_to(DANA).is_empty());

    sqlx::query(spoil).execute(&mut owner).await.expect("mended");
    test.advance_to(noon() + TimeDelta::minutes(2));
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_a_little_ahead_is_believed_and_one_that_is_days_ahead_is_not() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    test.until_texted(&asked).await;
    let bus = test.site.bus_config("schedule");
    let context = async_nats::jetstream::new(connect(&bus.url, "schedule", secret(&bus.password)).await);
    let release = async |message: &MessageLine| {
        let tenant = test.site.franchise.tenant;
        let out = MessageDue { tenant, message: message.id, release: message.due_at }.pack("schedule", noon());
        let sent = context.publish(out.subject, out.payload).await;
        sent.expect("sent").await.expect("stored");
        until("nothing is left to read", async || unacked(&test).await == 0).await;
    };
    let next = test.messages(&asked).await.remove(1);
    release(&next).await;
    assert!(test.states(&asked).await[1].ends_with("planned"), "it is due another day");

    // The same touch, three minutes before its time, and some hours after the first one.
    test.advance_to(test.site.clock.now() + TimeDelta::hours(5));
    let mut owner = PgConnection::connect(&test.site.settings["postgres.owner_url"]).await.expect("the owner");
    let soon = test.site.clock.now() + TimeDelta::minutes(3);
    let put =
        sqlx::query("update messages set due_at = $2, release_at = $2 where id = $1").bind(next.id.uuid()).bind(soon);
    put.execute(&mut owner).await.expect("put forward");
    release(&test.messages(&asked).await[1]).await;
    until("it is out", async || !test.states(&asked).await[1].ends_with("planned")).await;
    program.stop().await;
}
