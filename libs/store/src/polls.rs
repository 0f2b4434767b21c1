//! The backup of the webhooks: how far each CRM has been looked through, and what every run found.

use chrono::{DateTime, Utc};
use domain::TenantId;

use crate::{Error, Transaction, tenants::not_live_yet};

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
    /// Of the orders made within the window, those that we first heard of by webhook.
    pub by_webhook: u32,
    /// And those that nobody told us of.
    pub by_poll: u32,
    /// Changes of orders that we knew, and those among them that no webhook had told.
    pub changes: u32,
    pub late_changes: u32,
    /// How long the slowest webhook took, from the CRM's clock to our judgement.
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
    pub by_webhook: i32,
    pub by_poll: i32,
    pub slowest_webhook_ms: Option<i64>,
    pub problem: Option<String>,
}

/// Of the orders made within a poll's window, how we heard of them: the most that one run saw.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arrivals {
    pub by_webhook: i32,
    pub by_poll: i32,
    /// Of the orders that changed within it, as many.
    pub changes: i32,
    /// Changes that no webhook told, of all runs together.
    pub late_changes: i64,
    pub slowest_webhook_ms: Option<i64>,
}

/// How a tenant's CRM is: the last look through it, and its webhook.
#[derive(Debug, Clone)]
pub struct CrmHealth {
    pub tenant: TenantId,
    pub slug: String,
    pub crm: String,
    /// When it is looked through next, by the wall.
    pub due_at: DateTime<Utc>,
    /// Of the last look. `None`: there was none yet.
    pub outcome: Option<String>,
    pub problem: Option<String>,
    pub looked_at: Option<DateTime<Utc>>,
    /// Of the webhook. `None`: nobody has looked yet.
    pub state: Option<String>,
    pub says: Option<String>,
    pub since: Option<DateTime<Utc>>,
    pub checked_at: Option<DateTime<Utc>>,
}

#[derive(Debug)]
pub struct Polls<'t>(pub(crate) &'t mut Transaction);

impl Polls<'_> {
    /// The tenant goes live: this CRM of its is looked through from now on, and whoever asks from now on is written to. Going live
    /// again changes nothing.
    pub async fn go_live(self, crm: &str, wall_now: DateTime<Utc>, business_now: DateTime<Utc>) -> Result<(), Error> {
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
        .map_err(Error::doing("add a poll"))?;
        sqlx::query!(
            "update tenants set contacts_since = $2 where id = $1 and (contacts_since is null or contacts_since >= $3)",
            self.0.tenant.uuid(),
            business_now,
            not_live_yet()
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("note when a tenant went live"))
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
            "select keep_poll_run($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            self.0.tenant.uuid(),
            crm,
            run.started_at,
            run.ended_at,
            run.outcome.as_str(),
            number(run.requests),
            number(run.rows_listed),
            number(run.told),
            number(run.by_webhook),
            number(run.by_poll),
            run.slowest_webhook_ms,
            run.problem,
            number(run.changes),
            number(run.late_changes)
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
            "select runs, started_at, ended_at, outcome, requests, rows_listed, told, by_webhook, by_poll, slowest_webhook_ms, problem
             from poll_runs where tenant_id = $1 order by id desc limit $2",
            self.0.tenant.uuid(),
            i64::from(most)
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list a poll's runs"))
    }

    /// What the runs since then saw of webhooks.
    pub async fn arrivals(self, since: DateTime<Utc>) -> Result<Arrivals, Error> {
        sqlx::query_as!(
            Arrivals,
            r#"select coalesce(max(by_webhook), 0) as "by_webhook!", coalesce(max(by_poll), 0) as "by_poll!",
                      coalesce(max(changes), 0) as "changes!", coalesce(sum(late_changes), 0) as "late_changes!",
                      max(slowest_webhook_ms) as slowest_webhook_ms
               from (select * from poll_runs where tenant_id = $1 order by id desc limit 200) newest
               where ended_at >= $2"#,
            self.0.tenant.uuid(),
            since
        )
        .fetch_one(&mut *self.0.inner)
        .await
        .map_err(Error::doing("look at what webhooks told lately"))
    }

    /// Writes down how the CRM's webhook is. Answers since when it is so.
    pub async fn save_check(
        self,
        crm: &str,
        state: &str,
        says: &str,
        now: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, Error> {
        sqlx::query_scalar!(
            "insert into webhook_checks as w (tenant_id, crm, state, says, since, checked_at) values ($1, $2, $3, $4, $5, $5)
             on conflict (tenant_id, crm) do update
             set since = case when w.state = excluded.state then w.since else excluded.since end, state = excluded.state,
                 says = excluded.says, checked_at = excluded.checked_at
             returning since",
            self.0.tenant.uuid(),
            crm,
            state,
            says,
            now
        )
        .fetch_one(&mut *self.0.inner)
        .await
        .map_err(Error::doing("write down how a webhook is"))
    }
}
