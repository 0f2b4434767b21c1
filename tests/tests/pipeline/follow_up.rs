//! From a quote request to the last touch.

use async_nats::jetstream;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Cadence, Channel, Law, LeadStatus, LegalWindow, MessageId, MessageState, OwnRules, Planning, Rules, ShopCalendar,
    StopReason, Whereabouts,
};
use serde_json::json;
use sim::{Manners, Quote};
use sqlx::{Connection as _, PgConnection};
use store::{ChosenCadence, NewTouch};
use tests::{Test, noon, quote, until};

use crate::{
    door::{connect, secret},
    killed::unacked,
};

const DANA: &str = "+15125550142";

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_becomes_a_text_at_once_and_twelve_planned_touches() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());

    test.until_texted(&asked).await;

    let states = test.states(&asked).await;
    assert_eq!(states.len(), 13);
    assert_eq!(states[1..].iter().filter(|state| state.ends_with("planned")).count(), 12);
    let texts = test.texts_to(DANA);
    assert_eq!(texts.len(), 1);
    let words = &texts[0];
    assert!(words.starts_with("Hi Dana, this is Sample Tint Tampa."), "{words}");
    assert!(words.contains("Window Tint for 2021 Honda Civic") && words.contains("STOP"), "{words}");
    assert_eq!(test.lead(&asked).await.expect("a lead").status, LeadStatus::Contacted);
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_days_without_an_answer_are_thirteen_messages_and_a_lost_lead() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the touches are planned", async || test.states(&asked).await.len() == 13).await;
    for day in 0..=32 {
        // Noon and the late afternoon: every touch of the day has fallen due by then.
        for hours in [0, 6] {
            test.advance_to(noon() + TimeDelta::days(day) + TimeDelta::hours(hours));
            let due = async || {
                let now = test.site.clock.now();
                let messages = test.messages(&asked).await;
                messages.iter().all(|message| message.due_at > now || message.state == MessageState::Delivered)
            };
            until("what is due is delivered", due).await;
        }
    }
    assert_eq!(test.texts_to(DANA).len(), 7);
    assert_eq!(test.emails_to("dana@example.com").len(), 6);
    until("the lead is lost", async || test.lead(&asked).await.is_some_and(|lead| lead.status == LeadStatus::Lost))
        .await;
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_at_night_is_answered_by_email_at_once_and_by_text_when_the_window_opens() {
    let test = Test::start().await;
    // 23:00 in Tampa.
    test.advance_to("2026-01-11T04:00:00Z".parse().expect("a time"));
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    let text = async || {
        let mut messages = test.messages(&asked).await;
        messages.retain(|message| message.step == 1 && message.channel == Channel::Sms);
        messages.pop()
    };
    until("the text waits for its window", async || text().await.is_some_and(|text| !text.moves.is_empty())).await;
    until("the email is out", async || test.emails_to("dana@example.com").len() == 1).await;
    let waiting = text().await.expect("a text");
    // A Sunday: noon in Tampa, where the shop is, and an hour later in Texas, where the number is from.
    assert_eq!(waiting.due_at.to_rfc3339(), "2026-01-11T18:00:00+00:00");
    let rules: Vec<_> = waiting.moves.iter().map(|moved| moved.because.as_str()).collect();
    assert!(rules.contains(&"state_hours") || rules.contains(&"own_hours"), "{rules:?}");
    assert_eq!(waiting.reason.as_deref(), rules.last().copied());
    assert_eq!(test.texts_to(DANA).len(), 0);

    test.advance_to(waiting.due_at);
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    assert_eq!(test.emails_to("dana@example.com").len(), 1);
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_lead_is_recorded_with_every_reason_and_nobody_is_written_to() {
    let test = Test::start().await;
    let program = test.run().await;
    let oil =
        Quote { name: "Oil change".into(), differs: json!({"complaint": null, "authorized": true}), ..quote("o-1") };
    let nowhere = Quote { location_id: Some("unknown-shop".into()), ..quote("o-2") };
    test.site.sim.world.ask_for_quote(&oil, Manners::default());
    test.site.sim.world.ask_for_quote(&nowhere, Manners::default());
    let reasons = async || test.site.store.everywhere().count_judgements_by_reason().await.unwrap_or_default();
    until("both are judged", async || reasons().await.len() == 4).await;
    let reasons: Vec<_> = reasons().await.into_iter().map(|(reason, _)| reason).collect();
    assert_eq!(reasons, ["authorized", "no_service_match", "other_name", "unknown_location"]);
    assert!(test.lead(&oil).await.is_none() && test.lead(&nowhere).await.is_none());
    assert!(test.texts_to(DANA).is_empty());
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_nobody_can_write_to_is_kept() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = Quote { phone: None, email: None, ..quote("o-1") };
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the lead is there", async || test.lead(&asked).await.is_some()).await;
    assert_eq!(test.states(&asked).await.len(), 0);
    assert_eq!(test.lead(&asked).await.expect("a lead").status, LeadStatus::New);

    // The shop finds the number and notes it on the order.
    let found = json!({"emails": [], "phoneNumbers": [{"number": DANA, "primary": true, "optIn": true}]});
    test.site.sim.world.shopmonkey.change("customer", "c-o-1", &found, noon());
    test.site.sim.world.change_order("o-1", &json!({"recommendation": "found the number"}), Manners::default());
    until("the customer has a text", async || test.texts_to(DANA).len() == 1).await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_refused_texts_gets_emails_and_a_stranger_gets_nothing() {
    let test = Test::start().await;
    let program = test.run().await;
    let by_email = Quote { texts_allowed: false, ..quote("o-1") };
    let stranger =
        Quote { phone: Some("+19995550142".into()), email: Some("who@stranger.test".into()), ..quote("o-2") };
    test.site.sim.world.ask_for_quote(&by_email, Manners::default());
    test.site.sim.world.ask_for_quote(&stranger, Manners::default());
    until("the email is delivered", async || {
        test.states(&by_email).await.first().is_some_and(|state| state == "email delivered")
    })
    .await;
    until("the stranger's text is withheld", async || {
        test.states(&stranger).await.first().is_some_and(|state| state == "sms withheld")
    })
    .await;
    assert_eq!(test.messages(&stranger).await[0].reason.as_deref(), Some("safe_mode"));
    assert_eq!(test.emails_to("dana@example.com").len(), 1);
    assert!(test.texts_to(DANA).is_empty() && test.texts_to("+19995550142").is_empty());
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_the_shop_moves_on_with_ends_the_follow_up() {
    let test = Test::start().await;
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    let mut settings = tx.tenants().settings().await.expect("settings");
    settings.website_lead.lost_workflow_status_ids = vec!["column-of-the-lost".into()];
    tx.tenants().save(&test.site.franchise.slug, "Sample Tint", &settings, noon()).await.expect("saved");
    tx.commit().await.expect("committed");
    let program = test.run().await;
    let cases = [
        ("o-1", json!({"authorized": true}), LeadStatus::Converted),
        ("o-2", json!({"appointmentDates": ["2026-01-12T15:00:00.000Z"]}), LeadStatus::AppointmentScheduled),
        ("o-3", json!({"archived": true}), LeadStatus::Lost),
        ("o-4", json!({"workflowStatusId": "column-of-the-lost"}), LeadStatus::Lost),
    ];
    for (number, (order, change, status)) in cases.iter().enumerate() {
        let asked = Quote { phone: Some(format!("+1512555015{number}")), ..quote(order) };
        test.site.sim.world.ask_for_quote(&asked, Manners::default());
        until("the text is out", async || test.texts_to(asked.phone.as_deref().expect("a phone")).len() == 1).await;
        test.site.sim.world.change_order(order, change, Manners::default());
        until("the lead moved on", async || test.lead(&asked).await.is_some_and(|lead| lead.status == *status)).await;
        let left = test.states(&asked).await.iter().filter(|state| state.ends_with("planned")).count();
        assert_eq!(left, 0, "{order}");
    }
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_deleted_in_the_crm_ends_the_follow_up() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    test.site.sim.world.delete_order("o-1");
    until("the lead is lost", async || test.lead(&asked).await.is_some_and(|lead| lead.status == LeadStatus::Lost))
        .await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_the_shop_wrote_does_not_unmake_a_lead() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    let renamed = json!({"messageCount": 2, "name": "Dana's Civic"});
    test.site.sim.world.change_order("o-1", &renamed, Manners::default());
    let judged_again = async || {
        let journal = &test.site.sim.world.journal;
        journal.count(|event| matches!(event, sim::Event::WebhookAnswered { .. })) == 2
    };
    until("the change is in", judged_again).await;
    // The next quote is judged after it: the door keeps the order of one connection's requests.
    let next = Quote { phone: Some("+15125550143".into()), ..quote("o-2") };
    test.site.sim.world.ask_for_quote(&next, Manners::default());
    until("the next text is out", async || test.texts_to("+15125550143").len() == 1).await;
    let planned = test.states(&asked).await.iter().filter(|state| state.ends_with("planned")).count();
    assert_eq!(planned, 12, "the follow-up goes on");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_of_every_role_share_the_work_and_send_everything_once() {
    let test = Test::start().await;
    let config = test.site.config(&orchestrator::Role::ALL, &[("http.listen", "127.0.0.1:0")]).expect("settings");
    let one = test.run().await;
    let two = orchestrator::Program::start(&config, &orchestrator::Role::ALL, None).await.expect("a second replica");
    let quotes: Vec<_> =
        (0..40).map(|n| Quote { phone: Some(format!("+151255501{n:02}")), ..quote(&format!("o-{n}")) }).collect();
    for asked in &quotes {
        test.site.sim.world.ask_for_quote(asked, Manners { duplicates: 1, ..Manners::default() });
    }
    for asked in &quotes {
        until("every text is out", async || !test.texts_to(asked.phone.as_deref().expect("a phone")).is_empty()).await;
    }
    until("nothing is left in the streams", async || unacked(&test).await == 0).await;
    for asked in &quotes {
        assert_eq!(test.texts_to(asked.phone.as_deref().expect("a phone")).len(), 1);
    }
    test.assert_settled().await;
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_quotes_of_one_customer_for_the_same_thing_are_one_text() {
    let test = Test::start().await;
    let program = test.run().await;
    let (one, two) = (quote("o-1"), quote("o-2"));
    test.site.sim.world.ask_for_quote(&one, Manners::default());
    test.site.sim.world.ask_for_quote(&two, Manners::default());
    let reasons = async || {
        let mut reasons = Vec::new();
        for asked in [&one, &two] {
            reasons.extend(test.messages(asked).await.first().and_then(|message| message.reason.clone()));
        }
        reasons
    };
    until("one of the two is withheld", async || reasons().await == ["already_said"]).await;
    until("the other is out", async || test.texts_to(DANA).len() == 1).await;
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_nobody_handles_is_released_ever_more_seldom() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the touches are planned", async || test.states(&asked).await.len() == 13).await;
    program.stop().await;

    let everywhere = test.site.store.everywhere();
    let second = test.messages(&asked).await.remove(1);
    let mut now = second.due_at;
    let mut released = 0;
    while now < second.due_at + TimeDelta::hours(10) {
        let due = everywhere.release_due(now, now + TimeDelta::minutes(2), 10).await.expect("due rows");
        released += due.iter().filter(|row| row.message == second.id).count();
        now += TimeDelta::minutes(1);
    }
    assert!((20..30).contains(&released), "released {released} times in ten hours");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_touch_that_the_stream_refused_goes_out_soon_after_there_is_room_again() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    test.until_texted(&asked).await;
    until("nothing is left in the streams", async || unacked(&test).await == 0).await;

    let bus = test.site.bus_config("deploy");
    let client = connect(&bus.url, "deploy", secret(&bus.password)).await;
    let context = jetstream::new(client);
    let stream = context.get_stream("MESSAGES").await.expect("MESSAGES");
    let stored = i64::try_from(stream.cached_info().state.messages).expect("a few");
    let room = stream.cached_info().config.clone();
    let full = jetstream::stream::Config { max_messages: stored, ..room.clone() };
    context.update_stream(full).await.expect("a smaller stream");
    // Overdue for more than an hour: had the refusal not put it back, the row would wait for half an hour more.
    let second = test.messages(&asked).await.remove(1);
    test.advance_to(second.due_at + TimeDelta::hours(2));
    let mut owner = PgConnection::connect(&test.site.settings["postgres.owner_url"]).await.expect("the owner");
    until("the touch was refused and put back", async || {
        let release_at: DateTime<Utc> = sqlx::query_scalar("select release_at from messages where id = $1")
            .bind(second.id.uuid())
            .fetch_one(&mut owner)
            .await
            .expect("the row");
        let now = test.site.clock.now();
        release_at > now && release_at < now + TimeDelta::minutes(1)
    })
    .await;
    context.update_stream(room).await.expect("room again");
    until("the email is out", async || test.emails_to("dana@example.com").len() == 1).await;
    test.assert_settled().await;
    program.stop().await;
}

/// Webhooks that were answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_that_ended_meanwhile_is_not_planned() {
    let test = Test::start().await;
    let program = test.run().await;
    let [open, ended] = ["o-1", "o-2"].map(|order| Quote { phone: None, email: None, ..quote(order) });
    for asked in [&open, &ended] {
        test.site.sim.world.ask_for_quote(asked, Manners::default());
        until("the lead is there", async || test.lead(asked).await.is_some()).await;
    }
    program.stop().await;

    let tenant = test.site.franchise.tenant;
    let mut tx = test.site.store.begin(tenant).await.expect("a transaction");
    tx.leads().stop(test.lead_id(&ended), StopReason::Replied, noon()).await.expect("stopped");
    tx.commit().await.expect("committed");

    let plan = async |asked: &Quote| {
        let id = test.lead_id(asked);
        let own = OwnRules::default();
        let shop = ShopCalendar { zone: chrono_tz::America::Denver, hours: None, closed_on: Vec::new() };
        let rules = Rules { law: Law::ours(), window: LegalWindow::default(), own: &own, shop: &shop };
        let whereabouts = Whereabouts::of(None, shop.zone, None);
        let planning = Planning {
            created_at: noon(),
            now: noon(),
            can: &|_| true,
            heat: None,
            total_cents: 0,
            has_vehicle: false,
            rules: &rules,
            whereabouts: &whereabouts,
        };
        let touches: Vec<_> = Cadence::default()
            .plan(&planning)
            .into_iter()
            .map(|touch| NewTouch { id: MessageId::of_step(id, touch.step), release_at: touch.due_at, touch })
            .collect();
        test.site
            .store
            .once(tenant)
            .plan_touches(id, &touches, noon(), None, &ChosenCadence::default(), noon())
            .await
            .expect("an answer")
    };
    assert!(!plan(&ended).await, "it has ended");
    assert!(test.messages(&ended).await.is_empty());
    assert!(plan(&open).await);
    assert_eq!(test.messages(&open).await.len(), 13);
    assert!(!plan(&open).await, "it is planned already");
    assert_eq!(test.messages(&open).await.len(), 13);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appointment_ends_the_follow_up_of_its_order_or_of_its_customer_and_of_nobody_else() {
    let test = Test::start().await;
    let program = test.run().await;
    let numbered = |order: &str, digit: u8| Quote { phone: Some(format!("+1512555010{digit}")), ..quote(order) };
    let quotes = [1, 2, 3, 4, 5].map(|number| numbered(&format!("o-{number}"), number));
    for asked in &quotes {
        test.site.sim.world.ask_for_quote(asked, Manners::default());
    }
    until("all are planned", async || {
        let mut planned = 0;
        for asked in &quotes {
            planned += test.states(asked).await.len();
        }
        planned == 5 * 13
    })
    .await;
    let [by_order, by_customer, declined, past, by_new_order] = &quotes;
    let book = |appointment| test.site.sim.world.book(&appointment, Manners::default());
    let soon = "2026-01-14T15:00:00.000Z";
    book(
        json!({"id": "a-3", "orderId": null, "customerId": "c-o-3", "startDate": soon, "confirmationStatus": "Declined"}),
    );
    book(json!({"id": "a-4", "orderId": null, "customerId": "c-o-4", "startDate": "2025-12-01T15:00:00.000Z"}));
    book(json!({"id": "a-5", "orderId": "made-for-the-day", "customerId": "c-o-5", "startDate": soon}));
    book(json!({"id": "a-6", "orderId": null, "customerId": null, "startDate": null}));
    book(json!({"id": "a-1", "orderId": "o-1", "customerId": "somebody-else", "startDate": soon}));
    book(json!({"id": "a-2", "orderId": null, "customerId": "c-o-2", "startDate": soon}));
    for booked in [by_order, by_customer, by_new_order] {
        until("the lead has booked", async || {
            test.lead(booked).await.is_some_and(|lead| lead.status == LeadStatus::AppointmentScheduled)
        })
        .await;
        let states = test.states(booked).await;
        assert!(states[1..].iter().all(|state| state.ends_with("cancelled")), "{states:?}");
    }
    until("nothing is left to read", async || unacked(&test).await == 0).await;
    for other in [declined, past] {
        let lead = test.lead(other).await.expect("a lead");
        assert_eq!((lead.status, lead.stop_reason), (LeadStatus::Contacted, None));
    }
    test.assert_settled().await;
    program.stop().await;
}
