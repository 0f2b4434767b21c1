//! Follow-ups that stand still: what is left goes on as much later, nothing is dropped, nothing bunches up.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Channel, MessageState};
use operate::{Error, WantedScope, list_pauses, pause, preview_lead, resume};
use sim::{Manners, Quote};
use tests::{Test, noon, quote, until};

use crate::{ledger::desk, merges::TENANT};

const WHY: &str = "the shop is being rebuilt";

/// Somebody of their own, at one of the demo's shops.
fn somebody(number: u32, shop: usize) -> Quote {
    Quote {
        phone: Some(format!("+15125550{number:03}")),
        email: Some(format!("customer-{number}@example.com")),
        location_id: Some(orchestrator::demo::LOCATIONS[shop].0.into()),
        ..quote(&format!("o-{number}"))
    }
}

async fn is_held(test: &Test, asked: &Quote) -> bool {
    let messages = test.messages(asked).await;
    messages.iter().any(|line| line.state == MessageState::Planned && line.reason.as_deref() == Some("paused"))
}

async fn until_held(test: &Test, asked: &Quote) {
    until("it is held", async || is_held(test, asked).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_that_was_paused_goes_on_as_much_later_in_the_same_steps() {
    let test = Test::start().await;
    let (program, desk) = (test.run().await, desk(&test));
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    test.until_texted(&asked).await;
    let before = test.messages(&asked).await;
    let lead = WantedScope::Lead(test.lead_id(&asked));

    test.advance_to(noon() + TimeDelta::hours(12));
    assert!(pause(&desk, TENANT, &lead, WHY, "kim").await.expect("paused"));
    assert!(!pause(&desk, TENANT, &lead, "again", "kim").await.expect("paused"), "it is paused already");
    test.advance_to(noon() + TimeDelta::hours(6 * 24));
    until("the three that came due are held", async || {
        test.messages(&asked).await.iter().filter(|line| line.reason.as_deref() == Some("paused")).count() == 3
    })
    .await;
    let shown = preview_lead(&desk, TENANT, test.lead_id(&asked)).await.expect("a preview");
    assert_eq!(shown.touches.iter().filter(|touch| touch.verdict == "held until it is resumed").count(), 12);

    test.advance_to(noon() + TimeDelta::hours(12 + 6 * 24));
    let since = resume(&desk, TENANT, &lead, "lee").await.expect("resumed");
    assert!(since - noon() >= TimeDelta::hours(12));
    let shown = preview_lead(&desk, TENANT, test.lead_id(&asked)).await.expect("a preview");
    test.live_until(&[&asked], noon() + TimeDelta::days(50)).await;
    until("all are out", async || test.states(&asked).await.iter().all(|state| state.ends_with("delivered"))).await;

    let after = test.messages(&asked).await;
    assert_eq!(after.len(), 13, "nothing is dropped");
    for (before, after) in before.iter().zip(&after).skip(1) {
        let later = after.sent_at.expect("sent") - before.due_at;
        // A Sunday or a holiday may move it further; nothing moves it back.
        let (least, most) = (TimeDelta::days(6), TimeDelta::hours(6 * 24 + 30));
        assert!(least <= later && later <= most, "step {} is {later} later", after.step);
        assert!(after.moves.iter().any(|moved| moved.because.as_str() == "paused"), "it says why");
        let touch = shown.touches.iter().find(|touch| touch.step == after.step).expect("shown");
        let apart = after.sent_at.expect("sent") - touch.sent_at.expect("shown");
        assert!(apart.abs() < TimeDelta::minutes(1), "step {}: {apart} from what was shown", after.step);
    }
    let sent: Vec<DateTime<Utc>> = after.iter().filter_map(|line| line.sent_at).collect();
    assert!(sent.windows(2).all(|pair| pair[1] - pair[0] >= TimeDelta::hours(20)), "{sent:?}");
    let line = list_pauses(&desk, TENANT).await.expect("pauses").remove(0);
    assert_eq!((line.paused_by.as_str(), line.resumed_by.as_deref(), line.because.as_str()), ("kim", Some("lee"), WHY));
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_shop_or_channel_holds_its_own_and_nothing_else() {
    let test = Test::start().await;
    let (program, desk) = (test.run().await, desk(&test));
    let first = WantedScope::Location(orchestrator::demo::LOCATIONS[0].0.into());
    pause(&desk, TENANT, &first, WHY, "kim").await.expect("paused");
    let (held, free) = (somebody(101, 0), somebody(102, 1));
    test.site.sim.world.ask_for_quote(&held, Manners::default());
    test.site.sim.world.ask_for_quote(&free, Manners::default());
    test.until_texted(&free).await;
    until_held(&test, &held).await;
    resume(&desk, TENANT, &first, "kim").await.expect("resumed");
    test.until_texted(&held).await;

    let texts = WantedScope::Channel(Channel::Sms);
    pause(&desk, TENANT, &texts, WHY, "kim").await.expect("paused");
    let late = somebody(103, 0);
    test.site.sim.world.ask_for_quote(&late, Manners::default());
    until_held(&test, &late).await;
    let an_email = Quote { phone: None, ..somebody(104, 0) };
    test.site.sim.world.ask_for_quote(&an_email, Manners::default());
    until("an email goes out", async || !test.emails_to("customer-104@example.com").is_empty()).await;
    assert!(is_held(&test, &late).await, "texts stand still");
    resume(&desk, TENANT, &texts, "kim").await.expect("resumed");
    test.until_texted(&late).await;
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_resumed_while_nobody_ran_goes_on_when_somebody_does() {
    let test = Test::start().await;
    let (program, desk) = (test.run().await, desk(&test));
    pause(&desk, TENANT, &WantedScope::Everything, WHY, "kim").await.expect("paused");
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until_held(&test, &asked).await;
    program.stop().await;
    resume(&desk, TENANT, &WantedScope::Everything, "kim").await.expect("resumed");
    let program = test.run().await;
    test.until_texted(&asked).await;
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pausing_and_resuming_while_messages_come_due_loses_none() {
    let test = Test::start().await;
    let (program, desk) = (test.run().await, desk(&test));
    let asked: Vec<_> = (200..220).map(|number| somebody(number, 0)).collect();
    for asked in &asked {
        pause(&desk, TENANT, &WantedScope::Everything, WHY, "kim").await.expect("paused");
        test.site.sim.world.ask_for_quote(asked, Manners::default());
        // Its first text is due at this moment, and is being looked at while the pause ends.
        until("it is planned", async || !test.messages(asked).await.is_empty()).await;
        resume(&desk, TENANT, &WantedScope::Everything, "kim").await.expect("resumed");
    }
    for asked in &asked {
        test.until_texted(asked).await;
    }
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_paused_is_refused_in_words() {
    let test = Test::start().await;
    test.add_tekmetric_tenant("tekmetric-tint").await;
    let (program, desk) = (test.run().await, desk(&test));
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    test.until_texted(&asked).await;
    let lead = WantedScope::Lead(test.lead_id(&asked));
    let theirs = pause(&desk, "tekmetric-tint", &lead, WHY, "kim").await;
    assert!(matches!(theirs, Err(Error::NoSuchLead(_))), "another tenant's");
    let shop = WantedScope::Location(orchestrator::demo::LOCATIONS[0].0.into());
    assert!(matches!(pause(&desk, "tekmetric-tint", &shop, WHY, "kim").await, Err(Error::NoSuchShop(_))));
    assert!(matches!(pause(&desk, TENANT, &lead, " ", "kim").await, Err(Error::NoWhy)));
    assert!(matches!(resume(&desk, TENANT, &lead, "kim").await, Err(Error::NotPaused)));
    assert!(matches!(pause(&desk, "nobody", &lead, WHY, "kim").await, Err(Error::NoSuchTenant(_))));
    pause(&desk, "tekmetric-tint", &WantedScope::Everything, WHY, "kim").await.expect("paused");
    assert!(list_pauses(&desk, TENANT).await.expect("pauses").is_empty(), "one tenant's pause is nobody else's");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_a_shop_holds_goes_on_also_when_its_lead_is_another_shops_by_then() {
    let test = Test::start().await;
    let (program, desk, asked) = (test.run().await, desk(&test), somebody(301, 0));
    let first = WantedScope::Location(orchestrator::demo::LOCATIONS[0].0.into());
    pause(&desk, TENANT, &first, WHY, "kim").await.expect("paused");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until_held(&test, &asked).await;
    let before = test.lead(&asked).await.expect("a lead").location;
    let other = serde_json::json!({"locationId": orchestrator::demo::LOCATIONS[1].0});
    test.site.sim.world.change_order(&asked.order_id, &other, Manners::default());
    until("it is another shop's", async || test.lead(&asked).await.is_some_and(|lead| lead.location != before)).await;
    resume(&desk, TENANT, &first, "kim").await.expect("resumed");
    test.until_texted(&asked).await;
    test.assert_settled().await;
    program.stop().await;
}
