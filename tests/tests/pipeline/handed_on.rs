//! Whose order is gone hands their follow-up on, and what was one can be taken apart.

use chrono::TimeDelta;
use domain::{DuplicateRules, Owner};
use operate::{describe_lead, list_merges, unmerge};
use orchestrator::{Program, Role, demo::LOCATIONS};
use serde_json::json;
use sim::{Manners, Quote};
use stage::Bus;
use tests::{KillOnce, noon, quote, until};

use crate::{
    killed::unacked,
    ledger::desk,
    merges::{DANA, STEPS, TENANT, ask_both, describe, franchise, until_merged},
};

#[tokio::test(flavor = "multi_thread")]
async fn leads_that_are_taken_apart_are_both_followed_up_and_nothing_is_said_twice() {
    let test = franchise(DuplicateRules::default()).await;
    let program = test.run().await;
    // The same service, written with other letters.
    let (first, second) =
        (quote("o-1"), Quote { vehicle: None, name: "New Quote: window tint".into(), ..quote("o-2") });
    ask_both(&test, &first, &second).await;
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
    test.live_until(&[&first, &second], noon() + TimeDelta::days(31)).await;
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
    ask_both(&test, &first, &second).await;
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
    ask_both(&test, &first, &second).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_gone_itself_takes_nobodys_place() {
    let test = franchise(DuplicateRules::default()).await;
    let program = test.run().await;
    let (first, second) = (quote("o-1"), quote("o-2"));
    ask_both(&test, &first, &second).await;
    until_merged(&test, &second).await;
    for order in ["o-2", "o-1"] {
        test.site.sim.world.delete_order(order);
        until("its end is seen", async || {
            let lead = describe_lead(&desk(&test), TENANT, test.lead_id(&quote(order))).await.expect("a lead");
            lead.stop_reason.as_deref() == Some("closed_in_crm")
        })
        .await;
    }
    until("nothing is left in the streams", async || unacked(&test).await == 0).await;
    assert!(test.messages(&second).await.is_empty());
    assert!(test.states(&first).await[1..].iter().all(|state| state.ends_with("cancelled")));
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_handed_to_nobody() {
    let test = franchise(DuplicateRules::default()).await;
    let program = test.run().await;
    let (first, second) = (quote("o-1"), quote("o-2"));
    ask_both(&test, &first, &second).await;
    until_merged(&test, &second).await;
    assert_eq!(test.site.sim.world.reply(DANA, "Tuesday?").await, 200);
    until("the lead talks", async || {
        test.lead(&first).await.is_some_and(|lead| lead.stop_reason.as_deref() == Some("replied"))
    })
    .await;
    test.site.sim.world.delete_order("o-1");
    until("its order is gone", async || describe(&test, test.lead_id(&first)).await.status == "lost").await;
    until("nothing is left in the streams", async || unacked(&test).await == 0).await;
    assert_eq!(describe(&test, test.lead_id(&second)).await.merged_into, Some(test.lead_id(&first)));
    assert!(test.messages(&second).await.is_empty());
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_takes_over_and_gives_back_leaves_the_follow_up_where_it_was() {
    let test = franchise(DuplicateRules { owner: Owner::AskedLast, ..DuplicateRules::default() }).await;
    let program = test.run().await;
    let first = quote("o-1");
    let second = Quote { location_id: Some(LOCATIONS[2].0.into()), ..quote("o-2") };
    ask_both(&test, &first, &second).await;
    until_merged(&test, &first).await;
    until("the other shop goes on", async || test.messages(&second).await.len() == 13).await;
    test.site.sim.world.delete_order("o-2");
    until("the first goes on", async || test.lead(&first).await.is_some_and(|lead| lead.stop_reason.is_none())).await;
    let states = test.states(&first).await;
    assert_eq!(states.iter().filter(|state| state.ends_with("planned")).count(), 12, "{states:?}");
    let states = test.states(&second).await;
    assert!(states.iter().all(|state| !state.ends_with("planned")), "{states:?}");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_shop_has_lost_another_that_was_asked_may_win() {
    let test = franchise(DuplicateRules::default()).await;
    test.choose(|settings| settings.website_lead.lost_workflow_status_ids = vec!["w-lost".into()]).await;
    let program = test.run().await;
    let first = quote("o-1");
    let second = Quote { location_id: Some(LOCATIONS[2].0.into()), ..quote("o-2") };
    ask_both(&test, &first, &second).await;
    until_merged(&test, &second).await;
    test.site.sim.world.change_order("o-1", &json!({"workflowStatusId": "w-lost"}), Manners::default());
    until("the other shop goes on", async || !test.messages(&second).await.is_empty()).await;
    assert_eq!(test.lead(&first).await.expect("a lead").stop_reason.as_deref(), Some("lost_in_crm"));
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sibling_has_said_is_not_said_again() {
    let test = franchise(DuplicateRules::default()).await;
    let program = test.run().await;
    let words = |order: &str, letters: &str| Quote { name: format!("New Quote: {letters}"), ..quote(order) };
    let family = [words("o-1", "Window Tint"), words("o-2", "WINDOW TINT"), words("o-3", "window tint")];
    test.site.sim.world.ask_for_quote(&family[0], Manners::default());
    test.until_texted(&family[0]).await;
    for asked in &family[1..] {
        test.site.sim.world.ask_for_quote(asked, Manners::default());
        until_merged(&test, asked).await;
    }
    // The first is gone, the second goes on and says what comes next; then somebody takes the third apart.
    test.site.sim.world.delete_order("o-1");
    until("the second goes on", async || test.lead(&family[1]).await.is_some_and(|lead| lead.stop_reason.is_none()))
        .await;
    assert_eq!(describe(&test, test.lead_id(&family[2])).await.merged_into, Some(test.lead_id(&family[1])));
    test.advance_to(noon() + TimeDelta::days(4));
    until("it has said something", async || {
        test.states(&family[1]).await.iter().any(|state| state.ends_with("delivered"))
    })
    .await;
    let bus = Bus::connect(&test.site.bus_config("operate")).await.expect("a connection");
    unmerge(&desk(&test), &bus, TENANT, test.lead_id(&family[2])).await.expect("taken apart");
    until("it is planned", async || !test.messages(&family[2]).await.is_empty()).await;
    test.live_until(&[&family[1], &family[2]], noon() + TimeDelta::days(40)).await;
    until("all is over", async || {
        let mut over = true;
        for asked in &family[1..] {
            over &= test.states(asked).await.iter().all(|state| !state.ends_with("planned"));
        }
        over
    })
    .await;
    test.assert_settled().await;
    let mut texts: Vec<_> = test.texts_to(DANA).iter().map(|text| text.to_lowercase()).collect();
    let all = texts.len();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), all, "the same words twice");
    bus.close().await;
    program.stop().await;
}
