//! Clocks, tasks, and what the staff is told: in time, until somebody takes it, and never about what is over.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AlertId, LeadId, SlaRules, Staff};
use operate::{Answered, Error, TimelineLine, add_task, answer, assign_task, complete_task, list_tasks, read_timeline};
use sim::{Event, Fault, FaultKind, Manners, Quote, Vendor};
use stage::Step;
use store::SlaLine;
use tests::{KillOnce, Test, noon, quote, until};

use crate::{killed::unacked, ledger::desk, merges::TENANT};

const DESK: &str = "C0DESK";
const OWNER: i64 = -1_001_234_567_890;

/// Every lead is as hot as can be.
async fn start() -> Test {
    let test = Test::start().await;
    test.choose(|settings| {
        settings.sla = SlaRules { warm_minutes: 15, cold_minutes: 15, ..SlaRules::default() };
    })
    .await;
    test
}

async fn clock(test: &Test, lead: LeadId) -> Option<SlaLine> {
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    tx.slas().find(lead).await.expect("a readable clock")
}

/// What Slack or Telegram showed there.
fn told(test: &Test, there: &str) -> Vec<String> {
    let entries = test.site.sim.world.journal.entries();
    entries
        .into_iter()
        .filter_map(|entry| match entry.event {
            Event::StaffTold { to, text, .. } if to == there => Some(text),
            _ => None,
        })
        .collect()
}

async fn until_told(test: &Test, there: &str, times: usize) {
    until("the staff is told", async || told(test, there).len() >= times).await;
}

fn ask(test: &Test, asked: &Quote) -> DateTime<Utc> {
    test.site.sim.world.ask_for_quote(asked, Manners::default());
    test.site.clock.now()
}

fn says(story: &[TimelineLine]) -> Vec<&str> {
    story.iter().map(|line| line.says.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_nobody_answers_goes_up_until_somebody_takes_it() {
    let test = start().await;
    let (program, desk, asked) = (test.run().await, desk(&test), quote("o-1"));
    ask(&test, &asked);
    test.until_texted(&asked).await;
    let lead = test.lead_id(&asked);
    let started = clock(&test, lead).await.expect("a clock").started_at;

    test.advance_to(started + TimeDelta::minutes(11));
    test.advance_to(started + TimeDelta::minutes(12));
    until_told(&test, DESK, 1).await;
    assert!(told(&test, DESK)[0].contains("nobody has answered yet"), "{:?}", told(&test, DESK));
    assert!(told(&test, DESK)[0].contains("+15125550142"), "somebody is about to call them");
    test.advance_to(started + TimeDelta::minutes(15));
    until_told(&test, DESK, 2).await;
    assert!(clock(&test, lead).await.expect("a clock").breached_at.is_some());
    assert!(told(&test, &OWNER.to_string()).is_empty(), "the desk has a quarter of an hour");
    test.advance_to(started + TimeDelta::minutes(31));
    until_told(&test, &OWNER.to_string(), 1).await;

    assert_eq!(test.site.sim.world.press_in_telegram(OWNER, "Lee").await, Some(200));
    until("somebody has taken it", async || {
        clock(&test, lead).await.is_some_and(|clock| clock.acknowledged_by.as_deref() == Some("Lee"))
    })
    .await;
    answer(&desk, TENANT, lead, Answered::Called, "Lee").await.expect("answered");
    let line = clock(&test, lead).await.expect("a clock");
    assert!(line.first_response_at.is_some());
    assert_eq!(line.responded_by.as_deref(), Some("Lee"));
    assert!(test.states(&asked).await[1..].iter().all(|state| state.ends_with("cancelled")), "the follow-up has ended");

    let story = read_timeline(&desk, TENANT, lead).await.expect("a story");
    assert!(story.windows(2).all(|pair| pair[0].at <= pair[1].at));
    let says = says(&story);
    let at = |wanted: &str| {
        says.iter().position(|line| line.starts_with(wanted)).unwrap_or_else(|| panic!("{wanted}: {says:#?}"))
    };
    for order in [
        ["The customer asked", "We heard of it from shopmonkey"],
        ["We planned the follow-up", "We sent day_0 by sms"],
        ["We sent day_0 by sms", "day_0 by sms arrived"],
        ["The time to answer was running out", "Nobody had answered in time"],
        ["We told front desk by slack", "We told owner by telegram"],
        ["Lee took it", "Lee answered the customer"],
        ["Lee took it", "The follow-up ended (called)"],
    ] {
        assert!(at(order[0]) < at(order[1]), "{order:?}: {says:#?}");
    }
    let theirs = test.add_tenant("another").await;
    let other = read_timeline(&desk, &theirs.slug, lead).await;
    assert!(matches!(other, Err(Error::NoSuchLead(_))), "another tenant's lead has no story");
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_taken_it_keeps_the_owner_from_hearing_and_the_deadline_stays() {
    let test = start().await;
    let (program, asked) = (test.run().await, quote("o-1"));
    ask(&test, &asked);
    test.until_texted(&asked).await;
    let lead = test.lead_id(&asked);
    let started = clock(&test, lead).await.expect("a clock").started_at;
    test.advance_to(started + TimeDelta::minutes(12));
    until_told(&test, DESK, 1).await;
    // Twice, as people do.
    assert_eq!(test.site.sim.world.press_in_slack(DESK, "kim").await, Some(200));
    assert_eq!(test.site.sim.world.press_in_slack(DESK, "lee").await, Some(200));
    until("kim has taken it", async || {
        clock(&test, lead).await.is_some_and(|clock| clock.acknowledged_by.as_deref() == Some("kim"))
    })
    .await;
    test.advance_to(started + TimeDelta::minutes(15));
    until_told(&test, DESK, 2).await;
    test.advance_to(started + TimeDelta::minutes(90));
    until("nothing is left to read", async || unacked(&test).await == 0).await;
    let (next, count) = (quote("o-2"), told(&test, DESK).len());
    ask(&test, &Quote { phone: Some("+15125550150".into()), email: None, ..next });
    until("a later text is out", async || !test.texts_to("+15125550150").is_empty()).await;
    assert!(told(&test, &OWNER.to_string()).is_empty());
    assert_eq!(told(&test, DESK).len(), count);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_time_is_told_to_nobody_and_a_clock_stands_still_while_the_shop_is_closed() {
    let test = start().await;
    let (program, desk) = (test.run().await, desk(&test));
    let answered = quote("o-1");
    ask(&test, &answered);
    test.until_texted(&answered).await;
    let lead = test.lead_id(&answered);
    answer(&desk, TENANT, lead, Answered::TakenOver, "kim").await.expect("answered");
    // Five minutes before Tampa closes on a Saturday.
    test.advance_to("2026-01-10T22:55:00Z".parse().expect("a time"));
    let late = Quote { phone: Some("+15125550151".into()), email: None, ..quote("o-2") };
    ask(&test, &late);
    until("it has a clock", async || clock(&test, test.lead_id(&late)).await.is_some()).await;
    let due_at = clock(&test, test.lead_id(&late)).await.expect("a clock").due_at;
    let monday: DateTime<Utc> = "2026-01-12T14:10:00Z".parse().expect("a time");
    assert!((due_at - monday).abs() < TimeDelta::minutes(1), "{due_at}");
    test.advance_to(noon() + TimeDelta::days(1));
    until("nothing is left to read", async || unacked(&test).await == 0).await;
    assert!(told(&test, DESK).is_empty(), "{:?}", told(&test, DESK));
    test.advance_to(due_at);
    until_told(&test, DESK, 1).await;
    assert!(told(&test, DESK).iter().all(|text| text.contains("+15125550151")));
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_nobody_can_write_to_has_a_clock_too() {
    let test = start().await;
    let program = test.run().await;
    let asked = Quote { phone: None, email: None, ..quote("o-1") };
    ask(&test, &asked);
    until("it has a clock", async || clock(&test, test.lead_id(&asked)).await.is_some()).await;
    let due_at = clock(&test, test.lead_id(&asked)).await.expect("a clock").due_at;
    test.advance_to(due_at);
    until_told(&test, DESK, 1).await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rude_vendors_delay_an_alert_and_one_that_refuses_it_leaves_it_to_the_next() {
    let test = start().await;
    test.choose(|settings| {
        let staff = format!(
            r#"[{{"name":"desk","by":"slack","to":"{DESK}"}},{{"name":"gone","by":"slack","to":"{}"}},
                {{"name":"blocked","by":"telegram","to":"403"}},{{"name":"mobile","by":"sms","to":"+15125550177"}},
                {{"name":"mailbox","by":"email","to":"desk@example.com"}},{{"name":"stranger","by":"sms","to":"+13035550100"}}]"#,
            sim::slack::NO_CHANNEL
        );
        settings.staff = serde_json::from_str::<Staff>(&staff).expect("a staff");
    })
    .await;
    let (program, desk, asked) = (test.run().await, desk(&test), quote("o-1"));
    for kind in [FaultKind::FailBefore, FaultKind::TooMany { retry_after_s: None }, FaultKind::CutBefore] {
        test.site.sim.world.faults.add(Fault { vendor: Vendor::Slack, kind, times: 2 });
    }
    ask(&test, &asked);
    test.until_texted(&asked).await;
    let lead = test.lead_id(&asked);
    let started = clock(&test, lead).await.expect("a clock").started_at;
    test.advance_to(started + TimeDelta::minutes(12));
    until_told(&test, DESK, 1).await;
    until("a telephone is told", async || test.texts_to("+15125550177").len() == 1).await;
    until("a mailbox is told", async || test.emails_to("desk@example.com").len() == 1).await;
    let refused = async || {
        let story = read_timeline(&desk, TENANT, lead).await.expect("a story");
        let says = says(&story).join("\n");
        ["tell gone by slack (channel_not_found)", "tell blocked by telegram (403)", "tell stranger by sms (safe_mode)"]
            .iter()
            .all(|wanted| says.contains(wanted))
    };
    until("the story says who could not be told", refused).await;
    assert!(test.texts_to("+13035550100").is_empty(), "whoever is not listed gets nothing");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_is_taken_from_its_vendor_alone_and_counts_for_its_tenant_alone() {
    let test = start().await;
    let other = test.add_tenant("another").await;
    let (program, asked) = (test.run().await, quote("o-1"));
    ask(&test, &asked);
    test.until_texted(&asked).await;
    let lead = test.lead_id(&asked);
    let started = clock(&test, lead).await.expect("a clock").started_at;
    test.advance_to(started + TimeDelta::minutes(31));
    until_told(&test, DESK, 1).await;
    let public = &test.site.public_url;
    let http = reqwest::Client::new();
    let ours = test.site.franchise.door(public, "telegram/{telegram}");
    let press = format!(
        r#"{{"update_id":99,"callback_query":{{"from":{{"id":5}},"data":"take:{}"}}}}"#,
        AlertId::new(lead.uuid())
    );
    let post = async |url: &str, secret: Option<&str>, body: &str| {
        let mut request = http.post(url).body(body.to_owned());
        if let Some(secret) = secret {
            request = request.header("x-telegram-bot-api-secret-token", secret);
        }
        request.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(post(&ours, None, &press).await, 401, "nobody says so");
    assert_eq!(post(&ours, Some("another"), &press).await, 401);
    assert_eq!(post(&ours, Some(sim::telegram::SECRET_TOKEN), "{").await, 400);
    assert_eq!(post(&format!("{public}/webhooks/telegram/nobody"), Some("x"), &press).await, 404);
    assert_eq!(post(&ours, Some(sim::telegram::SECRET_TOKEN), &press).await, 200, "an alert that is not ours is none");
    let slack = test.site.franchise.door(public, "slack/{slack}");
    assert_eq!(post(&slack, None, "payload={}").await, 401);

    // The other tenant's people press a button of ours, through their own door.
    test.site.sim.world.slack.set_interaction_url(other.door(public, "slack/{slack}"));
    assert_eq!(test.site.sim.world.press_in_slack(DESK, "eve").await, Some(200));
    until("nothing is left to read", async || unacked(&test).await == 0).await;
    assert_eq!(clock(&test, lead).await.expect("a clock").acknowledged_by, None);
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_answered_what_they_wrote_stops_the_clock() {
    let test = start().await;
    let (program, desk, asked) = (test.run().await, desk(&test), quote("o-1"));
    ask(&test, &asked);
    test.until_texted(&asked).await;
    assert_eq!(test.site.sim.world.reply("+15125550142", "Tuesday at ten?").await, 200);
    until("there is a task", async || list_tasks(&desk, TENANT).await.is_ok_and(|tasks| tasks.len() == 1)).await;
    let task = list_tasks(&desk, TENANT).await.expect("tasks").remove(0);
    complete_task(&desk, TENANT, task.id, "kim").await.expect("done");
    let clock = clock(&test, test.lead_id(&asked)).await.expect("a clock");
    assert!(clock.first_response_at.is_some(), "{clock:?}");
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wrote_back_is_a_task_until_somebody_does_it() {
    let test = Test::start().await;
    test.choose(|settings| settings.sla.is_kept = false).await;
    let (program, desk, asked) = (test.run().await, desk(&test), quote("o-1"));
    ask(&test, &asked);
    test.until_texted(&asked).await;
    let lead = test.lead_id(&asked);
    assert_eq!(test.site.sim.world.reply("+15125550142", "Tuesday at ten?").await, 200);
    until("there is a task", async || list_tasks(&desk, TENANT).await.is_ok_and(|tasks| tasks.len() == 1)).await;
    let task = list_tasks(&desk, TENANT).await.expect("tasks").remove(0);
    assert_eq!((task.lead, task.title.as_str(), task.assignee), (lead, "Answer what they wrote", None));
    test.advance_to(task.due_at);
    until("the staff hears that it is overdue", async || {
        told(&test, DESK).iter().any(|text| text.starts_with("Overdue: Answer what they wrote"))
    })
    .await;
    assert_eq!(test.site.sim.world.press_in_slack(DESK, "kim").await, Some(200));
    until("it is kim's", async || {
        list_tasks(&desk, TENANT).await.is_ok_and(|tasks| tasks[0].assignee.as_deref() == Some("kim"))
    })
    .await;
    complete_task(&desk, TENANT, task.id, "kim").await.expect("done");
    assert!(matches!(complete_task(&desk, TENANT, task.id, "kim").await, Err(Error::NoSuchTask(_))), "it is done");
    let story = read_timeline(&desk, TENANT, lead).await.expect("a story");
    let says: Vec<_> = story.iter().map(|line| line.says.as_str()).collect();
    assert!(says.contains(&"kim does it: Answer what they wrote"), "{says:?}");
    assert!(says.iter().any(|line| line.starts_with("To do: Answer what they wrote (due 2026-")), "{says:?}");
    assert!(list_tasks(&desk, TENANT).await.expect("tasks").is_empty());

    let due = test.site.clock.now() + TimeDelta::hours(1);
    let own =
        add_task(&desk, TENANT, lead, "Call about the rear window", due, Some("kim"), "lee").await.expect("added");
    assign_task(&desk, TENANT, own, "lee").await.expect("assigned");
    assert!(matches!(add_task(&desk, TENANT, lead, " ", due, None, "lee").await, Err(Error::Title)));
    let theirs = test.add_tenant("another").await;
    assert!(matches!(complete_task(&desk, &theirs.slug, own, "eve").await, Err(Error::NoSuchTask(_))));
    assert!(matches!(assign_task(&desk, &theirs.slug, own, "eve").await, Err(Error::NoSuchTask(_))));
    assert!(matches!(add_task(&desk, &theirs.slug, lead, "x", due, None, "eve").await, Err(Error::NoSuchLead(_))));
    let taken = answer(&desk, &theirs.slug, lead, Answered::Called, "eve").await;
    assert!(matches!(taken, Err(Error::NoSuchLead(_))));
    answer(&desk, TENANT, lead, Answered::Called, "lee").await.expect("answered");
    assert!(list_tasks(&desk, TENANT).await.expect("tasks").is_empty(), "an answer is what they were for");
    program.stop().await;
}

async fn staff_is_told_with(stage: &'static str, step: Step) {
    let test = start().await;
    let kill = KillOnce::new(stage, step);
    let program = test.run_with(kill.clone()).await;
    let asked = quote("o-1");
    ask(&test, &asked);
    test.until_texted(&asked).await;
    let lead = test.lead_id(&asked);
    let started = clock(&test, lead).await.expect("a clock").started_at;
    test.advance_to(started + TimeDelta::minutes(12));
    until_told(&test, DESK, 1).await;
    assert_eq!(test.site.sim.world.press_in_slack(DESK, "kim").await, Some(200));
    until("kim has taken it", async || {
        clock(&test, lead).await.is_some_and(|clock| clock.acknowledged_by.as_deref() == Some("kim"))
    })
    .await;
    until("nothing is left to read", async || unacked(&test).await == 0).await;
    assert!(!kill.killed().is_empty(), "{stage} never came to {step:?}");
    assert!(told(&test, DESK).len() <= 2, "once, and once more if its worker died after the call");
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_staff_is_told_whatever_step_a_worker_dies_at() {
    for step in [Step::BeforeCommit, Step::AfterCommit, Step::AfterCall, Step::BeforeAck] {
        staff_is_told_with("notify-alerts", step).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_counts_whatever_step_a_worker_dies_at() {
    for step in [Step::BeforeCommit, Step::AfterCommit, Step::BeforeAck] {
        staff_is_told_with("schedule-acknowledgements", step).await;
    }
}
