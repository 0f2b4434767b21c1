//! Customers who write back.

use chrono::TimeDelta;
use domain::{Channel, LeadStatus};
use operate::read_timeline;
use sim::{Manners, Quote};
use tests::{Test, noon, quote, until};

use crate::{
    crm_copies::{answered, with_number},
    door::tell,
    killed::unacked,
    ledger::desk,
    merges::TENANT,
};

const DANA: &str = "+15125550142";

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_ends_the_cadence_and_opens_a_conversation() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    assert_eq!(test.site.sim.world.reply(DANA, "Tuesday morning?").await, 200);
    until("the lead talks", async || test.lead(&asked).await.is_some_and(|lead| lead.status == LeadStatus::ChatActive))
        .await;
    let planned = test.states(&asked).await.iter().filter(|state| state.ends_with("planned")).count();
    assert_eq!(planned, 0);
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_with_a_character_the_database_has_no_room_for_is_heard_all_the_same() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    assert_eq!(test.site.sim.world.reply(DANA, "Tues\0day?").await, 200);
    until("the lead talks", async || {
        test.lead(&asked).await.is_some_and(|lead| lead.stop_reason.as_deref() == Some("replied"))
    })
    .await;
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_from_a_number_that_the_shop_has_replaced_since_ends_the_follow_up() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    test.until_texted(&asked).await;
    test.site.sim.world.change_customer("c-o-1", &with_number("+15125550177"), Manners::default());
    until("the shop is heard", async || answered(&test) == 2 && unacked(&test).await == 0).await;
    assert_eq!(test.site.sim.world.reply(DANA, "STOP").await, 200);
    until("the lead is stopped", async || {
        test.lead(&asked).await.is_some_and(|lead| lead.stop_reason.as_deref() == Some("opted_out"))
    })
    .await;
    let states = test.states(&asked).await;
    assert!(states[1..].iter().all(|state| state.ends_with("cancelled")), "{states:?}");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_from_a_short_code_is_no_answer_and_no_dead_letter() {
    let test = Test::start().await;
    let program = test.run().await;
    tell(&test, "twilio.reply", "SM-short", noon(), "MessageSid=SM-short&From=22395&Body=Your+code+is+1").await;
    until("it is read", async || unacked(&test).await == 0).await;
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opt_out_in_words_of_their_own_is_confirmed_once_also_at_night_and_the_vendors_word_by_the_vendor() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    test.until_texted(&asked).await;
    // Eleven in the evening there.
    test.advance_to(noon() + TimeDelta::hours(11));
    assert_eq!(test.site.sim.world.reply(DANA, "Please take me off your list").await, 200);
    until("it is confirmed", async || test.texts_to(DANA).len() == 2).await;
    assert!(test.texts_to(DANA)[1].contains("no more messages"), "{:?}", test.texts_to(DANA));
    assert_eq!(test.site.sim.world.reply(DANA, "and stop texting me please").await, 200);
    assert_eq!(test.site.sim.world.reply(DANA, "STOP").await, 200);
    until("they are heard", async || unacked(&test).await == 0).await;
    let robin = Quote { phone: Some("+15125550143".into()), ..quote("o-2") };
    test.advance_to(noon() + TimeDelta::days(2));
    test.site.sim.world.ask_for_quote(&robin, Manners::default());
    test.until_texted(&robin).await;
    assert_eq!(test.site.sim.world.reply("+15125550143", "STOP").await, 200);
    until("it is heard", async || {
        test.lead(&robin).await.is_some_and(|lead| lead.stop_reason.as_deref() == Some("opted_out"))
    })
    .await;
    until("nothing is left to do", async || unacked(&test).await == 0).await;
    test.assert_settled().await;
    assert_eq!((test.texts_to(DANA).len(), test.texts_to("+15125550143").len()), (2, 1));
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_silences_every_channel_for_good_and_start_lifts_it() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    assert_eq!(test.site.sim.world.reply(DANA, " stop ").await, 200);
    until("the lead is stopped", async || {
        test.lead(&asked).await.is_some_and(|lead| lead.stop_reason.as_deref() == Some("opted_out"))
    })
    .await;

    // Another car, weeks later, and once by email alone.
    let again = quote("o-2");
    let by_email = Quote { phone: None, ..quote("o-3") };
    test.site.sim.world.ask_for_quote(&again, Manners::default());
    test.site.sim.world.ask_for_quote(&by_email, Manners::default());
    for later in [&again, &by_email] {
        until("it is withheld", async || {
            test.messages(later).await.first().is_some_and(|message| message.reason.as_deref() == Some("suppressed"))
        })
        .await;
    }
    assert_eq!((test.texts_to(DANA).len(), test.emails_to("dana@example.com").len()), (1, 0));

    assert_eq!(test.site.sim.world.reply(DANA, "START").await, 200);
    let lifted = async || {
        let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
        !tx.messages().is_suppressed(Channel::Sms, DANA).await.expect("an answer")
    };
    until("the opt-out is lifted", lifted).await;
    let third = Quote { name: "New Quote: Windshield Film".into(), ..quote("o-4") };
    test.site.sim.world.ask_for_quote(&third, Manners::default());
    until("the customer is written to again", async || test.texts_to(DANA).len() == 2).await;
    // And leaves once more, in other words: each time they did is kept.
    assert_eq!(test.site.sim.world.reply(DANA, "take me off your list").await, 200);
    until("they are left alone again", async || !lifted().await).await;
    let story = read_timeline(&desk(&test), TENANT, test.lead_id(&third)).await.expect("a story");
    let times = |says: &str| story.iter().filter(|line| line.says.starts_with(says)).count();
    assert_eq!(times("Nothing more goes to them by sms"), 2, "{story:?}");
    assert_eq!(times("They want messages by sms again"), 1, "{story:?}");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_from_nobody_we_know_is_kept_and_harms_nothing() {
    let test = Test::start().await;
    let program = test.run().await;
    assert_eq!(test.site.sim.world.reply("+15125550177", "wrong number?").await, 200);
    assert_eq!(test.site.sim.world.reply("+15125550177", "STOP").await, 200);
    let suppressed = async || {
        let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
        tx.messages().is_suppressed(Channel::Sms, "+15125550177").await.expect("an answer")
    };
    until("the opt-out is kept", suppressed).await;
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_stop_and_start_the_later_one_counts_in_whatever_order_they_come() {
    let test = Test::start().await;
    let at = |minutes| noon() + TimeDelta::minutes(minutes);
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    // (what came, when it was written, whether the customer is silenced then)
    for (word, minutes, silenced) in [
        ("STOP", 1, true),
        ("START", 5, false),
        ("STOP", 3, false),
        ("STOP", 7, true),
        ("START", 6, true),
        ("START", 9, false),
    ] {
        if word == "STOP" {
            tx.replies().suppress(Channel::Sms, DANA, "twilio:SM1", at(minutes)).await.expect("kept");
        } else {
            tx.replies().lift(Channel::Sms, DANA, "", at(minutes)).await.expect("kept");
        }
        let found = tx.messages().is_suppressed(Channel::Sms, DANA).await.expect("an answer");
        assert_eq!(found, silenced, "after {word} of minute {minutes}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn that_nothing_reaches_somebody_hides_no_opt_out_and_their_next_word_lifts_none() {
    let test = Test::start().await;
    let at = |minutes| noon() + TimeDelta::minutes(minutes);
    let by = Channel::Sms;
    for (number, stop_first) in [("+15125550171", true), ("+15125550172", false)] {
        let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
        if stop_first {
            tx.replies().suppress(by, number, "link:a-lead", at(1)).await.expect("kept");
        }
        tx.replies().note_unreachable(by, number, "twilio:30006", at(2)).await.expect("kept");
        if !stop_first {
            tx.replies().suppress(by, number, "link:a-lead", at(3)).await.expect("kept");
        }
        assert!(tx.messages().is_unreachable(by, number).await.expect("an answer"));
        tx.replies().note_reachable(by, number, at(4)).await.expect("kept");
        assert!(!tx.messages().is_unreachable(by, number).await.expect("an answer"));
        assert!(tx.messages().is_suppressed(by, number).await.expect("an answer"), "{number}");
        // What failed before they wrote is no news, what failed since is.
        tx.replies().note_unreachable(by, number, "twilio:30006", at(2)).await.expect("kept");
        assert!(!tx.messages().is_unreachable(by, number).await.expect("an answer"));
        tx.replies().note_unreachable(by, number, "twilio:30006", at(5)).await.expect("kept");
        assert!(tx.messages().is_unreachable(by, number).await.expect("an answer"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsubscribe_from_an_email_we_do_not_know_counts_for_the_person() {
    let test = Test::start().await;
    let program = test.run().await;
    let body =
        r#"[{"event":"unsubscribe","email":"Dana@example.com","timestamp":1,"sg_message_id":"before-a-restore"}]"#;
    tell(&test, "sendgrid.receipt", "unsubscribed", noon(), body).await;
    until("the address is silenced", async || {
        let Ok(mut tx) = test.site.store.begin(test.site.franchise.tenant).await else { return false };
        tx.messages().is_suppressed(Channel::Email, "dana@example.com").await.unwrap_or(false)
    })
    .await;
    program.stop().await;
}
