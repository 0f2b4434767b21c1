//! Webhooks that are dropped, doubled, overtaken and late, at random: every order that qualifies is one lead, none twice, and the
//! ledger says so.

use std::collections::HashSet;

use chrono::TimeDelta;
use operate::read_ledger;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use sim::shopmonkey::{Manners, Quote};
use tests::{noon, quote, until};

use crate::{ledger::desk, poll::polled};

const ORDERS: usize = 600;
/// The same play each time; another number is another one.
const SEED: u64 = 20_260_110;

#[tokio::test(flavor = "multi_thread")]
async fn orders_whose_webhooks_are_dropped_doubled_and_late_at_random_are_each_one_lead() {
    let test = polled().await;
    let program = test.run().await;
    let mut random = StdRng::seed_from_u64(SEED);
    let (mut texted, mut dropped) = (HashSet::new(), 0);
    for number in 0..ORDERS {
        let phone = format!("+1512555{number:04}");
        let is_lead = random.random_bool(0.8);
        let name = if is_lead { "New Quote: Window Tint" } else { "Oil change" };
        let asked =
            Quote { name: name.into(), phone: Some(phone.clone()), email: None, ..quote(&format!("o-{number:04}")) };
        let is_lost = random.random_bool(0.3);
        let manners = Manners {
            lost: is_lost,
            duplicates: if random.random_bool(0.2) { random.random_range(1..4) } else { 0 },
            delay_ms: if random.random_bool(0.3) { random.random_range(0..1_500) } else { 0 },
            ..Manners::default()
        };
        test.advance_to(noon() + TimeDelta::milliseconds(i64::try_from(number).expect("few") * 40));
        test.site.sim.world.ask_for_quote(&asked, manners);
        dropped += usize::from(is_lost);
        if is_lead {
            texted.insert(phone);
        }
    }
    test.advance_to(noon() + TimeDelta::minutes(3));
    let day = noon().date_naive();
    let ledger = async || read_ledger(&desk(&test), "sample-tint", day, day, None).await.expect("a ledger");
    until("nothing is missing", async || {
        let found = ledger().await;
        found.missing == 0 && found.days.iter().map(|day| day.orders).sum::<usize>() == ORDERS
    })
    .await;
    let found = ledger().await;
    let by_poll: usize = found.days.iter().filter_map(|day| day.told_by.get("poll")).sum();
    assert!(by_poll >= dropped, "{dropped} webhooks were dropped, and {by_poll} orders found by looking");
    until("everybody is texted", async || texted.iter().all(|phone| !test.texts_to(phone).is_empty())).await;
    test.assert_settled().await;
    let leads = test.site.store.everywhere().count_leads_by_status().await.expect("a count");
    assert_eq!(leads.iter().map(|(_, leads)| leads).sum::<i64>(), i64::try_from(texted.len()).expect("few"));
    for phone in &texted {
        assert_eq!(test.texts_to(phone).len(), 1, "{phone}");
    }
    program.stop().await;
}
