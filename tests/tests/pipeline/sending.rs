//! When somebody is written to, by which channel, and what is shown of it before.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Channel, InShopHours, MessageState};
use operate::{Sample, preview_lead, preview_sample};
use sim::{Fault, FaultKind, Manners, Quote, Vendor};
use sqlx::{Connection as _, PgConnection};
use store::MessageLine;
use tests::{Test, noon, quote, until};

use crate::{door::tell, killed::unacked, ledger::desk, merges::TENANT};

const DANA: &str = "+15125550142";
/// The vendor says of it that it is no mobile.
const LANDLINE: &str = "+15005550009";

async fn find(test: &Test, asked: &Quote, step: u16, channel: Channel) -> Option<MessageLine> {
    test.messages(asked).await.into_iter().find(|line| line.step == step && line.channel == channel)
}

fn sample(at: &str) -> Sample {
    Sample {
        first_name: Some("Dana".into()),
        phone: DANA.parse_phone(),
        email: domain::Email::parse("dana@example.com").ok(),
        language: None,
        location: Some(orchestrator::demo::LOCATIONS[0].0.into()),
        vehicle: "2021 Honda Civic".into(),
        service: "Window Tint".into(),
        total_cents: 45_999,
        asked_at: at.parse().expect("a time"),
    }
}

trait ParsePhone {
    fn parse_phone(&self) -> Option<domain::E164>;
}

impl ParsePhone for str {
    fn parse_phone(&self) -> Option<domain::E164> {
        domain::E164::parse(self).ok()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_no_telephone_takes_goes_out_as_an_email_at_once() {
    let test = Test::start_with(|options| options.settings.push(("notify.safe_mode".into(), "off".into()))).await;
    let program = test.run().await;
    let asked = Quote { phone: Some(LANDLINE.into()), ..quote("o-1") };
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the email is delivered", async || {
        find(&test, &asked, 1, Channel::Email).await.is_some_and(|line| line.state == MessageState::Delivered)
    })
    .await;
    let text = find(&test, &asked, 1, Channel::Sms).await.expect("the text that failed");
    assert_eq!((text.state, text.reason.as_deref()), (MessageState::Failed, Some("21614")));
    assert_eq!(test.emails_to("dana@example.com").len(), 1);
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_does_not_arrive_goes_out_as_an_email_once_also_when_its_receipt_comes_twice() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.faults.add(Fault { vendor: Vendor::Twilio, kind: FaultKind::Undelivered, times: 1 });
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the email is delivered", async || {
        find(&test, &asked, 1, Channel::Email).await.is_some_and(|line| line.state == MessageState::Delivered)
    })
    .await;
    let text = find(&test, &asked, 1, Channel::Sms).await.expect("the text that failed");
    assert_eq!(text.state, MessageState::Failed);
    assert_eq!(test.emails_to("dana@example.com").len(), 1);
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_its_vendor_threw_away_too_late_is_decided_anew_and_comes_once() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.faults.add(Fault { vendor: Vendor::Twilio, kind: FaultKind::Expired, times: 1 });
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    test.until_texted(&asked).await;
    assert_eq!(test.texts_to(DANA).len(), 1);
    assert!(test.emails_to("dana@example.com").is_empty(), "it is no failure of the channel");
    // The vendor repeats itself, and says late what was before: nothing moves, and nothing is sent again.
    let mut owner = PgConnection::connect(&test.site.settings["postgres.owner_url"]).await.expect("the owner");
    let thrown_away: String = sqlx::query_scalar("select provider_id from attempts where outcome = 'refused'")
        .fetch_one(&mut owner)
        .await
        .expect("the attempt that was thrown away");
    for status in ["failed", "sent", "failed"] {
        let body = format!("MessageSid={thrown_away}&MessageStatus={status}&ErrorCode=30036&To=%2B15125550142");
        tell(&test, "twilio.receipt", &format!("{thrown_away}:{status}:{}", test.site.clock.now()), noon(), &body)
            .await;
        until("nothing is left to read", async || unacked(&test).await == 0).await;
    }
    assert_eq!(test.states(&asked).await[0], "sms delivered");
    assert_eq!(test.texts_to(DANA).len(), 1);
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_no_text_reaches_is_not_texted_again() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.faults.add(Fault { vendor: Vendor::Twilio, kind: FaultKind::Undelivered, times: 1 });
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the email is delivered", async || {
        find(&test, &asked, 1, Channel::Email).await.is_some_and(|line| line.state == MessageState::Delivered)
    })
    .await;
    test.live_until(&[&asked], noon() + TimeDelta::days(31)).await;
    until("all are out", async || test.messages(&asked).await.iter().all(|line| line.finished_at.is_some())).await;
    assert_eq!(test.texts_to(DANA).len(), 1, "the one that did not arrive");
    assert_eq!(test.emails_to("dana@example.com").len(), 13);
    let withheld = test.messages(&asked).await.into_iter().filter(|line| line.reason.as_deref() == Some("unreachable"));
    assert_eq!(withheld.count(), 6, "each text that was left says why it went out as an email");
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_that_bounces_goes_out_as_a_text() {
    let test = Test::start().await;
    test.choose(|settings| {
        settings.cadence =
            serde_json::from_str(r#"[{"day":0,"channels":["email","sms"],"template":"day_0"}]"#).expect("a cadence");
    })
    .await;
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.faults.add(Fault { vendor: Vendor::Sendgrid, kind: FaultKind::Undelivered, times: 1 });
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the text is delivered", async || {
        find(&test, &asked, 1, Channel::Sms).await.is_some_and(|line| line.state == MessageState::Delivered)
    })
    .await;
    assert_eq!(find(&test, &asked, 1, Channel::Email).await.expect("an email").state, MessageState::Failed);
    assert_eq!((test.emails_to("dana@example.com").len(), test.texts_to(DANA).len()), (1, 1));
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn follow_ups_wait_for_an_open_shop_if_a_tenant_wants_them_to() {
    let test = Test::start().await;
    test.choose(|settings| {
        settings.sending.in_shop_hours = InShopHours::FollowUps;
        settings.cadence = serde_json::from_str(
            r#"[{"day":0,"channels":["sms"],"template":"day_0"},
                {"day":2,"at":"19:00","channels":["sms"],"template":"day_1"}]"#,
        )
        .expect("a cadence");
    })
    .await;
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    test.until_texted(&asked).await;
    let due = find(&test, &asked, 2, Channel::Sms).await.expect("a follow-up").due_at;
    test.advance_to(due);
    until("it waits", async || find(&test, &asked, 2, Channel::Sms).await.is_some_and(|line| line.due_at > due)).await;
    let waiting = find(&test, &asked, 2, Channel::Sms).await.expect("a follow-up");
    assert_eq!(waiting.state, MessageState::Planned);
    assert_eq!(waiting.moves.first().map(|moved| moved.because.as_str()), Some("shop_hours"));
    // What is kept is what an operator reads.
    let shown = preview_lead(&desk(&test), TENANT, test.lead_id(&asked)).await.expect("a preview");
    let last = shown.touches.last().expect("a touch");
    assert!(last.because.iter().any(|because| because.contains("the shop is closed")), "{:?}", last.because);
    test.advance_to(waiting.due_at);
    until("it is out", async || test.texts_to(DANA).len() == 2).await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_due_during_an_outage_comes_one_after_the_other() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    test.until_texted(&asked).await;
    program.stop().await;
    // Nothing of ours runs for a week, in which three messages were due.
    test.advance_to(noon() + TimeDelta::days(6));
    let program = test.run().await;
    until("the first of them is out", async || {
        test.states(&asked).await.iter().filter(|state| state.ends_with("delivered")).count() >= 2
    })
    .await;
    until("the others are apart from it, and from each other", async || {
        let mut late = test.messages(&asked).await;
        late.retain(|line| line.state == MessageState::Planned && line.due_at < noon() + TimeDelta::hours(6 * 24 + 12));
        !late.is_empty() && late.iter().all(|line| line.reason.as_deref() == Some("too_soon"))
    })
    .await;
    test.live_until(&[&asked], noon() + TimeDelta::days(31)).await;
    until("all are out", async || test.states(&asked).await.iter().all(|state| state.ends_with("delivered"))).await;
    let mut sent: Vec<DateTime<Utc>> = test.messages(&asked).await.iter().filter_map(|line| line.sent_at).collect();
    sent.sort();
    assert_eq!(sent.len(), 13, "nothing is dropped");
    assert!(sent.windows(2).all(|pair| pair[1] - pair[0] >= TimeDelta::minutes(239)), "{sent:?}");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_machine_shows_what_then_happens() {
    let test = Test::start().await;
    // Eleven at night in Tampa, on a Friday.
    let night = "2026-01-10T04:00:00Z";
    test.advance_to(night.parse().expect("a time"));
    let shown = preview_sample(&desk(&test), TENANT, &sample(night)).await.expect("a preview");
    assert_eq!(shown.touches.len(), 14);
    assert_eq!((shown.touches[0].channel, shown.touches[0].sent_at), ("email", night.parse().ok()));
    let text = shown.touches.iter().find(|touch| touch.step == 1 && touch.channel == "sms").expect("the text");
    assert!(text.because.iter().any(|because| because.contains("clocks of")), "{:?}", text.because);
    assert!(text.text.as_deref().is_some_and(|words| words.starts_with("Hi Dana, this is Sample Tint Tampa")));
    assert_eq!(text.segments.map(|segments| segments.count), Some(2));

    let program = test.run().await;
    let asked = Quote { location_id: Some(orchestrator::demo::LOCATIONS[0].0.into()), ..quote("o-1") };
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the email is out", async || {
        find(&test, &asked, 1, Channel::Email).await.is_some_and(|line| line.state == MessageState::Delivered)
    })
    .await;
    test.live_until(&[&asked], noon() + TimeDelta::days(31)).await;
    until("all are out", async || test.states(&asked).await.iter().all(|state| state.ends_with("delivered"))).await;
    for touch in &shown.touches {
        let channel: Channel = touch.channel.parse().expect("a channel");
        let line = find(&test, &asked, touch.step, channel).await.expect("a message");
        let apart = line.sent_at.expect("sent") - touch.sent_at.expect("shown");
        assert!(apart.abs() < TimeDelta::minutes(1), "step {} by {}: {apart}", touch.step, touch.channel);
    }
    let other = preview_lead(&desk(&test), "nobody", test.lead_id(&asked)).await;
    assert!(matches!(other, Err(operate::Error::NoSuchTenant(_))));
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_lead_is_nobodys_to_preview() {
    let test = Test::start().await;
    test.add_tekmetric_tenant("tekmetric-tint").await;
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    test.until_texted(&asked).await;
    let theirs = preview_lead(&desk(&test), "tekmetric-tint", test.lead_id(&asked)).await;
    assert!(matches!(theirs, Err(operate::Error::NoSuchLead(_))));
    program.stop().await;
}
