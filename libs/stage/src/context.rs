use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::{Clock, TenantId};
use events::{Event, Outgoing};
use store::{Once, Store, Transaction};
use tokio::sync::Notify;

use crate::{Bus, Failure, Faults, Step};

/// How long a stage waits for JetStream to confirm before it gives the message back.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a handler has at hand for one message.
pub struct Context {
    pub(crate) stage: &'static str,
    pub(crate) event_id: String,
    pub(crate) deliveries: u64,
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) clock: Clock,
    pub(crate) faults: Option<Arc<dyn Faults>>,
    pub(crate) died: Arc<Notify>,
}

impl Context {
    /// The stable id of the event in hand.
    pub fn event_id(&self) -> &str {
        &self.event_id
    }

    /// How often this message has been delivered, this time included.
    pub fn deliveries(&self) -> u64 {
        self.deliveries
    }

    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Business time.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub async fn begin(&self, tenant: TenantId) -> Result<Transaction, Failure> {
        Ok(self.store.begin(tenant).await?)
    }

    pub async fn commit(&self, transaction: Transaction) -> Result<(), Failure> {
        self.checkpoint(Step::BeforeCommit).await;
        transaction.commit().await?;
        self.checkpoint(Step::AfterCommit).await;
        Ok(())
    }

    /// One statement of one tenant's, for [`Self::at_once`].
    pub fn once(&self, tenant: TenantId) -> Once<'_> {
        self.store.once(tenant)
    }

    /// Runs what is one statement, and with it a transaction.
    pub async fn at_once<T>(&self, work: impl Future<Output = Result<T, store::Error>>) -> Result<T, Failure> {
        self.checkpoint(Step::BeforeCommit).await;
        let done = work.await?;
        self.checkpoint(Step::AfterCommit).await;
        Ok(done)
    }

    /// Lets work that a customer waits for go first while the database is busy, for `at_most` since something came in, and
    /// for `at_most` from now if the clock it came in by is ahead of ours.
    pub async fn give_way(&self, came_in_at: DateTime<Utc>, at_most: Duration) {
        let waited = (self.clock.wall() - came_in_at).to_std().unwrap_or_default();
        self.store.wait_while_busy(at_most.saturating_sub(waited)).await;
    }

    /// Publishes a fact under an id that follows from it alone, so that saying it twice stores it once.
    pub async fn announce(&self, event: &impl Event) -> Result<(), Failure> {
        self.publish(&event.pack(self.stage, self.now())).await
    }

    pub async fn publish(&self, out: &Outgoing) -> Result<(), Failure> {
        self.bus.publish(out, PATIENCE).await.map_err(Failure::retry)?;
        self.checkpoint(Step::AfterPublish).await;
        Ok(())
    }

    /// A place at which a test may kill the worker.
    pub async fn checkpoint(&self, step: Step) {
        if let Some(faults) = &self.faults
            && faults.dies(self.stage, &self.event_id, step)
        {
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
    }
}
