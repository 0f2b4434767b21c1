//! The backup of the webhooks: looks through each tenant's CRM for what nobody told us.
//!
//! Any number of replicas run this. A tenant is looked through by one at a time, which holds a lease; how far it has come is
//! written down as it goes, so that whoever takes over after a crash goes on from there.

mod run;
mod watch;

use std::time::Duration;

use accounts::Accounts;
use futures::{StreamExt as _, stream::FuturesUnordered};
use stage::Runtime;
use store::TakenPoll;
use tokio::time::{sleep, timeout};
use tracing::{Instrument as _, info_span, warn};

use crate::PollConfig;

/// Tenants that are looked through at once.
const AT_ONCE: usize = 8;
/// A database whose machine is gone says nothing.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Poller {
    pub(crate) runtime: Runtime,
    pub(crate) config: PollConfig,
    pub(crate) accounts: Accounts,
}

/// Runs until the program stops.
pub fn start(runtime: &Runtime, config: &PollConfig, accounts: Accounts) {
    if !config.is_on {
        return;
    }
    let poller = Poller { runtime: runtime.clone(), config: config.clone(), accounts };
    runtime.lifecycle.spawn("poll", async move { poller.run().await });
}

impl Poller {
    async fn run(&self) {
        let stopping = self.runtime.lifecycle.stopping();
        let mut in_hand = FuturesUnordered::new();
        while !(stopping.is_cancelled() && in_hand.is_empty()) {
            let free = AT_ONCE - in_hand.len();
            if free > 0 && !stopping.is_cancelled() {
                match self.take(free).await {
                    Ok(taken) => in_hand.extend(taken.into_iter().map(|poll| self.look_through(poll))),
                    Err(error) => {
                        warn!(
                            error = format!("{error:#}"),
                            "no CRM could be looked through: which are due is not known"
                        );
                    }
                }
            }
            // A tenant that takes long keeps nobody else from being looked through.
            tokio::select! {
                Some(()) = in_hand.next() => {}
                () = stopping.cancelled(), if in_hand.is_empty() => {}
                () = sleep(self.config.pause) => {}
            }
        }
    }

    async fn take(&self, most: usize) -> anyhow::Result<Vec<TakenPoll>> {
        let now = self.runtime.clock.wall();
        let most = u16::try_from(most).unwrap_or(u16::MAX);
        let everywhere = self.runtime.store.everywhere();
        let taking = everywhere.take_polls(now, now + self.config.lease, most);
        Ok(timeout(PATIENCE, taking).await??)
    }

    async fn look_through(&self, poll: TakenPoll) {
        let span = info_span!("poll", tenant.id = %poll.tenant);
        run::run(self, poll).instrument(span).await;
    }
}
