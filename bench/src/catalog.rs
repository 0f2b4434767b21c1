//! Looking up a shop's catalog: hits under load, and a crowd that asks for one that nobody knows.

use std::{sync::Arc, time::Duration};

use accounts::Accounts;
use anyhow::Context as _;
use catalog_cache::Catalogs;
use futures::future::join_all;
use limits::Limiter;
use orchestrator::demo::{LOCATIONS, Site};
use sim::Event;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::figures::{Figures, percentile};

const PER_SECOND: f64 = 2_000.0;
const LOOKUPS: usize = 20_000;
const CROWD: usize = 1_000;

pub(crate) async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    let (site, _folder) = crate::site(&[]).await?;
    let tenant = site.franchise.tenant;
    let asked = || site.sim.world.journal.count(|event| matches!(event, Event::CatalogAsked { .. }));

    // Two replicas, so that both the lock in Redis and the one in the process are needed.
    let replicas = [catalogs(&site)?, catalogs(&site)?];
    let before = asked();
    let crowd = (0..CROWD).map(|number| {
        let catalogs = replicas[number % 2].clone();
        tokio::spawn(async move { catalogs.find(tenant, LOCATIONS[0].0).await.catalog().is_some() })
    });
    for answered in join_all(crowd).await {
        anyhow::ensure!(answered?, "somebody went without an answer");
    }
    figures.below("calls to the CRM for 1,000 concurrent misses", whole(asked() - before)?, "calls", 1.5);

    for (location, ..) in LOCATIONS {
        replicas[0].find(tenant, location).await.catalog().context("a catalog")?;
    }
    let mut next = interval(Duration::from_secs_f64(1.0 / PER_SECOND));
    next.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut lookups = Vec::with_capacity(LOOKUPS);
    let started = Instant::now();
    for number in 0..LOOKUPS {
        next.tick().await;
        let catalogs = replicas[0].clone();
        lookups.push(tokio::spawn(async move {
            let asked_at = Instant::now();
            let answer = catalogs.find(tenant, LOCATIONS[number % LOCATIONS.len()].0).await;
            answer.catalog().map(|_| asked_at.elapsed().as_secs_f64() * 1_000.0)
        }));
    }
    let rate = whole(LOOKUPS)? / started.elapsed().as_secs_f64();
    let mut waits = Vec::with_capacity(LOOKUPS);
    for lookup in lookups {
        waits.push(lookup.await?.context("somebody went without an answer")?);
    }
    waits.sort_by(f64::total_cmp);
    figures.at_least("catalog lookups a second", rate, "/s", PER_SECOND, 0.99);
    figures.below("catalog hit, p99", percentile(&waits, 99), "ms", 1.0);
    Ok(())
}

fn catalogs(site: &Site) -> anyhow::Result<Catalogs> {
    let config = site.config(&[], &[])?;
    let accounts = Accounts::new(&config.accounts, Arc::new(Limiter::new(&config.limits)?));
    Ok(Catalogs::new(config.catalog, &config.limits, site.store.clone(), accounts, site.clock.clone())?)
}

fn whole(count: usize) -> anyhow::Result<f64> {
    Ok(f64::from(u32::try_from(count)?))
}
