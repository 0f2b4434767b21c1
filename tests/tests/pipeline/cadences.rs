//! Cadences as data: versions, where each is used, what a change does to live leads, and what runs against another.

use chrono::TimeDelta;
use domain::{Cadence, CadencePreset, Channel, Language, MessageState};
use operate::{
    Desk, Error, WantedCadence, WantedPlace, WantedRival, WantedScope, WantedUse, list_cadence_changes, list_cadences,
    list_words, pause, preview_use, preview_words, resume, save_cadence, save_words, score_experiment, use_cadence,
};
use sim::{Manners, Quote};
use store::{Location, Template};
use tests::{Test, noon, quote, until};

use crate::{ledger::desk, merges::TENANT};

fn cadence(text: &str) -> Cadence {
    serde_json::from_str(text).expect("a cadence")
}

/// A text at once, one the next day, one on the fifth.
fn short() -> Cadence {
    cadence(
        r#"[{"day":0,"channels":["sms","email"],"template":"day_0"},
            {"day":1,"at":"11:00","channels":["email","sms"],"template":"day_1"},
            {"day":5,"at":"10:00","channels":["sms","email"],"template":"day_5"}]"#,
    )
}

fn its_newest(cadence: &str) -> WantedCadence {
    WantedCadence { cadence: cadence.into(), version: None, is_locked: false, against: None }
}

fn everywhere(cadence: &str) -> WantedUse {
    as_said(its_newest(cadence))
}

fn as_said(what: WantedCadence) -> WantedUse {
    WantedUse { place: WantedPlace::Everywhere, what: Some(what) }
}

fn at_shop(cadence: &str, shop: usize) -> WantedUse {
    WantedUse { place: WantedPlace::Location(orchestrator::demo::LOCATIONS[shop].0.into()), ..everywhere(cadence) }
}

fn somebody(number: u32, shop: usize) -> Quote {
    Quote {
        phone: Some(format!("+15125550{number:03}")),
        email: Some(format!("customer-{number}@example.com")),
        location_id: Some(orchestrator::demo::LOCATIONS[shop].0.into()),
        ..quote(&format!("o-{number}"))
    }
}

async fn ask(test: &Test, asked: &Quote) {
    test.site.sim.world.ask_for_quote(asked, Manners::default());
    test.until_texted(asked).await;
}

/// The templates that are still to come, in their order.
async fn left(test: &Test, asked: &Quote) -> Vec<String> {
    let mut lines = test.messages(asked).await;
    lines.sort_by_key(|line| line.due_at);
    lines.into_iter().filter(|line| line.state == MessageState::Planned).map(|line| line.template).collect()
}

async fn until_changed(desk: &Desk) {
    until("the change has come to every lead", async || {
        list_cadence_changes(desk, TENANT)
            .await
            .is_ok_and(|changes| changes.iter().all(|change| change.finished_at.is_some()))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_shown_first_and_then_goes_through_every_live_lead() {
    let test = Test::start().await;
    let (program, desk) = (test.run().await, desk(&test));
    let asked: Vec<_> = (300..325).map(|number| somebody(number, 0)).collect();
    for asked in &asked {
        test.site.sim.world.ask_for_quote(asked, Manners::default());
    }
    for asked in &asked {
        test.until_texted(asked).await;
    }
    test.site.sim.world.reply("+15125550300", "Tuesday?").await;
    until("one of them talks", async || left(&test, &asked[0]).await.is_empty()).await;

    save_cadence(&desk, TENANT, "short", &short(), "kim").await.expect("saved");
    let effect = preview_use(&desk, TENANT, &everywhere("short"), |_| {}).await.expect("shown");
    // Of twelve that are left each has day 1, at another hour and by the same channel, and day 5 by another channel.
    assert_eq!((effect.leads, effect.moved, effect.added, effect.dropped), (24, 24, 24, 24 * 11), "{effect:?}");
    assert_eq!(left(&test, &asked[1]).await.len(), 12, "showing changes nothing");
    assert!(list_cadence_changes(&desk, TENANT).await.expect("changes").is_empty());

    assert_eq!(use_cadence(&desk, TENANT, &everywhere("short"), "kim").await.expect("used"), 24);
    until_changed(&desk).await;
    for asked in &asked[1..] {
        assert_eq!(left(&test, asked).await, ["day_1", "day_5"]);
    }
    let change = list_cadence_changes(&desk, TENANT).await.expect("changes").remove(0);
    assert_eq!((change.leads, change.left, change.moved, change.added, change.dropped), (24, 0, 24, 24, 24 * 11));
    assert_eq!((change.what.as_str(), change.changed_by.as_str()), ("short@1", "kim"));
    // The same again changes nothing, and whoever asks now has the new one from the start.
    let again = preview_use(&desk, TENANT, &everywhere("short"), |_| {}).await.expect("shown");
    assert_eq!((again.kept, again.moved, again.added, again.dropped), (48, 0, 0, 0));
    let late = somebody(350, 1);
    ask(&test, &late).await;
    assert_eq!(left(&test, &late).await, ["day_1", "day_5"]);

    test.live_until(&asked.iter().chain([&late]).collect::<Vec<_>>(), noon() + TimeDelta::days(10)).await;
    for asked in &asked[1..] {
        let email = asked.email.as_deref().expect("an address");
        until("all are out", async || test.emails_to(email).len() == 1).await;
        assert_eq!(test.texts_to(asked.phone.as_deref().expect("a number")).len(), 2);
    }
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nearest_counts_unless_one_above_it_is_locked() {
    let test = Test::start().await;
    let desk = desk(&test);
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    for (place, location) in tx.locations().list().await.expect("locations").into_iter().enumerate() {
        let region = ["north", "south", "south"][place];
        tx.locations().save(&Location { region: Some(region.into()), ..location }).await.expect("saved");
    }
    let shops = tx.locations().list().await.expect("locations");
    tx.commit().await.expect("committed");
    let south =
        shops.iter().find(|shop| shop.region.as_deref() == Some("south")).expect("a shop").crm_location_id.clone();
    let in_south = orchestrator::demo::LOCATIONS.iter().position(|(id, ..)| *id == south).expect("a shop");
    let program = test.run().await;
    for (name, preset) in [("long", CadencePreset::ThirtyDays), ("fast", CadencePreset::FiveDays)] {
        save_cadence(&desk, TENANT, name, &preset.cadence(), "kim").await.expect("saved");
    }
    save_cadence(&desk, TENANT, "short", &short(), "kim").await.expect("saved");
    let region = WantedUse { place: WantedPlace::Region("south".into()), ..everywhere("fast") };
    use_cadence(&desk, TENANT, &everywhere("long"), "kim").await.expect("used");
    use_cadence(&desk, TENANT, &region, "kim").await.expect("used");
    use_cadence(&desk, TENANT, &at_shop("short", in_south), "kim").await.expect("used");
    let count = async |number, shop| {
        let asked = somebody(number, shop);
        ask(&test, &asked).await;
        test.messages(&asked).await.len()
    };
    assert_eq!(count(400, in_south).await, 3, "the shop's own");
    let north = (0..3)
        .find(|shop| {
            shops.iter().any(|known| {
                known.crm_location_id == orchestrator::demo::LOCATIONS[*shop].0
                    && known.region.as_deref() == Some("north")
            })
        })
        .expect("a shop");
    let other_south = (0..3).find(|shop| *shop != north && *shop != in_south).expect("a shop");
    assert_eq!(count(401, other_south).await, 7, "the region's");
    assert_eq!(count(402, north).await, 13, "the franchise's");

    let locked = as_said(WantedCadence { is_locked: true, ..its_newest("long") });
    use_cadence(&desk, TENANT, &locked, "kim").await.expect("used");
    assert_eq!(count(403, in_south).await, 13, "the lock counts for all below it");
    for below in [at_shop("short", in_south), region.clone()] {
        assert!(matches!(use_cadence(&desk, TENANT, &below, "kim").await, Err(Error::Locked(_))));
    }
    until_changed(&desk).await;
    assert_eq!(left(&test, &somebody(400, in_south)).await.len(), 12, "live leads follow");

    // Taken away from above, what is below counts again.
    let nothing = WantedUse { place: WantedPlace::Everywhere, what: None };
    let effect = preview_use(&desk, TENANT, &nothing, |_| {}).await.expect("a look");
    assert!(effect.dropped > 0, "{effect:?}");
    use_cadence(&desk, TENANT, &nothing, "kim").await.expect("taken away");
    until_changed(&desk).await;
    assert_eq!(count(404, in_south).await, 3, "the shop's own again");
    assert_eq!(left(&test, &somebody(400, in_south)).await.len(), 2, "live leads follow");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_during_a_pause_drops_nothing_and_keeps_its_shift() {
    let test = Test::start().await;
    let (program, desk, asked) = (test.run().await, desk(&test), somebody(500, 0));
    ask(&test, &asked).await;
    let lead = WantedScope::Lead(test.lead_id(&asked));
    test.advance_to(noon() + TimeDelta::hours(12));
    pause(&desk, TENANT, &lead, "a pause", "kim").await.expect("paused");
    test.advance_to(noon() + TimeDelta::days(2));
    until("what came due is held", async || {
        test.messages(&asked).await.iter().any(|line| line.reason.as_deref() == Some("paused"))
    })
    .await;
    // The same steps once more: nothing is to be done, though the clock stood still.
    let steps = Cadence::default();
    save_cadence(&desk, TENANT, "same", &steps, "kim").await.expect("saved");
    let effect = preview_use(&desk, TENANT, &everywhere("same"), |_| {}).await.expect("shown");
    assert_eq!((effect.added, effect.dropped, effect.kept + effect.moved), (0, 0, 12), "{effect:?}");
    use_cadence(&desk, TENANT, &everywhere("same"), "kim").await.expect("used");
    until_changed(&desk).await;
    resume(&desk, TENANT, &lead, "kim").await.expect("resumed");
    test.live_until(&[&asked], noon() + TimeDelta::days(45)).await;
    until("all are out", async || test.states(&asked).await.iter().all(|state| state.ends_with("delivered"))).await;
    let mut sent: Vec<_> = test.messages(&asked).await.iter().filter_map(|line| line.sent_at).collect();
    sent.sort();
    assert_eq!(sent.len(), 13);
    assert!(sent.windows(2).all(|pair| pair[1] - pair[0] >= TimeDelta::hours(18)), "{sent:?}");
    assert!(sent[12] - noon() >= TimeDelta::days(31), "the pause still counts");
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_against_another_keeps_its_leads_and_is_scored_by_its_bookings() {
    let test = Test::start().await;
    let (program, desk) = (test.run().await, desk(&test));
    save_cadence(&desk, TENANT, "long", &Cadence::default(), "kim").await.expect("saved");
    save_cadence(&desk, TENANT, "short", &short(), "kim").await.expect("saved");
    let rival = WantedRival { experiment: "spring".into(), cadence: "short".into(), percent: 50 };
    let wanted = as_said(WantedCadence { against: Some(rival), ..its_newest("long") });
    use_cadence(&desk, TENANT, &wanted, "kim").await.expect("used");
    let asked: Vec<_> = (600..640).map(|number| somebody(number, 0)).collect();
    for asked in &asked {
        test.site.sim.world.ask_for_quote(asked, Manners::default());
    }
    let mut of_short = Vec::new();
    for asked in &asked {
        test.until_texted(asked).await;
        let count = test.messages(asked).await.len();
        assert!([3, 13].contains(&count), "one or the other, not {count}");
        if count == 3 {
            of_short.push(asked.clone());
        }
    }
    assert!((8..=32).contains(&of_short.len()), "{} of 40", of_short.len());
    for booked in of_short.iter().take(2) {
        let order = &booked.order_id;
        let soon = (noon() + TimeDelta::days(2)).to_rfc3339();
        let appointment = serde_json::json!({"id": format!("a-{order}"), "orderId": order, "customerId": format!("c-{order}"), "startDate": soon});
        test.site.sim.world.book(&appointment, Manners::default());
    }
    until("both have booked", async || {
        score_experiment(&desk, TENANT, "spring")
            .await
            .is_ok_and(|arms| arms.iter().map(|arm| arm.score.booked).sum::<i64>() == 2)
    })
    .await;
    let arms = score_experiment(&desk, TENANT, "spring").await.expect("a score");
    let short = arms.iter().find(|arm| arm.score.arm == "short@1").expect("an arm");
    assert_eq!((short.score.leads, short.score.booked), (i64::try_from(of_short.len()).expect("few"), 2));
    // Each has had one text, of two parts.
    assert_eq!(short.score.text_segments, 2 * u64::try_from(of_short.len()).expect("few"));
    assert_eq!(short.cost_micros_per_booking, Some(short.cost_micros / 2));
    let long = arms.iter().find(|arm| arm.score.arm == "long@1").expect("an arm");
    assert_eq!((long.score.booked, long.cost_micros_per_booking), (0, None));
    // A lead stays in its arm when the change goes through it again.
    use_cadence(&desk, TENANT, &wanted, "kim").await.expect("used");
    until_changed(&desk).await;
    for asked in &of_short[2..] {
        assert_eq!(left(&test, asked).await.len(), 2);
    }
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_cadence_or_be_used_is_refused_in_words() {
    let test = Test::start().await;
    let (other, desk) = (test.add_tenant("another").await, desk(&test));
    assert!(matches!(save_cadence(&desk, TENANT, "My Cadence", &short(), "kim").await, Err(Error::CadenceName(_))));
    let stranger = cadence(r#"[{"day":0,"channels":["sms"],"template":"nobody_wrote_this"}]"#);
    assert!(matches!(save_cadence(&desk, TENANT, "short", &stranger, "kim").await, Err(Error::NoSuchTemplate(_))));
    assert_eq!(save_cadence(&desk, TENANT, "short", &short(), "kim").await.expect("saved"), 1);
    assert_eq!(save_cadence(&desk, TENANT, "short", &short(), "kim").await.expect("saved"), 1, "it is the same");
    assert_eq!(save_cadence(&desk, TENANT, "short", &Cadence::default(), "kim").await.expect("saved"), 2);
    let refused =
        async |wanted: &WantedUse| use_cadence(&desk, TENANT, wanted, "kim").await.expect_err("refused").to_string();
    assert!(refused(&everywhere("nobody")).await.contains("there is no cadence \"nobody\""));
    assert!(
        refused(&as_said(WantedCadence { version: Some(9), ..its_newest("short") })).await.contains("no such version")
    );
    let region = WantedUse { place: WantedPlace::Region("moon".into()), ..everywhere("short") };
    assert!(refused(&region).await.contains("no shop is in a region \"moon\""));
    let shop = WantedUse { place: WantedPlace::Location("nowhere".into()), ..everywhere("short") };
    assert!(refused(&shop).await.contains("no such shop"));
    let itself = WantedRival { experiment: "x".into(), cadence: "short".into(), percent: 50 };
    assert!(
        refused(&as_said(WantedCadence { against: Some(itself), ..its_newest("short") }))
            .await
            .contains("against itself")
    );
    let nothing = WantedUse { place: WantedPlace::Everywhere, what: None };
    assert!(refused(&nothing).await.contains("no cadence of its own"));
    assert!(matches!(score_experiment(&desk, TENANT, "x").await, Err(Error::NoSuchExperiment(_))));
    let theirs = use_cadence(&desk, &other.slug, &everywhere("short"), "eve").await;
    assert!(matches!(theirs, Err(Error::NoSuchCadence(_))), "one tenant's cadence is nobody else's");
    assert!(list_cadences(&desk, &other.slug).await.expect("a list").0.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_saved_when_they_can_be_filled_and_shown_with_a_lead_before_they_are_sent() {
    // What a tenant chose is remembered for seconds.
    let test = Test::start_with(|options| options.settings.push(("notify.tenant_ttl".into(), "1ms".into()))).await;
    let (other, program, desk) = (test.add_tenant("another").await, test.run().await, desk(&test));
    let asked = somebody(700, 0);
    ask(&test, &asked).await;
    let lead = test.lead_id(&asked);
    let words = |body: &str| Template {
        name: "day_1".into(),
        channel: Channel::Email,
        language: Language::English,
        subject: Some("About {{ vehicle }}".into()),
        body: body.into(),
        mjml: None,
        approved_as: None,
    };
    let saved =
        save_words(&desk, TENANT, &words("New words, {{ first_name }}. {{ shop_address }}")).await.expect("saved");
    assert_eq!(saved.sample.subject.as_deref(), Some("About 2021 Honda Civic"));
    let gap = save_words(&desk, TENANT, &words("Hi {{ firstname }} {{ shop_address }}")).await.expect_err("refused");
    assert!(gap.to_string().contains("there is no \"firstname\"; there are first_name"), "{gap}");
    let shown = preview_words(&desk, TENANT, "day_1", Channel::Email, lead).await.expect("shown");
    assert_eq!(shown.body, "New words, Dana. 1 Main St, Tampa, FL 33602");
    assert!(matches!(
        preview_words(&desk, &other.slug, "day_1", Channel::Email, lead).await,
        Err(Error::NoSuchLead(_))
    ));
    assert!(matches!(preview_words(&desk, TENANT, "day_99", Channel::Sms, lead).await, Err(Error::NoSuchTemplate(_))));
    let theirs = list_words(&desk, &other.slug).await.expect("a list");
    assert!(theirs.iter().all(|words| !words.body.starts_with("New words")), "one tenant's words are nobody else's");
    test.live_until(&[&asked], noon() + TimeDelta::days(2)).await;
    until("the new words are sent", async || !test.emails_to("customer-700@example.com").is_empty()).await;
    assert_eq!(test.emails_to("customer-700@example.com"), ["About 2021 Honda Civic"]);
    program.stop().await;
}
