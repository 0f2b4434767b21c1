use std::{num::NonZero, sync::Arc, time::Duration};

use deadpool::managed::QueueMode;
use domain::TenantId;
use secrecy::ExposeSecret as _;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, postgres::PgConnectOptions};
use tokio::time::{sleep, timeout};

use crate::{
    Alerts, ApiKeys, Appointments, Attempts, Cadences, Chats, Config, Descriptions, Error, Everywhere, Forms, Leads,
    Links, Locations, Merges, Messages, ModelCalls, Once, Pauses, People, Polls, Replies, Sealer, Slas, Tasks, Tenants,
    Timeline,
    pool::{Connections, Loan, Pool},
};

/// Every query goes through an index by its first column, whatever its arguments (a test holds that), so planning it once for
/// each connection is enough. Left to itself, Postgres plans what takes arrays anew each time.
const GENERIC_PLANS: (&str, &str) = ("plan_cache_mode", "force_generic_plan");

const LOOKS_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: Pool,
    sealer: Arc<Sealer>,
}

impl Store {
    /// Does not wait for the database: the first query does, and fails when it is away.
    pub fn open(config: &Config) -> Result<Self, Error> {
        let options: PgConnectOptions =
            config.url.expose_secret().parse().map_err(Error::doing("read postgres.url"))?;
        let pool = Pool::builder(Connections(options.application_name("leads").options([GENERIC_PLANS])))
            .max_size(config.max_connections)
            // The one that was used last: its server process has its plans and tables in the processor's cache.
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(Some(config.acquire_timeout))
            .create_timeout(Some(config.acquire_timeout))
            .recycle_timeout(Some(config.acquire_timeout))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|_| Error::doing("make a pool")(sqlx::Error::PoolClosed))?;
        Ok(Self { pool, sealer: Arc::new(Sealer::new(&config.seal_keys)) })
    }

    /// Begins a transaction that sees and writes the rows of one tenant alone.
    pub async fn begin(&self, tenant: TenantId) -> Result<Transaction, Error> {
        let mut inner = self.lend().await?;
        // From here on, because a begin that is cut off may have begun.
        inner.is_in_transaction = true;
        // One round trip; a Uuid cannot carry SQL.
        let begin = AssertSqlSafe(format!("begin; set local app.tenant = '{}'", tenant.uuid()));
        sqlx::raw_sql(begin).execute(&mut *inner).await.map_err(Error::doing("begin a transaction"))?;
        Ok(Transaction { inner, tenant, sealer: self.sealer.clone() })
    }

    /// One statement of one tenant's, by itself.
    pub fn once(&self, tenant: TenantId) -> Once<'_> {
        Once { store: self, tenant }
    }

    pub fn everywhere(&self) -> Everywhere<'_> {
        Everywhere::new(self)
    }

    /// Seals what only we can have made, and only we can read. `what`: what it is for; it opens as nothing else.
    pub fn seal(&self, what: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
        self.sealer.seal(what, plain)
    }

    /// Opens it again.
    pub fn open_sealed(&self, what: &str, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        self.sealer.open(what, sealed)
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        self.lend().await?.ping().await.map_err(Error::doing("reach Postgres"))
    }

    /// Lets others of this process go first: returns when fewer of its connections are in use than there are processors, and
    /// after `at_most` in any case.
    pub async fn wait_while_busy(&self, at_most: Duration) {
        // Then whoever comes next is about to wait for a processor, ours or the database's.
        let busy_from = std::thread::available_parallelism().map_or(2, NonZero::get).max(2);
        let is_busy = || {
            let status = self.pool.status();
            status.size - status.available.min(status.size) >= busy_from
        };
        let quiet = async {
            while is_busy() {
                sleep(LOOKS_AGAIN_AFTER).await;
            }
        };
        let _ = timeout(at_most, quiet).await;
    }

    pub(crate) async fn lend(&self) -> Result<Loan, Error> {
        Loan::from(&self.pool).await
    }

    pub fn close(&self) {
        self.pool.close();
    }
}

/// A transaction of one tenant; dropped without [`Transaction::commit`], nothing happened.
#[derive(Debug)]
pub struct Transaction {
    pub(crate) inner: Loan,
    pub(crate) tenant: TenantId,
    pub(crate) sealer: Arc<Sealer>,
}

impl Transaction {
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    pub fn tenants(&mut self) -> Tenants<'_> {
        Tenants(self)
    }

    pub fn leads(&mut self) -> Leads<'_> {
        Leads(self)
    }

    pub fn messages(&mut self) -> Messages<'_> {
        Messages(self)
    }

    pub fn attempts(&mut self) -> Attempts<'_> {
        Attempts(self)
    }

    pub fn replies(&mut self) -> Replies<'_> {
        Replies(self)
    }

    pub fn forms(&mut self) -> Forms<'_> {
        Forms(self)
    }

    pub fn api_keys(&mut self) -> ApiKeys<'_> {
        ApiKeys(self)
    }

    pub fn appointments(&mut self) -> Appointments<'_> {
        Appointments(self)
    }

    pub fn chats(&mut self) -> Chats<'_> {
        Chats(self)
    }

    pub fn cadences(&mut self) -> Cadences<'_> {
        Cadences(self)
    }

    pub fn alerts(&mut self) -> Alerts<'_> {
        Alerts(self)
    }

    pub fn slas(&mut self) -> Slas<'_> {
        Slas(self)
    }

    pub fn tasks(&mut self) -> Tasks<'_> {
        Tasks(self)
    }

    pub fn timeline(&mut self) -> Timeline<'_> {
        Timeline(self)
    }

    pub fn descriptions(&mut self) -> Descriptions<'_> {
        Descriptions(self)
    }

    pub fn links(&mut self) -> Links<'_> {
        Links(self)
    }

    pub fn model_calls(&mut self) -> ModelCalls<'_> {
        ModelCalls(self)
    }

    pub fn people(&mut self) -> People<'_> {
        People(self)
    }

    pub fn locations(&mut self) -> Locations<'_> {
        Locations(self)
    }

    pub fn merges(&mut self) -> Merges<'_> {
        Merges(self)
    }

    pub fn pauses(&mut self) -> Pauses<'_> {
        Pauses(self)
    }

    pub fn polls(&mut self) -> Polls<'_> {
        Polls(self)
    }

    pub async fn commit(mut self) -> Result<(), Error> {
        self.inner.execute("commit").await.map_err(Error::doing("commit"))?;
        self.inner.done();
        Ok(())
    }
}
