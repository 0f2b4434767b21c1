use std::{sync::Arc, time::Duration};

use domain::TenantId;
use secrecy::ExposeSecret as _;
use sqlx::{
    AssertSqlSafe, Connection as _, PgPool, Postgres,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{Attempts, Config, Error, Everywhere, Leads, Messages, Once, Replies, Sealer, Tenants};

const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) pool: PgPool,
    sealer: Arc<Sealer>,
}

impl Store {
    /// Does not wait for the database: the first query does, and fails when it is away.
    pub fn open(config: &Config) -> Result<Self, Error> {
        let options: PgConnectOptions =
            config.url.expose_secret().parse().map_err(Error::doing("read postgres.url"))?;
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections)
            .acquire_timeout(config.acquire_timeout)
            // Only a connection that lay idle is asked whether it still works: under load that would be a round trip for
            // each transaction.
            .test_before_acquire(false)
            .before_acquire(|connection, found| {
                Box::pin(async move {
                    if found.idle_for > TRUSTED_IDLE {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options.application_name("leads"));
        Ok(Self { pool, sealer: Arc::new(Sealer::new(&config.seal_keys)) })
    }

    /// Begins a transaction that sees and writes the rows of one tenant alone.
    pub async fn begin(&self, tenant: TenantId) -> Result<Transaction, Error> {
        // One round trip; a Uuid cannot carry SQL.
        let begin = AssertSqlSafe(format!("begin; set local app.tenant = '{}'", tenant.uuid()));
        let inner = self.pool.begin_with(begin).await.map_err(Error::doing("begin a transaction"))?;
        Ok(Transaction { inner, tenant, sealer: self.sealer.clone() })
    }

    /// One statement of one tenant's, by itself.
    pub fn once(&self, tenant: TenantId) -> Once<'_> {
        Once { store: self, tenant }
    }

    pub fn everywhere(&self) -> Everywhere<'_> {
        Everywhere::new(self)
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        sqlx::query("select 1").execute(&self.pool).await.map(drop).map_err(Error::doing("reach Postgres"))
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// A transaction of one tenant; dropped without [`Transaction::commit`], nothing happened.
#[derive(Debug)]
pub struct Transaction {
    pub(crate) inner: sqlx::Transaction<'static, Postgres>,
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

    pub async fn commit(self) -> Result<(), Error> {
        self.inner.commit().await.map_err(Error::doing("commit"))
    }
}
