//! Appointments: in the CRM once, confirmed once, and never two in one bay.

use chrono::{DateTime, TimeDelta, Utc};
use orchestrator::{Program, Role};
use reqwest::{StatusCode, header};
use serde_json::{Value, json};
use sim::{Fault, FaultKind, Manners, Quote, Vendor};
use sqlx::{Connection as _, PgConnection};
use tests::{Test, noon, quote, until};

use crate::chat::{Page, asked, slots, stock, text};

/// What the shop's calendar in the CRM shows.
fn calendar(test: &Test) -> Vec<Value> {
    test.site.sim.world.shopmonkey.rows("appointment")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_is_in_the_crm_once_whatever_the_crm_answers() {
    for kind in [None, Some(FaultKind::FailBefore), Some(FaultKind::FailAfter), Some(FaultKind::CutAfter)] {
        let test = Test::start().await;
        stock(&test);
        let program = test.run().await;
        let lead = asked(&test, "o-1").await;
        let page = Page::open(&test, &program, lead).await;
        let answer = page.say("m-1", "Can I bring it in for ceramic tint, full sedan?").await;
        let (hold, starts_at) = slots(&answer)[0].clone();
        if let Some(kind) = kind {
            test.site.sim.world.faults.add(Fault { vendor: Vendor::Shopmonkey, kind, times: 1 });
        }
        let (status, booked) = page.post("book", &json!({ "hold": hold })).await;
        assert_eq!(status, StatusCode::OK, "{booked}");
        until("the CRM has it", async || !calendar(&test).is_empty()).await;
        until("we know its id there", async || untold(&test).await == 0).await;
        let rows = calendar(&test);
        assert_eq!(rows.len(), 1, "{kind:?}: {rows:?}");
        assert_eq!(text(&rows[0]["startDate"]).parse(), Ok(starts_at), "{kind:?}");
        assert_eq!(
            (text(&rows[0]["orderId"]).as_str(), &rows[0]["sendConfirmation"]),
            ("o-1", &json!(false)),
            "{kind:?}"
        );
        test.assert_settled().await;
        program.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_the_shop_has_given_away_itself_is_not_offered() {
    let test = Test::start().await;
    stock(&test);
    let program = test.run().await;
    let (one, other) = (asked(&test, "o-1").await, asked(&test, "o-2").await);
    let words = "Can I bring it in for ceramic tint, full sedan?";
    let first = slots(&Page::open(&test, &program, one).await.say("m-1", words).await)[0].1;
    let release = "update appointments set held_until = now() - interval '1 second' where state = 'held'";
    let mut owner = PgConnection::connect(&test.site.settings["postgres.owner_url"]).await.expect("the owner");
    sqlx::query(release).execute(&mut owner).await.expect("released");
    // The shop notes somebody by hand then, and has another one called off.
    let date = |at: DateTime<Utc>| json!(at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
    let row = |id: &str, at: DateTime<Utc>, note: Option<&str>| {
        json!({"id": id, "name": "By telephone", "color": "blue", "locationId": orchestrator::demo::LOCATIONS[0].0,
            "startDate": date(at), "endDate": date(at + chrono::TimeDelta::hours(2)), "cancellationNote": note})
    };
    for (id, at, note) in [("by-hand", first, None), ("off", first + chrono::TimeDelta::hours(3), Some("sick"))] {
        test.site.sim.world.shopmonkey.put("appointment", id, row(id, at, note));
    }
    // Another replica, which has not asked the CRM yet.
    let elsewhere = test.site.config(&Role::ALL, &[("http.listen", "127.0.0.1:0")]).expect("settings");
    program.stop().await;
    let program = Program::start(&elsewhere, &Role::ALL, None).await.expect("a replica");
    let offered = slots(&Page::open(&test, &program, other).await.say("m-1", words).await);
    let hours = chrono::TimeDelta::hours(2);
    assert!(offered.iter().all(|(_, at)| *at >= first + hours), "{offered:?}, and the shop has somebody at {first}");
    assert!(
        offered.iter().any(|(_, at)| *at < first + chrono::TimeDelta::hours(6)),
        "that day is not over: {offered:?}"
    );
    program.stop().await;
}

/// Appointments that the CRM is still to be told of.
async fn untold(test: &Test) -> i64 {
    let mut owner = PgConnection::connect(&test.site.settings["postgres.owner_url"]).await.expect("the owner");
    let count = "select count(*) from appointments where crm_look_at is not null";
    sqlx::query_scalar(count).fetch_one(&mut owner).await.expect("a count")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_called_off_or_cannot_be_told_to_the_crm_is_somebodys_task() {
    let test = Test::start().await;
    stock(&test);
    let program = test.run().await;
    let lead = asked(&test, "o-1").await;
    let page = Page::open(&test, &program, lead).await;
    let answer = page.say("m-1", "Can I bring it in for ceramic tint, full sedan?").await;
    let (_, booked) = page.post("book", &json!({ "hold": slots(&answer)[0].0 })).await;
    until("the CRM has it", async || untold(&test).await == 0 && calendar(&test).len() == 1).await;
    let appointment = &booked["appointment"];
    let (status, off) = page.post("cancel", &json!({ "appointment": appointment })).await;
    assert_eq!((status, off["booking"]["state"].as_str()), (StatusCode::OK, Some("cancelled")));
    let (status, _) = page.post("cancel", &json!({ "appointment": appointment })).await;
    assert_eq!(status, StatusCode::CONFLICT, "a second time there is nothing to call off");
    until("somebody is asked to take it out", async || {
        let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
        let tasks = tx.tasks().list_open(10).await.expect("tasks");
        tasks.iter().any(|task| task.lead == lead && task.title.starts_with("Take out of the CRM"))
    })
    .await;
    program.stop().await;
}

const PHONE: &str = "+15125550147";
const EMAIL: &str = "dana@example.com";

/// Somebody who can be told by text and by email, with the page open.
async fn reachable(test: &Test, program: &Program) -> Page {
    let asked = Quote { phone: Some(PHONE.into()), email: Some(EMAIL.into()), ..quote("o-7") };
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    test.until_texted(&asked).await;
    Page::open(test, program, test.lead_id(&asked)).await
}

/// Of what was sent about appointments: how many texts and emails.
fn told(test: &Test, words: &str) -> (usize, usize) {
    let texts = test.texts_to(PHONE).into_iter().filter(|text| text.contains(words)).count();
    (texts, test.emails_to(EMAIL).into_iter().filter(|subject| subject.contains(words)).count())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_is_confirmed_at_once_by_text_and_by_email_even_at_night() {
    let test = Test::start().await;
    stock(&test);
    let program = test.run().await;
    let page = reachable(&test, &program).await;
    // Nobody is followed up at this hour.
    test.advance_to(noon() + TimeDelta::hours(10));
    let answer = page.say("m-1", "Can I bring it in for ceramic tint, full sedan?").await;
    let (hold, starts_at) = slots(&answer)[0].clone();
    for _ in 0..2 {
        let (status, booked) = page.post("book", &json!({ "hold": hold })).await;
        assert_eq!(status, StatusCode::OK, "{booked}");
    }
    until("they are told", async || told(&test, "ou're booked for") == (1, 1)).await;
    let words = test.texts_to(PHONE).pop().expect("a text");
    assert!(words.contains("/c/"), "they can change it: {words}");
    let (name, file) = test.site.sim.world.sendgrid.newest_file(EMAIL).expect("a file for their calendar");
    assert_eq!(name, "appointment.ics");
    assert!(file.contains(&starts_at.format("DTSTART:%Y%m%dT%H%M%SZ\r\n").to_string()), "{file}");
    // The page has it, too.
    let calendar = page.url(&format!("calendar?appointment={hold}"));
    let same = page.http.get(&calendar).header(header::COOKIE, &page.cookie).send().await.expect("an answer");
    assert_eq!(same.headers()[header::CONTENT_TYPE], "text/calendar; charset=utf-8");
    assert!(same.text().await.expect("a file").contains(&hold), "it is the same appointment for a calendar");
    let stranger = page.http.get(&calendar).send().await.expect("an answer");
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);

    let (status, _) = page.post("cancel", &json!({ "appointment": hold })).await;
    assert_eq!(status, StatusCode::OK);
    until("they are told that it is off", async || told(&test, " is off") == (1, 1)).await;
    let (_, file) = test.site.sim.world.sendgrid.newest_file(EMAIL).expect("a file for their calendar");
    assert!(file.contains("METHOD:CANCEL"), "{file}");
    let (status, _) = page.get(&format!("calendar?appointment={hold}")).await;
    assert_eq!(status, StatusCode::CONFLICT, "there is nothing to put into a calendar any more");
    assert_eq!(told(&test, "ou're booked for"), (1, 1));

    // The same time once more is news, in the same words.
    let answer = page.say("m-2", "Can I bring it in for ceramic tint, full sedan?").await;
    let (hold, again_at) = slots(&answer)[0].clone();
    assert_eq!(again_at, starts_at);
    let (status, _) = page.post("book", &json!({ "hold": hold })).await;
    assert_eq!(status, StatusCode::OK);
    until("they are told again", async || told(&test, "ou're booked for") == (2, 2)).await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_called_off_before_it_was_confirmed_is_not_confirmed() {
    let test = Test::start().await;
    stock(&test);
    let program = test.run().await;
    let page = reachable(&test, &program).await;
    let answer = page.say("m-1", "Can I bring it in for ceramic tint, full sedan?").await;
    program.stop().await;
    // Only the conversation goes on; whoever sends is away.
    let config = test.site.config(&[Role::Chat], &[("http.listen", "127.0.0.1:0")]).expect("settings");
    let chat = Program::start(&config, &[Role::Chat], None).await.expect("the role starts");
    let page = page.at(&chat);
    let (hold, _) = slots(&answer)[0].clone();
    let (status, _) = page.post("book", &json!({ "hold": hold })).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = page.post("cancel", &json!({ "appointment": hold })).await;
    assert_eq!(status, StatusCode::OK);
    chat.stop().await;
    let program = test.run().await;
    until("they are told that it is off", async || told(&test, " is off") == (1, 1)).await;
    assert_eq!(told(&test, "ou're booked for"), (0, 0));
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_wants_no_texts_is_told_of_their_booking_by_no_text() {
    let test = Test::start().await;
    stock(&test);
    let program = test.run().await;
    let page = reachable(&test, &program).await;
    assert_eq!(test.site.sim.world.reply(PHONE, "STOP").await, 200);
    until("it is heard", async || {
        test.lead(&quote("o-7")).await.and_then(|lead| lead.stop_reason).as_deref() == Some("opted_out")
    })
    .await;
    let answer = page.say("m-1", "Can I bring it in for ceramic tint, full sedan?").await;
    let (status, _) = page.post("book", &json!({ "hold": slots(&answer)[0].0 })).await;
    assert_eq!(status, StatusCode::OK);
    let states = async || {
        let messages = test.messages(&quote("o-7")).await;
        let booked = messages.into_iter().filter(|message| message.template == domain::BOOKED);
        booked.map(|message| (message.channel.as_str(), message.state.as_str())).collect::<Vec<_>>()
    };
    until("both are decided", async || {
        let states = states().await;
        states.len() == 2 && states.iter().all(|(_, state)| ["withheld", "delivered"].contains(state))
    })
    .await;
    assert_eq!(told(&test, "ou're booked for").0, 0, "{:?}", states().await);
    program.stop().await;
}
