//! When two leads are one: one customer hears from one shop, once.

use chrono::TimeDelta;
use domain::{CrmName, DuplicateRules, LeadId, Owner};
use operate::{describe_lead, list_merges};
use orchestrator::demo::LOCATIONS;
use serde_json::json;
use sim::{Manners, Quote};
use stage::Step;
use store::LeadDescription;
use tests::{KillOnce, Test, noon, quote, until};

use crate::{killed::unacked, ledger::desk};

pub(crate) const DANA: &str = "+15125550142";
pub(crate) const TENANT: &str = "sample-tint";
pub(crate) const STEPS: [Step; 4] = [Step::BeforeCommit, Step::AfterCommit, Step::AfterPublish, Step::BeforeAck];

pub(crate) async fn describe(test: &Test, lead: LeadId) -> LeadDescription {
    describe_lead(&desk(test), TENANT, lead).await.expect("a lead")
}

/// Waits until it is one with another. Answers which.
pub(crate) async fn until_merged(test: &Test, asked: &Quote) -> LeadId {
    until("it is one with another", async || {
        test.lead(asked).await.is_some_and(|lead| lead.stop_reason.as_deref() == Some("merged"))
    })
    .await;
    describe(test, test.lead_id(asked)).await.merged_into.expect("another")
}

/// Somebody asks, is written to, and asks again.
pub(crate) async fn ask_both(test: &Test, first: &Quote, second: &Quote) {
    test.site.sim.world.ask_for_quote(first, Manners::default());
    test.until_texted(first).await;
    test.site.sim.world.ask_for_quote(second, Manners::default());
}

/// A franchise with these rules.
pub(crate) async fn franchise(duplicates: DuplicateRules) -> Test {
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
    // The order brings an address, too, and goes on.
    until("they are one", async || describe(&test, form).await.merged_into == Some(test.lead_id(&order))).await;
    assert_eq!(describe(&test, test.lead_id(&order)).await.merged, [form]);
    let merges = list_merges(&desk(&test), TENANT).await.expect("merges");
    assert_eq!(merges[0].because, "the same telephone, and can be reached better now");
    until("its first text is withheld, for it was said", async || {
        test.states(&order).await.first().is_some_and(|state| state == "sms withheld")
    })
    .await;
    let counted = test.site.store.everywhere().count_leads_by_status().await.expect("a count");
    assert_eq!(counted.iter().map(|(_, leads)| leads).sum::<i64>(), 1, "two that are one count as one");

    // What the shop does with the order, it does with the customer.
    test.site.sim.world.change_order("o-1", &json!({"authorized": true}), Manners::default());
    until("the follow-up has ended", async || {
        test.lead(&order).await.is_some_and(|lead| lead.stop_reason.as_deref() == Some("converted"))
    })
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
    ask_both(&test, &first, &second).await;
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
    ask_both(&test, &first, &second).await;
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
async fn a_number_that_is_corrected_is_the_one_that_is_written_to() {
    let test = franchise(DuplicateRules::default()).await;
    let program = test.run().await;
    let right = "+15125550199";
    let first = quote("o-1");
    let second = Quote { phone: Some(right.into()), ..quote("o-2") };
    ask_both(&test, &first, &second).await;
    assert_eq!(until_merged(&test, &first).await, test.lead_id(&second));
    until("the right number has its text", async || test.texts_to(right).len() == 1).await;
    test.live_until(&[&second], noon() + TimeDelta::days(31)).await;
    until("it is over", async || {
        let states = test.states(&second).await;
        states.len() == 13 && states.iter().all(|state| !state.ends_with("planned"))
    })
    .await;
    test.assert_settled().await;
    assert_eq!(test.texts_to(DANA).len(), 1, "the wrong one has nothing more");
    let mut mails = test.emails_to("dana@example.com");
    let all = mails.len();
    mails.sort();
    mails.dedup();
    assert_eq!(mails.len(), all, "the same words twice");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_answered_and_asks_again_days_later_is_answered_again() {
    let test = franchise(DuplicateRules::default()).await;
    let program = test.run().await;
    let first = quote("o-1");
    test.site.sim.world.ask_for_quote(&first, Manners::default());
    test.until_texted(&first).await;
    assert_eq!(test.site.sim.world.reply(DANA, "Not this week").await, 200);
    until("the lead talks", async || {
        test.lead(&first).await.is_some_and(|lead| lead.stop_reason.as_deref() == Some("replied"))
    })
    .await;
    // The order that the shop makes of the conversation is no new request.
    test.advance_to(noon() + TimeDelta::hours(2));
    let second = quote("o-2");
    test.site.sim.world.ask_for_quote(&second, Manners::default());
    assert_eq!(until_merged(&test, &second).await, test.lead_id(&first));
    test.advance_to(noon() + TimeDelta::days(10));
    let third = quote("o-3");
    test.site.sim.world.ask_for_quote(&third, Manners::default());
    until("it is followed up", async || test.messages(&third).await.len() == 13).await;
    program.stop().await;
}
