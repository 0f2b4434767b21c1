//! What had to wait for longer than a moment comes up again, some of every tenant's at a time.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use domain::TenantId;
use futures::{StreamExt as _, stream::FuturesUnordered};
use store::Parked;
use tokio::time::{sleep, timeout};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::warn;

use crate::{
    delivery::Delivery,
    pull::{PATIENCE, Stage, Worker},
};

const LOOKS_EVERY: Duration = Duration::from_millis(250);
const LOOKS_SELDOM: Duration = Duration::from_secs(1);
/// At once of one tenant in this process: those who wait for their tenant's own turns keep nobody else waiting.
const OF_EACH: u16 = 2;
/// Of what the stage has in hand from its stream, where those are whose customers have waited for a moment.
const SHARE: usize = 4;
/// So that a few tenants whose vendor hangs do not take every place.
const AT_LEAST: usize = 8;
/// A tenant whose turn it was not is not asked for again by this process before that.
const LET_BE: Duration = Duration::from_secs(1);

/// One tenant's in this process.
#[derive(Default)]
struct Theirs {
    in_hand: u16,
    /// The last one was told to wait; the others would be told the same.
    let_be_until: Option<Instant>,
}

impl Theirs {
    fn counts_as(&self, now: Instant) -> u16 {
        if self.let_be_until.is_some_and(|until| now < until) { OF_EACH } else { self.in_hand }
    }
}

impl<S: Stage> Worker<S> {
    pub(crate) async fn wake(self: Arc<Self>, stopping: CancellationToken) {
        let most = (self.config.width / SHARE).max(AT_LEAST);
        let mut in_hand = FuturesUnordered::new();
        let mut tenants: HashMap<TenantId, Theirs> = HashMap::new();
        while !stopping.is_cancelled() {
            let lease = Duration::from_millis(self.lease_ms.load(Ordering::Relaxed));
            let now = Instant::now();
            tenants.retain(|_, theirs| theirs.counts_as(now) > 0);
            let busy: Vec<_> = tenants.iter().map(|(tenant, theirs)| (*tenant, theirs.counts_as(now))).collect();
            let taken = if lease.is_zero() { Vec::new() } else { self.take(lease, &busy, most - in_hand.len()).await };
            for parked in taken {
                let tenant = parked.tenant;
                tenants.entry(tenant).or_default().in_hand += 1;
                let worker = self.clone();
                let work = async move { worker.work(Delivery::of_parked(S::STREAM, parked), lease).await };
                let work = AbortOnDropHandle::new(tokio::spawn(work));
                in_hand.push(async move { (tenant, work.await.ok().flatten()) });
            }
            let pause = if in_hand.is_empty() { LOOKS_SELDOM } else { LOOKS_EVERY };
            tokio::select! {
                () = stopping.cancelled() => {}
                Some((tenant, after)) = in_hand.next(), if !in_hand.is_empty() => {
                    let theirs = tenants.entry(tenant).or_default();
                    theirs.in_hand -= 1;
                    theirs.let_be_until = after.map(|after| Instant::now() + after.min(LET_BE));
                }
                () = sleep(pause), if in_hand.len() < most => {}
            }
        }
        while in_hand.next().await.is_some() {}
    }

    async fn take(&self, lease: Duration, busy: &[(TenantId, u16)], free: usize) -> Vec<Parked> {
        let now = self.runtime.clock.wall();
        let everywhere = self.runtime.store.everywhere();
        let most = u16::try_from(free).unwrap_or(u16::MAX);
        let take = everywhere.take_parked(S::NAME, (now, now + lease), busy, OF_EACH, most);
        match timeout(PATIENCE, take).await {
            Ok(Ok(taken)) => taken,
            Ok(Err(error)) => {
                warn!(stage = S::NAME, error = service::telemetry::causes(&error), "what is parked stays parked");
                Vec::new()
            }
            Err(_) => {
                warn!(stage = S::NAME, "what is parked stays parked: Postgres does not answer");
                Vec::new()
            }
        }
    }
}
