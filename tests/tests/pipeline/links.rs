//! A lead's own link: whoever leaves by it is left alone, and nobody else's link leaves for them.

use domain::Channel;
use sim::{Event, Manners, Quote};
use sqlx::{Connection as _, PgConnection};
use stage::Step;
use tests::{KillOnce, Test, quote, until};

use crate::chat::{asked, link_of};

const DANA: &str = "+15125550142";
const ADDRESS: &str = "dana@example.com";

/// Who is written to by email first.
fn by_email() -> Quote {
    Quote { texts_allowed: false, ..quote("o-1") }
}

async fn suppressed(test: &Test) -> [bool; 2] {
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    [
        tx.messages().is_suppressed(Channel::Sms, DANA).await.expect("an answer"),
        tx.messages().is_suppressed(Channel::Email, ADDRESS).await.expect("an answer"),
    ]
}

/// The newest email's link to leave, as its reader sees it.
fn link(test: &Test) -> String {
    let entries = test.site.sim.world.journal.entries();
    let bodies = entries.into_iter().rev().filter_map(|entry| match entry.event {
        Event::Email { body, .. } => Some(body),
        _ => None,
    });
    let body = bodies.into_iter().next().expect("an email");
    body.split_whitespace().find(|word| word.contains("/u/")).expect("a link in it").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_press_in_a_mailbox_ends_everything_by_every_channel_whatever_step_its_worker_dies_at() {
    for step in [Step::BeforeCommit, Step::AfterCommit, Step::AfterPublish, Step::BeforeAck] {
        let test = Test::start().await;
        let kill = KillOnce::new("enrich-unsubscribes", step);
        let program = test.run_with(kill.clone()).await;
        test.site.sim.world.ask_for_quote(&by_email(), Manners::default());
        until("the email is there", async || test.emails_to(ADDRESS).len() == 1).await;
        assert_eq!(test.site.sim.world.unsubscribe(ADDRESS).await, Some(200));
        // A second press says the same and changes nothing.
        assert_eq!(test.site.sim.world.unsubscribe(ADDRESS).await, Some(200));
        until("it is heard", async || suppressed(&test).await == [true, true]).await;
        until("the follow-up has ended", async || {
            test.lead(&by_email()).await.is_some_and(|lead| lead.stop_reason.as_deref() == Some("opted_out"))
        })
        .await;
        assert!(test.states(&by_email()).await[1..].iter().all(|state| state.ends_with("cancelled")), "{step:?}");
        until("it has died once", async || !kill.killed().is_empty()).await;
        // Another quote of theirs gets no answer by any channel.
        let again = Quote { order_id: "o-2".into(), ..Quote::default() };
        test.site.sim.world.ask_for_quote(&again, Manners::default());
        until("both are withheld", async || {
            let states = test.states(&again).await;
            states.first().is_some_and(|state| state.ends_with("withheld"))
        })
        .await;
        assert_eq!((test.texts_to(DANA).len(), test.emails_to(ADDRESS).len()), (0, 1), "{step:?}");
        test.assert_settled().await;
        program.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_a_link_changes_nothing_and_pressing_its_button_does() {
    let test = Test::start().await;
    let program = test.run().await;
    test.site.sim.world.ask_for_quote(&by_email(), Manners::default());
    until("the email is there", async || test.emails_to(ADDRESS).len() == 1).await;
    let link = link(&test);
    let http = reqwest::Client::new();
    let page = http.get(&link).send().await.expect("a page");
    assert_eq!(page.headers()["referrer-policy"], "no-referrer");
    assert_eq!(page.headers()["cache-control"], "no-store");
    let page = page.text().await.expect("a page");
    assert!(page.contains("Stop all messages") && page.contains("method=\"post\""), "{page}");
    for shown in ["Dana", DANA, ADDRESS] {
        assert!(!page.contains(shown), "a link that was passed on tells nothing of {shown}");
    }
    assert_eq!(suppressed(&test).await, [false, false]);
    // Somebody else's guess, and what is no token at all.
    for wrong in ["/u/7Kd3mQxT9bWz2p", "/u/%ff%fe", "/u/../../etc/passwd", "/u/%00"] {
        let wrong = format!("{}{wrong}", test.site.public_url);
        let status = http.post(&wrong).send().await.expect("an answer").status().as_u16();
        assert!([400, 404].contains(&status), "{wrong}: {status}");
    }
    let done = http.post(&link).send().await.expect("an answer");
    assert_eq!(done.status(), 200);
    assert!(done.text().await.expect("a page").contains("no more messages"));
    until("it is heard", async || suppressed(&test).await == [true, true]).await;
    // Whoever comes back by text may be texted again.
    // Not by its telephone alone: the emails stay off, because they were switched off in one.
    assert_eq!(test.site.sim.world.reply(DANA, "START").await, 200);
    until("texts may come again", async || suppressed(&test).await == [false, true]).await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_by_an_email_is_not_texted_about_another_quote_either() {
    let test = Test::start().await;
    let program = test.run().await;
    let without_number = Quote { phone: None, ..by_email() };
    test.site.sim.world.ask_for_quote(&without_number, Manners::default());
    until("the email is there", async || test.emails_to(ADDRESS).len() == 1).await;
    // Of the same person, who has left a number this time.
    let with_number = quote("o-2");
    test.site.sim.world.ask_for_quote(&with_number, Manners::default());
    test.until_texted(&with_number).await;
    assert_eq!(test.site.sim.world.unsubscribe(ADDRESS).await, Some(200));
    until("both have ended", async || {
        let reason = async |quote: &Quote| test.lead(quote).await.and_then(|lead| lead.stop_reason);
        reason(&without_number).await.as_deref() == Some("opted_out")
            && reason(&with_number).await.as_deref() == Some("opted_out")
    })
    .await;
    assert_eq!(suppressed(&test).await, [true, true]);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_of_a_lead_has_the_same_link_and_another_leads_has_another() {
    let test = Test::start().await;
    let program = test.run().await;
    test.site.sim.world.ask_for_quote(&by_email(), Manners::default());
    until("the email is there", async || test.emails_to(ADDRESS).len() == 1).await;
    let first = link(&test);
    let tenant = test.site.franchise.tenant;
    let token = first.rsplit('/').next().expect("a token");
    let found = test.site.store.everywhere().find_link(token).await.expect("an answer");
    assert_eq!(found, Some((tenant, test.lead_id(&by_email()))));
    let second = test.messages(&by_email()).await[1].due_at;
    test.advance_to(second);
    until("the second email is there", async || test.emails_to(ADDRESS).len() == 2).await;
    assert_eq!(link(&test), first);
    let robin = Quote {
        email: Some("robin@example.com".into()),
        phone: Some("+15125550143".into()),
        texts_allowed: false,
        ..quote("o-2")
    };
    test.site.sim.world.ask_for_quote(&robin, Manners::default());
    until("their email is there", async || test.emails_to("robin@example.com").len() == 1).await;
    assert_ne!(link(&test), first);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_first_message_opens_the_conversation_and_what_is_kept_of_it_does_not() {
    let test = Test::start().await;
    let program = test.run().await;
    let lead = asked(&test, "o-1").await;
    let token = link_of(&test, lead).await;
    let sent = test.texts_to("+15125550141").pop().expect("a text");
    let link = sent.split_whitespace().find(|word| word.contains("/c/")).expect("a link in it");
    assert!(link.ends_with(&token), "{sent}");
    let opened = reqwest::get(link).await.expect("a page");
    assert_eq!(opened.status(), 200);
    let mut owner = PgConnection::connect(&test.site.settings["postgres.owner_url"]).await.expect("the owner");
    let kept: Vec<String> =
        sqlx::query_scalar("select body from attempts").fetch_all(&mut owner).await.expect("bodies");
    assert!(!kept.is_empty() && kept.iter().all(|body| body.contains("/c/") && !body.contains(&token)), "{kept:?}");
    program.stop().await;
}
