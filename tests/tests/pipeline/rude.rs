//! Webhooks that are dropped, doubled, overtaken and late, at random, over both CRMs: every order that qualifies is one lead, none
//! twice, and the ledger says so.

use std::collections::{BTreeMap, HashSet};

use chrono::{NaiveDate, TimeDelta};
use domain::{CrmName, DuplicateRules};
use operate::{Ledger, read_ledger};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use sim::{Manners, Quote};
use tests::{Test, noon, quote, until, until_all};

use crate::{ledger::desk, poll::polled};

const ORDERS: usize = 2_000;
/// The same play each time; another number is another one.
const SEED: u64 = 20_260_110;

#[tokio::test(flavor = "multi_thread")]
async fn orders_whose_webhooks_are_dropped_doubled_and_late_at_random_are_each_one_lead() {
    let test = polled().await;
    test.choose(|settings| settings.duplicates = DuplicateRules::default()).await;
    test.add_tekmetric_tenant("tekmetric-tint").await;
    let program = test.run().await;
    let mut random = StdRng::seed_from_u64(SEED);
    let mut asked = BTreeMap::from([("sample-tint", 0), ("tekmetric-tint", 0)]);
    let (mut texted, mut dropped) = (HashSet::new(), 0);
    for number in 0..ORDERS {
        let crm = CrmName::ALL[number % 2];
        let phone = format!("+1512555{number:04}");
        let is_lead = random.random_bool(0.8);
        let is_lost = random.random_bool(0.3);
        let manners = Manners {
            lost: is_lost,
            duplicates: if random.random_bool(0.2) { random.random_range(1..4) } else { 0 },
            delay_ms: if random.random_bool(0.3) { random.random_range(0..1_500) } else { 0 },
            ..Manners::default()
        };
        test.advance_to(noon() + TimeDelta::milliseconds(i64::try_from(number).expect("few") * 20));
        let order = Quote {
            name: if is_lead { "New Quote: Window Tint" } else { "Oil change" }.into(),
            phone: Some(phone.clone()),
            email: None,
            ..quote(&(100_000 + number).to_string())
        };
        match crm {
            CrmName::Shopmonkey => test.site.sim.world.ask_for_quote(&order, manners),
            CrmName::Tekmetric => {
                let shop = sim::tekmetric::SHOPS[number % 3].to_string();
                test.site.sim.world.ask_for_estimate(&Quote { location_id: Some(shop), ..order }, manners);
            }
        }
        *asked.entry(tenant_of(crm)).or_default() += 1;
        dropped += usize::from(is_lost);
        if is_lead {
            texted.insert(phone);
        }
    }
    test.advance_to(noon() + TimeDelta::minutes(3));
    until_all("everybody is texted", texted.len(), async || test.texted().intersection(&texted).count()).await;
    let day = noon().date_naive();
    let mut by_poll = 0;
    for (tenant, orders) in asked {
        until("nothing is missing", async || {
            let found = ledger(&test, tenant, day).await;
            found.missing == 0 && count(&found) == orders
        })
        .await;
        let found = ledger(&test, tenant, day).await;
        let share: usize = found.days.iter().filter_map(|day| day.told_by.get("poll")).sum();
        println!("{tenant}: {orders} orders, {share} of them found by looking, {} missing", found.missing);
        by_poll += share;
    }
    assert!(by_poll >= dropped, "{dropped} webhooks were dropped, and {by_poll} orders found by looking");
    test.assert_settled().await;
    let leads = test.site.store.everywhere().count_leads_by_status().await.expect("a count");
    assert_eq!(leads.iter().map(|(_, leads)| leads).sum::<i64>(), i64::try_from(texted.len()).expect("few"));
    for phone in &texted {
        assert_eq!(test.texts_to(phone).len(), 1, "{phone}");
    }
    program.stop().await;
}

fn tenant_of(crm: CrmName) -> &'static str {
    match crm {
        CrmName::Shopmonkey => "sample-tint",
        CrmName::Tekmetric => "tekmetric-tint",
    }
}

async fn ledger(test: &Test, tenant: &str, day: NaiveDate) -> Ledger {
    read_ledger(&desk(test), tenant, day, day, None).await.expect("a ledger")
}

fn count(ledger: &Ledger) -> usize {
    ledger.days.iter().map(|day| day.orders).sum()
}
