//! The backup of the webhooks: how far each CRM has been looked through, and what every run found.

use chrono::{DateTime, Utc};
use domain::TenantId;

use crate::{Error, Transaction};

/// A poll that is ours until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenPoll {
    pub tenant: TenantId,
    pub crm: String,
    pub lease: i64,
    /// In business time, every change before it has been looked at.
    pub orders_until: DateTime<Utc>,
    pub others_due_at: DateTime<Utc>,
    pub others_until: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollOutcome {
    Quiet,
    Found,
    Failed,
}

impl PollOutcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Found => "found",
            Self::Failed => "failed",
        }
    }
}

/// What a run did.
#[derive(Debug, Clone)]
pub struct NewPollRun {
    pub started_at: DateTime<Utc>,
    pub ended_at: DateTime<Utc>,
    pub outcome: PollOutcome,
    pub requests: u32,
    pub rows_listed: u32,
    /// Rows that were news to us.
    pub told: u32,
    /// Orders among them that a webhook should have told of long before.
    pub missed: u32,
    /// Of the orders made lately that a webhook told of, how long the slowest took.
    pub slowest_webhook_ms: Option<i64>,
    pub problem: Option<String>,
}

/// A line of the log of runs: one that found something, or several alike that did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollRun {
    pub runs: i32,
    pub started_at: DateTime<Utc>,
    pub ended_at: DateTime<Utc>,
    pub outcome: String,
    pub requests: i32,
    pub rows_listed: i32,
    pub told: i32,
    pub missed: i32,
    pub slowest_webhook_ms: Option<i64>,
    pub problem: Option<String>,
}

#[derive(Debug)]
pub struct Polls<'t>(pub(crate) &'t mut Transaction);

impl Polls<'_> {
    /// Polls this CRM of the tenant's from now on: what changes after `business_now` is found.
    pub async fn add(self, crm: &str, wall_now: DateTime<Utc>, business_now: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!(
            "insert into polls (tenant_id, crm, due_at, orders_until, others_due_at, others_until)
             values ($1, $2, $3, $4, $3, $4) on conflict (tenant_id, crm) do nothing",
            self.0.tenant.uuid(),
            crm,
            wall_now,
            business_now
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("add a poll"))
    }

    /// Writes down how far `taken` has come, and lets nobody else take it before `due_at`. Answers false, and writes nothing, if
    /// somebody else has taken it since.
    pub async fn advance(self, taken: &TakenPoll, due_at: DateTime<Utc>) -> Result<bool, Error> {
        sqlx::query!(
            "update polls set due_at = $4, orders_until = $5, others_due_at = $6, others_until = $7
             where tenant_id = $1 and crm = $2 and lease = $3",
            self.0.tenant.uuid(),
            taken.crm,
            taken.lease,
            due_at,
            taken.orders_until,
            taken.others_due_at,
            taken.others_until
        )
        .execute(&mut *self.0.inner)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(Error::doing("advance a poll"))
    }

    /// Keeps what a run found.
    pub async fn add_run(self, crm: &str, run: &NewPollRun) -> Result<(), Error> {
        let number = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        sqlx::query!(
            "select keep_poll_run($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            self.0.tenant.uuid(),
            crm,
            run.started_at,
            run.ended_at,
            run.outcome.as_str(),
            number(run.requests),
            number(run.rows_listed),
            number(run.told),
            number(run.missed),
            run.slowest_webhook_ms,
            run.problem
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("keep a poll's run"))
    }

    /// The newest `most` lines of the log, newest first.
    pub async fn list_runs(self, most: u16) -> Result<Vec<PollRun>, Error> {
        sqlx::query_as!(
            PollRun,
            "select runs, started_at, ended_at, outcome, requests, rows_listed, told, missed, slowest_webhook_ms, problem
             from poll_runs where tenant_id = $1 order by id desc limit $2",
            self.0.tenant.uuid(),
            i64::from(most)
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list a poll's runs"))
    }
}
