//! Whoever is slow, many, or limited keeps nobody else waiting.

use std::collections::HashSet;

use domain::{DailySegments, Rate, Segments, SenderLimits};
use sim::{Fault, FaultKind, Manners, Quote, Vendor};
use stage::Step;
use store::{CrmLimit, ParkedLine};
use tests::{KillOnce, Test, quote, until, until_all};

const DANA: &str = "+15125550142";

async fn parked(test: &Test) -> Vec<ParkedLine> {
    test.site.store.everywhere().list_parked().await.expect("a list")
}

fn somebody(number: usize) -> Quote {
    Quote { phone: Some(format!("+1512556{number:04}")), email: None, ..quote(&format!("o-{number}")) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_with_more_orders_than_its_crm_gives_away_delays_nobody_elses_first_text() {
    const ORDERS: usize = 300;
    let test = Test::start_with(|options| {
        options.settings.push(("enrich.crm_patience".to_owned(), "500ms".to_owned()));
    })
    .await;
    test.choose(|settings| settings.crm_limit = CrmLimit { per_second: 1.0, burst: 3 }).await;
    test.add_tekmetric_tenant("tekmetric-tint").await;
    let program = test.run().await;
    for number in 0..ORDERS {
        test.site.sim.world.ask_for_quote(&somebody(number), Manners::default());
    }
    until("most of them wait for their turns", async || {
        parked(&test).await.first().is_some_and(|line| line.messages > 200)
    })
    .await;
    let shop = sim::tekmetric::SHOPS[0].to_string();
    let theirs = Quote { location_id: Some(shop), ..quote("700001") };
    test.site.sim.world.ask_for_estimate(&theirs, Manners::default());
    until("the other tenant's customer is texted", async || test.texts_to(DANA).len() == 1).await;
    let waiting = parked(&test).await;
    assert_eq!((waiting[0].stage.as_str(), waiting[0].slug.as_str()), ("enrich", "sample-tint"));
    assert!(waiting[0].messages > 200, "{waiting:?}");
    assert!(waiting[0].reason.contains("limit"), "{waiting:?}");
    program.stop().await;

    test.choose(|settings| settings.crm_limit = CrmLimit { per_second: 1_000.0, burst: 1_000 }).await;
    let program = test.run().await;
    let wanted: HashSet<_> = (0..ORDERS).filter_map(|number| somebody(number).phone).collect();
    until_all("everybody is texted", ORDERS, async || test.texted().intersection(&wanted).count()).await;
    until("nobody waits any more", async || parked(&test).await.is_empty()).await;
    assert!(wanted.iter().all(|phone| test.texts_to(phone).len() == 1));
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_had_to_wait_is_handled_once_whatever_step_its_worker_dies_at() {
    for step in [Step::BeforeCommit, Step::AfterCommit, Step::AfterPublish, Step::BeforeAck] {
        let test = Test::start().await;
        let fault = Fault { vendor: Vendor::Shopmonkey, kind: FaultKind::TooMany { retry_after_s: Some(4) }, times: 1 };
        test.site.sim.world.faults.add(fault);
        let kill = KillOnce::new("enrich", step);
        let program = test.run_with(kill.clone()).await;
        let asked = quote("o-1");
        test.site.sim.world.ask_for_quote(&asked, Manners::default());
        until("it waits", async || parked(&test).await.first().is_some_and(|line| line.messages == 1)).await;
        test.until_texted(&asked).await;
        until("it waits no more", async || parked(&test).await.is_empty()).await;
        assert!(!kill.killed().is_empty(), "nobody came to {step:?}");
        assert_eq!(test.texts_to(DANA).len(), 1, "killed at {step:?}");
        test.assert_settled().await;
        program.stop().await;
    }
}

fn text_rate(per_second: f64) -> SenderLimits {
    SenderLimits { text_segments_per_second: Rate::try_from(per_second).ok(), ..SenderLimits::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_one_sender_take_turns_and_each_goes_out_once() {
    let test = Test::start().await;
    test.choose(|settings| settings.senders = text_rate(0.5)).await;
    let program = test.run().await;
    let asked: Vec<_> = (0..4).map(somebody).collect();
    for quote in &asked {
        test.site.sim.world.ask_for_quote(quote, Manners::default());
    }
    until("somebody waits for the sender", async || {
        let mut reasons = Vec::new();
        for quote in &asked {
            reasons.extend(test.messages(quote).await.first().and_then(|first| first.reason.clone()));
        }
        reasons.iter().any(|reason| reason == "senders_turn")
    })
    .await;
    until_all("everybody is texted", asked.len(), async || test.texted().len()).await;
    assert!(asked.iter().all(|quote| test.texts_to(quote.phone.as_deref().unwrap_or_default()).len() == 1));
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_text_goes_ahead_of_what_waits_at_its_sender() {
    let test = Test::start().await;
    let program = test.run().await;
    let known: Vec<_> = (0..3).map(somebody).collect();
    for quote in &known {
        test.site.sim.world.ask_for_quote(quote, Manners::default());
    }
    until_all("they are texted", known.len(), async || test.texted().len()).await;
    program.stop().await;

    test.choose(|settings| settings.senders = text_rate(0.1)).await;
    let program = test.run().await;
    let mut seconds = Vec::new();
    for quote in &known {
        seconds.push(test.messages(quote).await[1].due_at);
    }
    test.advance_to(seconds.into_iter().max().expect("a second touch"));
    let waits = async || {
        let mut waiting = 0;
        for quote in &known {
            let second = &test.messages(quote).await[1];
            waiting += usize::from(second.reason.as_deref() == Some("senders_turn"));
        }
        waiting
    };
    until("two of them wait at the sender", async || waits().await == 2).await;
    let asked = quote("o-new");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the new one is texted", async || test.texts_to(DANA).len() == 1).await;
    assert!(waits().await >= 1, "it went ahead of them");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_whose_day_is_full_goes_on_the_next_day() {
    let test = Test::start().await;
    test.choose(|settings| settings.senders.text_segments_per_day = DailySegments::try_from(20).ok()).await;
    let program = test.run().await;
    // What did not leave, because the vendor would not have it, is given back.
    let fault = Fault { vendor: Vendor::Twilio, kind: FaultKind::TooMany { retry_after_s: None }, times: 15 };
    test.site.sim.world.faults.add(fault);
    let asked: Vec<_> = (0..25).map(somebody).collect();
    for quote in &asked {
        test.site.sim.world.ask_for_quote(quote, Manners::default());
    }
    let full = async || {
        let mut full = 0;
        for quote in &asked {
            let first = test.messages(quote).await.into_iter().next();
            full += usize::from(first.is_some_and(|first| first.reason.as_deref() == Some("senders_day_is_full")));
        }
        full
    };
    until("the others wait for the next day", async || full().await + test.texted().len() == asked.len()).await;
    let segments = |quote: &Quote| {
        let texts = test.texts_to(quote.phone.as_deref().unwrap_or_default());
        texts.iter().map(|text| usize::from(Segments::of(text).count)).sum::<usize>()
    };
    let sent: usize = asked.iter().map(segments).sum();
    assert!((19..=20).contains(&sent), "{sent} segments");
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_an_address_hears_today_by_email_when_the_senders_day_is_full() {
    let test = Test::start().await;
    test.choose(|settings| settings.senders.text_segments_per_day = DailySegments::try_from(20).ok()).await;
    let program = test.run().await;
    let address = |number: usize| format!("customer-{number}@example.com");
    for number in 0..25 {
        let asked = Quote { email: Some(address(number)), ..somebody(number) };
        test.site.sim.world.ask_for_quote(&asked, Manners::default());
    }
    let heard = async || {
        let heard_by = |number: usize| {
            let phone = somebody(number).phone.unwrap_or_default();
            test.texts_to(&phone).len() + test.emails_to(&address(number)).len()
        };
        (0..25).map(heard_by).collect::<Vec<_>>()
    };
    until("everybody has heard", async || heard().await.iter().all(|times| *times > 0)).await;
    test.assert_settled().await;
    assert_eq!(heard().await, [1; 25], "once, by one channel");
    assert!(test.texted().len() < 25, "some by email");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_is_away_is_left_alone_and_everything_goes_out_once_when_it_is_back() {
    let test = Test::start().await;
    let program = test.run().await;
    test.site.sim.world.faults.add(Fault { vendor: Vendor::Twilio, kind: FaultKind::FailBefore, times: 100_000 });
    let asked: Vec<_> = (0..20).map(somebody).collect();
    for quote in &asked {
        test.site.sim.world.ask_for_quote(quote, Manners::default());
    }
    let first = async |quote| test.messages(quote).await.into_iter().next();
    until("the others wait for the vendor", async || {
        let mut waiting = 0;
        for quote in &asked {
            let is_waiting = first(quote).await.is_some_and(|first| first.reason.as_deref() == Some("vendor_away"));
            waiting += usize::from(is_waiting);
        }
        waiting > 0
    })
    .await;
    test.site.sim.world.faults.clear();
    until_all("everybody is texted", asked.len(), async || test.texted().len()).await;
    assert!(asked.iter().all(|quote| test.texts_to(quote.phone.as_deref().unwrap_or_default()).len() == 1));
    test.assert_settled().await;
    program.stop().await;
}
