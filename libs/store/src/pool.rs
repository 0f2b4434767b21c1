//! Connections on loan.
//!
//! sqlx's own pool asks each connection whether it is well whenever it is given back, six times for a lead; deadpool lets us
//! ask only where there is a doubt: after [`Everywhere`](crate::Everywhere), which is seldom used and says nothing when it is
//! done, after a work that failed or was given up, and after a pause.

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use deadpool::managed::{self, Manager, Metrics, Object, PoolError, RecycleError, RecycleResult};
use sqlx::{Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::timeout;

use crate::Error;

pub(crate) type Pool = managed::Pool<Connections>;

/// A connection that was last lent longer ago may have lost its server.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// After a failover some connections may still reach the old server, which answers and takes nothing.
const LONGEST_LIFE: Duration = Duration::from_secs(600);
/// A server that does not answer a rollback by then is gone.
const ROLLBACK_WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Connections(pub(crate) PgConnectOptions);

#[derive(Debug)]
pub(crate) struct Connection {
    inner: PgConnection,
    /// Given back without a word that all went well.
    is_suspect: bool,
}

impl Manager for Connections {
    type Type = Connection;
    type Error = Error;

    /// Refuses a user for whom the database does not keep tenants apart: whoever owns the tables or may pass by row-level
    /// security.
    async fn create(&self) -> Result<Connection, Error> {
        // In a box, because connecting is rare and its state is twenty kilobytes in whatever waits for a connection.
        let connect = Box::pin(PgConnection::connect_with(&self.0));
        let mut inner = connect.await.map_err(Error::doing("get a connection"))?;
        // None: there are no tables yet.
        let is_bound: Option<bool> = sqlx::query_scalar("select row_security_active(to_regclass('public.leads')::oid)")
            .fetch_one(&mut inner)
            .await
            .map_err(Error::doing("get a connection"))?;
        if is_bound == Some(false) {
            return Err(Error::SeesEveryTenant);
        }
        Ok(Connection { inner, is_suspect: false })
    }

    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> RecycleResult<Error> {
        if metrics.created.elapsed() > LONGEST_LIFE {
            return Err(RecycleError::message("old enough"));
        }
        if connection.is_suspect || metrics.last_used() > TRUSTED_FOR {
            Box::pin(connection.inner.ping()).await.map_err(Error::doing("reach Postgres"))?;
        }
        connection.is_suspect = false;
        Ok(())
    }
}

/// A connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Loan {
    /// `None` only while it is dropped.
    object: Option<Object<Connections>>,
    is_well: bool,
    pub(crate) is_in_transaction: bool,
}

impl Loan {
    pub(crate) async fn from(pool: &Pool) -> Result<Self, Error> {
        let failed = Error::doing("get a connection");
        let object = pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => error,
            PoolError::Closed => failed(sqlx::Error::PoolClosed),
            PoolError::Timeout(_) | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                failed(sqlx::Error::PoolTimedOut)
            }
        })?;
        Ok(Self { object: Some(object), is_well: false, is_in_transaction: false })
    }

    /// What it was borrowed for is done, so the next borrower need not ask.
    pub(crate) fn done(mut self) {
        self.is_well = true;
        self.is_in_transaction = false;
    }
}

impl Deref for Loan {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match &self.object {
            Some(object) => &object.inner,
            None => unreachable!("a loan has its connection until it is dropped"),
        }
    }
}

impl DerefMut for Loan {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match &mut self.object {
            Some(object) => &mut object.inner,
            None => unreachable!("a loan has its connection until it is dropped"),
        }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let Some(mut object) = self.object.take() else { return };
        object.is_suspect = !self.is_well;
        if !self.is_in_transaction {
            return;
        }
        // Its locks must not wait for the next borrower.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                let rolled_back = timeout(ROLLBACK_WITHIN, object.inner.execute("rollback")).await;
                if !matches!(rolled_back, Ok(Ok(_))) {
                    drop(Object::take(object));
                }
            })),
            Err(_) => drop(Object::take(object)),
        }
    }
}
