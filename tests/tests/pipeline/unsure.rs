//! Vendors that may or may not have taken a message.

use std::time::Duration;

use sim::{
    Fault, FaultKind, Vendor,
    shopmonkey::{Manners, Quote},
};
use tests::{Test, quote, until};

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
    let test = Test::start_with(|options| options.sim.receipt_delay = Duration::from_secs(600)).await;
    let program = test.run().await;
    test.site.sim.world.faults.add(Fault { vendor: Vendor::Twilio, kind: FaultKind::FailAfter, times: 1 });
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the message is found", async || test.states(&asked).await.first().is_some_and(|s| s == "sms sent")).await;
    assert_eq!(test.texts_to(DANA).len(), 1);
    let asked_vendor = test.site.sim.world.journal.count(|event| matches!(event, sim::Event::LookedUp { .. }));
    assert!(asked_vendor >= 1);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_says_later_is_asked_later() {
    let test = Test::start().await;
    let program = test.run().await;
    let too_many = |retry_after_s| FaultKind::TooMany { retry_after_s };
    for kind in [too_many(None), too_many(Some(1))] {
        test.site.sim.world.faults.add(Fault { vendor: Vendor::Twilio, kind, times: 1 });
    }
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_the_vendor_refuses_is_a_failed_message_and_the_next_touch_goes_on() {
    let test = Test::start_with(|options| {
        options.settings.push(("notify.allow".into(), "+1*,*@example.com".into()));
    })
    .await;
    let program = test.run().await;
    // The vendor's magic number for a recipient that opted out there.
    let asked = Quote { phone: Some("+15005550004".into()), ..quote("o-1") };
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    let settled = async || {
        let states = test.states(&asked).await;
        states.first().is_some_and(|state| state == "sms failed")
            || test.lead(&asked).await.is_some_and(|lead| lead.planned_at.is_some() && !lead.has_phone)
    };
    until("the text failed, or the number was no number", settled).await;
    program.stop().await;
}
