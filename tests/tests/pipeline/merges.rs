//! When two leads are one: one customer hears from one shop, once.

use chrono::TimeDelta;
use domain::{CrmName, DuplicateRules, LeadId, Owner};
use operate::{describe_lead, list_merges, unmerge};
use orchestrator::{Program, Role, demo::LOCATIONS};
use serde_json::json;
use sim::{Manners, Quote};
use stage::{Bus, Step};
use store::LeadDescription;
use tests::{KillOnce, Test, noon, quote, until};

use crate::{killed::unacked, ledger::desk};

const DANA: &str = "+15125550142";
const TENANT: &str = "sample-tint";

async fn describe(test: &Test, lead: LeadId) -> LeadDescription {
    describe_lead(&desk(test), TENANT, lead).await.expect("a lead")
}

/// Waits until it is one with another. Answers which.
async fn until_merged(test: &Test, asked: &Quote) -> LeadId {
    until("it is one with another", async || {
        test.lead(asked).await.is_some_and(|lead| lead.stop_reason.as_deref() == Some("merged"))
    })
    .await;
    describe(test, test.lead_id(asked)).await.merged_into.expect("another")
}

/// A franchise with these rules.
async fn franchise(duplicates: DuplicateRules) -> Test {
    let test = Test::start().await;
    test.choose(|settings| settings.duplicates = duplicates).await;
    test
}

/// Somebody fills in the form on the shop's website. Answers the lead.
async fn fill_in(test: &Test, service: &str) -> LeadId {
    let url = format!("{}/api/chatbot/leads?key={}", test.site.public_url, test.site.franchise.publishable_key);
    let answers = json!({"name": "Dana Example", "service": service, "phone": DANA, "consent": true,
        "location": LOCATIONS[0].0});
    let response = reqwest::Client::new().post(url).json(&answers).send().await.expect("an answer");
    assert_eq!(response.status().as_u16(), 201);
    let answer: serde_json::Value = response.json().await.expect("JSON");
    LeadId::of_order(test.site.franchise.tenant, "form", answer["id"].as_str().expect("an id"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_and_the_order_that_the_shop_made_of_it_are_one_lead_and_one_text() {
    let test = franchise(DuplicateRules::default()).await;
    let program = test.run().await;
    let form = fill_in(&test, "Window Tint").await;
    until("the customer has a text", async || !test.texts_to(DANA).is_empty()).await;
    let order = quote("o-1");
    test.site.sim.world.ask_for_quote(&order, Manners::default());
    assert_eq!(until_merged(&test, &order).await, form);
    assert_eq!(describe(&test, form).await.merged, [test.lead_id(&order)]);
    let merges = list_merges(&desk(&test), TENANT).await.expect("merges");
    assert_eq!(merges[0].because, "the same telephone, the same service");
    let counted = test.site.store.everywhere().count_leads_by_status().await.expect("a count");
    assert_eq!(counted.iter().map(|(_, leads)| leads).sum::<i64>(), 1, "two that are one count as one");

    // What the shop does with the order, it does with the customer.
    test.site.sim.world.change_order("o-1", &json!({"authorized": true}), Manners::default());
    until("the follow-up has ended", async || describe(&test, form).await.stop_reason.as_deref() == Some("converted"))
        .await;
    assert_eq!(test.texts_to(DANA).len(), 1);
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_shops_of_a_franchise_never_chase_one_customer() {
    let test = franchise(DuplicateRules::default()).await;
    let program = test.run().await;
    let first = quote("o-1");
    let second = Quote {
        location_id: Some(LOCATIONS[2].0.into()),
        name: "New Quote: PPF Front End".into(),
        vehicle: None,
        ..quote("o-2")
    };
    test.site.sim.world.ask_for_quote(&first, Manners::default());
    test.until_texted(&first).await;
    test.site.sim.world.ask_for_quote(&second, Manners::default());
    assert_eq!(until_merged(&test, &second).await, test.lead_id(&first), "whoever was asked first goes on");
    assert!(test.messages(&second).await.is_empty());
    // At the same shop, another car and another service are another lead.
    let third = Quote { name: "New Quote: Full Wrap".into(), vehicle: None, ..quote("o-3") };
    test.site.sim.world.ask_for_quote(&third, Manners::default());
    until("it is planned", async || !test.messages(&third).await.is_empty()).await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_may_have_the_shop_go_on_that_was_asked_last() {
    let test = franchise(DuplicateRules { owner: Owner::AskedLast, ..DuplicateRules::default() }).await;
    let program = test.run().await;
    let first = quote("o-1");
    let second = Quote { location_id: Some(LOCATIONS[2].0.into()), ..quote("o-2") };
    test.site.sim.world.ask_for_quote(&first, Manners::default());
    test.until_texted(&first).await;
    test.site.sim.world.ask_for_quote(&second, Manners::default());
    assert_eq!(until_merged(&test, &first).await, test.lead_id(&second));
    let states = test.states(&first).await;
    assert!(states[1..].iter().all(|state| state.ends_with("cancelled")), "{states:?}");
    until("the other shop goes on", async || test.messages(&second).await.len() == 13).await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_may_want_every_lead_for_itself_and_what_is_long_ago_is_another() {
    let test = franchise(DuplicateRules { within_days: 0, ..DuplicateRules::default() }).await;
    let program = test.run().await;
    for order in ["o-1", "o-2"] {
        test.site.sim.world.ask_for_quote(&quote(order), Manners::default());
        until("it is planned", async || !test.messages(&quote(order)).await.is_empty()).await;
    }
    program.stop().await;
    test.choose(|settings| settings.duplicates = DuplicateRules::default()).await;
    test.advance_to(noon() + TimeDelta::days(15));
    let program = test.run().await;
    test.site.sim.world.ask_for_quote(&quote("o-3"), Manners::default());
    until("it is planned", async || !test.messages(&quote("o-3")).await.is_empty()).await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_leads_that_come_at_the_same_moment_one_is_followed_up() {
    let test = franchise(DuplicateRules::default()).await;
    let program = test.run().await;
    let orders: Vec<_> = (0..20)
        .flat_map(|number| {
            let phone = Some(format!("+151255501{number:02}"));
            ["a", "b", "c"].map(|copy| Quote {
                phone: phone.clone(),
                email: None,
                ..quote(&format!("o-{number}-{copy}"))
            })
        })
        .collect();
    for order in &orders {
        test.site.sim.world.ask_for_quote(order, Manners { duplicates: 1, ..Manners::default() });
    }
    for order in &orders {
        until("it is a lead", async || test.lead(order).await.is_some()).await;
    }
    let mut followed_up = 0;
    for order in &orders {
        followed_up += usize::from(test.lead(order).await.is_some_and(|lead| lead.stop_reason.is_none()));
    }
    assert_eq!(followed_up, 20);
    for order in &orders {
        let phone = order.phone.as_deref().expect("a number");
        until("everybody has a text", async || !test.texts_to(phone).is_empty()).await;
    }
    test.assert_settled().await;
    for order in &orders {
        assert_eq!(test.texts_to(order.phone.as_deref().expect("a number")).len(), 1);
    }
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_that_are_taken_apart_are_both_followed_up_and_nothing_is_said_twice() {
    let test = franchise(DuplicateRules::default()).await;
    let program = test.run().await;
    // The same service, written with other letters.
    let (first, second) =
        (quote("o-1"), Quote { vehicle: None, name: "New Quote: window tint".into(), ..quote("o-2") });
    test.site.sim.world.ask_for_quote(&first, Manners::default());
    test.until_texted(&first).await;
    test.site.sim.world.ask_for_quote(&second, Manners::default());
    until_merged(&test, &second).await;
    // Two days later somebody sees that these were two people with one telephone.
    test.advance_to(noon() + TimeDelta::days(2));
    until("what was due is out", async || {
        test.states(&first).await.iter().filter(|state| state.ends_with("delivered")).count() >= 2
    })
    .await;
    let bus = Bus::connect(&test.site.bus_config("operate")).await.expect("a connection");
    unmerge(&desk(&test), &bus, TENANT, test.lead_id(&second)).await.expect("taken apart");
    let again = unmerge(&desk(&test), &bus, TENANT, test.lead_id(&second)).await;
    assert!(matches!(again, Err(operate::Error::NotMerged(_))));
    until("it is planned", async || !test.messages(&second).await.is_empty()).await;
    test.advance_to(noon() + TimeDelta::days(31));
    until("both are over", async || {
        let mut over = true;
        for asked in [&first, &second] {
            over &= test.states(asked).await.iter().all(|state| !state.ends_with("planned"));
        }
        over
    })
    .await;
    test.assert_settled().await;
    let mut texts: Vec<_> = test
        .texts_to(DANA)
        .iter()
        .map(|text| text.to_lowercase().replace(" your 2021 honda civic", "").replace(" your vehicle", ""))
        .collect();
    let all = texts.len();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), all, "the same words twice");
    let merges = list_merges(&desk(&test), TENANT).await.expect("merges");
    assert!(merges[0].undone_at.is_some());
    bus.close().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_tidied_away_hands_its_follow_up_on() {
    let test = franchise(DuplicateRules::default()).await;
    let program = test.run().await;
    let (first, second) = (quote("o-1"), quote("o-2"));
    test.site.sim.world.ask_for_quote(&first, Manners::default());
    test.until_texted(&first).await;
    test.site.sim.world.ask_for_quote(&second, Manners::default());
    until_merged(&test, &second).await;
    let planned = test.states(&first).await.iter().filter(|state| state.ends_with("planned")).count();
    test.site.sim.world.delete_order("o-1");
    until("the other goes on", async || test.lead(&second).await.is_some_and(|lead| lead.stop_reason.is_none())).await;
    assert_eq!(test.lead(&first).await.expect("a lead").stop_reason.as_deref(), Some("closed_in_crm"));
    assert_eq!(test.messages(&second).await.len(), planned, "what was left goes on");
    let next = test.messages(&second).await.iter().map(|message| message.due_at).min().expect("a next one");
    test.advance_to(next + TimeDelta::minutes(1));
    until("the next one is out", async || test.states(&second).await.iter().any(|state| state.ends_with("delivered")))
        .await;
    assert_eq!(test.texts_to(DANA).len() + test.emails_to("dana@example.com").len(), 2);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_a_lead_says_how_it_is_known() {
    let test = franchise(DuplicateRules::default()).await;
    let tekmetric = test.add_tekmetric_tenant("tekmetric-tint").await;
    let program = test.run().await;
    let hot = quote("o-1");
    let cold = Quote {
        phone: Some("+12085550142".into()),
        texts_allowed: false,
        total_cents: 0,
        vehicle: None,
        location_id: Some(LOCATIONS[2].0.into()),
        email: Some("sam@example.com".into()),
        differs: json!({"complaint": null}),
        ..quote("o-2")
    };
    for order in [&hot, &cold] {
        test.site.sim.world.ask_for_quote(order, Manners::default());
        until("it is a lead", async || test.lead(order).await.is_some()).await;
    }
    let found = describe(&test, test.lead_id(&hot)).await;
    assert_eq!(
        (found.time_zone.as_deref(), found.time_zone_source.as_deref()),
        (Some("America/Chicago"), Some("area_code"))
    );
    assert_eq!((found.heat.as_deref(), found.services[0].as_str()), (Some("hot"), "Window Tint"));
    assert_eq!(found.heat_reasons[..2], ["can be texted: +25", "has an email address: +10"]);
    let found = describe(&test, test.lead_id(&cold)).await;
    assert_eq!((found.time_zone.as_deref(), found.time_zone_source.as_deref()), (Some("America/Denver"), Some("shop")));
    assert_eq!((found.heat.as_deref(), found.heat_reasons.len()), (Some("cold"), 1));

    // Of another tenant's lead nobody is told a word.
    let theirs = crate::tekmetric::estimate(1);
    test.site.sim.world.ask_for_estimate(&theirs, Manners::default());
    until("it is a lead", async || crate::tekmetric::lead_of(&test, &tekmetric, &theirs).await.is_some()).await;
    let id = LeadId::of_order(tekmetric.tenant, CrmName::Tekmetric.as_str(), "1");
    let foreign = describe_lead(&desk(&test), TENANT, id).await;
    assert!(matches!(foreign, Err(operate::Error::NoSuchLead(_))));
    // One customer of two franchises is two leads: neither knows of the other.
    assert!(list_merges(&desk(&test), "tekmetric-tint").await.expect("merges").is_empty());
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_can_be_written_to_is_not_one_with_somebody_who_cannot() {
    let test = franchise(DuplicateRules::default()).await;
    let program = test.run().await;
    // A number without leave to text it, and no address: nobody can be written to.
    let first = Quote { texts_allowed: false, email: None, ..quote("o-1") };
    test.site.sim.world.ask_for_quote(&first, Manners::default());
    until("it is a lead", async || test.lead(&first).await.is_some()).await;
    let second = quote("o-2");
    test.site.sim.world.ask_for_quote(&second, Manners::default());
    test.until_texted(&second).await;
    assert_eq!(describe(&test, test.lead_id(&first)).await.merged_into, Some(test.lead_id(&second)));
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_name_no_service_are_the_same_for_an_hour() {
    let test = franchise(DuplicateRules::default()).await;
    let program = test.run().await;
    let url = format!("{}/api/submit-contact?key={}", test.site.public_url, test.site.franchise.publishable_key);
    let mut leads = Vec::new();
    for (hours, message) in
        [(0, "What about my windows?"), (0, "All of them, please"), (2, "And my other car's bonnet?")]
    {
        if let Some(before) = leads.last().copied() {
            until("the one before is a lead", async || describe_lead(&desk(&test), TENANT, before).await.is_ok()).await;
        }
        test.advance_to(test.site.clock.now() + TimeDelta::hours(hours));
        let answers = json!({"first_name": "Dana", "message": message, "phone": DANA, "consent": true,
            "location": LOCATIONS[0].0});
        let response = reqwest::Client::new().post(&url).json(&answers).send().await.expect("an answer");
        let answer: serde_json::Value = response.json().await.expect("JSON");
        leads.push(LeadId::of_order(test.site.franchise.tenant, "form", answer["id"].as_str().expect("an id")));
    }
    let merged = async |lead| describe_lead(&desk(&test), TENANT, lead).await.ok().map(|lead| lead.merged_into);
    until("the second is one with the first", async || merged(leads[1]).await == Some(Some(leads[0]))).await;
    until("the third is a lead of its own", async || merged(leads[2]).await == Some(None)).await;
    program.stop().await;
}

const STEPS: [Step; 4] = [Step::BeforeCommit, Step::AfterCommit, Step::AfterPublish, Step::BeforeAck];

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_killed_at_any_step_is_one_follow_up() {
    for step in STEPS {
        let test = franchise(DuplicateRules::default()).await;
        let (first, second) = (quote("o-1"), quote("o-2"));
        let program = test.run().await;
        test.site.sim.world.ask_for_quote(&first, Manners::default());
        test.until_texted(&first).await;
        program.stop().await;
        let kill = KillOnce::new("enrich", step);
        let program = test.run_with(kill.clone()).await;
        test.site.sim.world.ask_for_quote(&second, Manners::default());
        assert_eq!(until_merged(&test, &second).await, test.lead_id(&first), "{step:?}");
        until("nothing is left in the streams", async || unacked(&test).await == 0).await;
        assert!(!kill.killed().is_empty(), "never came to {step:?}");
        assert_eq!(list_merges(&desk(&test), TENANT).await.expect("merges").len(), 1, "{step:?}");
        assert!(test.messages(&second).await.is_empty(), "{step:?}");
        assert_eq!(test.texts_to(DANA).len(), 1, "{step:?}");
        test.assert_settled().await;
        program.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_that_is_handed_on_by_a_worker_killed_at_any_step_goes_on_once() {
    let all_but_schedule: Vec<_> = Role::ALL.into_iter().filter(|role| *role != Role::Schedule).collect();
    for step in STEPS {
        let test = franchise(DuplicateRules::default()).await;
        let config = test.site.config(&all_but_schedule, &[]).expect("settings");
        let (first, second) = (quote("o-1"), quote("o-2"));
        let program = Program::start(&config, &all_but_schedule, None).await.expect("the roles start");
        test.site.sim.world.ask_for_quote(&first, Manners::default());
        until("the lead is there", async || test.lead(&first).await.is_some()).await;
        test.site.sim.world.ask_for_quote(&second, Manners::default());
        until_merged(&test, &second).await;
        program.stop().await;

        // Nobody has planned either of them when the one that was to be followed up is gone.
        let kill = KillOnce::new("enrich", step);
        let program = Program::start(&config, &all_but_schedule, Some(kill.clone())).await.expect("the roles start");
        test.site.sim.world.delete_order("o-1");
        until("the order's end is seen, and a worker is killed over it", async || {
            test.lead(&first).await.is_some_and(|lead| lead.stop_reason.as_deref() == Some("closed_in_crm"))
                && !kill.killed().is_empty()
        })
        .await;
        program.stop().await;

        let program = test.run().await;
        test.until_texted(&second).await;
        until("nothing is left in the streams", async || unacked(&test).await == 0).await;
        assert_eq!(test.messages(&second).await.len(), 13, "{step:?}");
        assert!(test.messages(&first).await.is_empty(), "{step:?}");
        assert_eq!(test.texts_to(DANA).len(), 1, "{step:?}");
        test.assert_settled().await;
        program.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_leads_apart_goes_on_where_it_was_interrupted() {
    let test = franchise(DuplicateRules::default()).await;
    let program = test.run().await;
    let (first, second) = (quote("o-1"), quote("o-2"));
    test.site.sim.world.ask_for_quote(&first, Manners::default());
    test.until_texted(&first).await;
    test.site.sim.world.ask_for_quote(&second, Manners::default());
    until_merged(&test, &second).await;
    // The operator's machine is gone before it has told anybody.
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    tx.merges().unmerge(test.lead_id(&second), test.site.clock.now()).await.expect("taken apart");
    tx.commit().await.expect("committed");
    let bus = Bus::connect(&test.site.bus_config("operate")).await.expect("a connection");
    unmerge(&desk(&test), &bus, TENANT, test.lead_id(&second)).await.expect("said now");
    until("it is planned", async || !test.messages(&second).await.is_empty()).await;
    let again = unmerge(&desk(&test), &bus, TENANT, test.lead_id(&second)).await;
    assert!(matches!(again, Err(operate::Error::NotMerged(_))));
    bus.close().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_was_asked_first_and_is_taken_apart_goes_on_where_it_was() {
    let test = franchise(DuplicateRules { owner: Owner::AskedLast, ..DuplicateRules::default() }).await;
    let program = test.run().await;
    let first = quote("o-1");
    let second = Quote { location_id: Some(LOCATIONS[2].0.into()), ..quote("o-2") };
    test.site.sim.world.ask_for_quote(&first, Manners::default());
    test.until_texted(&first).await;
    let left = test.states(&first).await.iter().filter(|state| state.ends_with("planned")).count();
    test.site.sim.world.ask_for_quote(&second, Manners::default());
    until_merged(&test, &first).await;
    let bus = Bus::connect(&test.site.bus_config("operate")).await.expect("a connection");
    unmerge(&desk(&test), &bus, TENANT, test.lead_id(&first)).await.expect("taken apart");
    let states = test.states(&first).await;
    assert_eq!(states.iter().filter(|state| state.ends_with("planned")).count(), left, "{states:?}");
    assert!(describe(&test, test.lead_id(&first)).await.stop_reason.is_none());
    until("the other shop goes on", async || test.messages(&second).await.len() == 13).await;
    bus.close().await;
    program.stop().await;
}
