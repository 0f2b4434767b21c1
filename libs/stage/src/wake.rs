//! What had to wait for longer than a moment comes up again, some of every tenant's at a time.

use std::{collections::HashMap, sync::Arc, time::Duration};

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
/// Until its consumer has said how long a message may be in hand.
const LEASE: Duration = Duration::from_secs(30);
/// At once of one tenant in this process: those who wait for their tenant's own turns keep nobody else waiting.
const OF_EACH: u16 = 2;
/// Of what the stage has in hand from its stream, where those are whose customers have waited for a moment.
const SHARE: usize = 4;

impl<S: Stage> Worker<S> {
    pub(crate) async fn wake(self: Arc<Self>, stopping: CancellationToken) {
        let most = (self.config.width / SHARE).max(usize::from(OF_EACH));
        let mut in_hand = FuturesUnordered::new();
        let mut of_each: HashMap<TenantId, u16> = HashMap::new();
        while !stopping.is_cancelled() {
            // After that somebody else may take them: whoever has them in hand may be gone.
            let lease = self.ack_wait.get().copied().unwrap_or(LEASE);
            let busy: Vec<_> = of_each.iter().filter(|(_, count)| **count >= OF_EACH).map(|(of, _)| *of).collect();
            for parked in self.take(lease, &busy, most - in_hand.len()).await {
                let tenant = parked.tenant;
                *of_each.entry(tenant).or_default() += 1;
                let worker = self.clone();
                let work = async move { worker.work(Delivery::of_parked(S::STREAM, parked), lease).await };
                let work = AbortOnDropHandle::new(tokio::spawn(work));
                in_hand.push(async move {
                    let _ = work.await;
                    tenant
                });
            }
            let pause = if in_hand.is_empty() { LOOKS_SELDOM } else { LOOKS_EVERY };
            tokio::select! {
                () = stopping.cancelled() => {}
                Some(tenant) = in_hand.next(), if !in_hand.is_empty() => {
                    of_each.entry(tenant).and_modify(|count| *count -= 1);
                    of_each.retain(|_, count| *count > 0);
                }
                () = sleep(pause), if in_hand.len() < most => {}
            }
        }
        while in_hand.next().await.is_some() {}
    }

    async fn take(&self, lease: Duration, busy: &[TenantId], free: usize) -> Vec<Parked> {
        let now = self.runtime.clock.wall();
        let everywhere = self.runtime.store.everywhere();
        let most = u16::try_from(free).unwrap_or(u16::MAX);
        let take = everywhere.take_parked(S::NAME, now, now + lease, busy, OF_EACH, most);
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
