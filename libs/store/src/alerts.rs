//! What the staff is told, and whether somebody took it.

use chrono::{DateTime, Utc};
use domain::{AlertId, LeadId, StaffChannel, TaskId};

use crate::{Error, Transaction};

#[derive(Debug, Clone)]
pub struct NewAlert<'a> {
    pub id: AlertId,
    pub lead: LeadId,
    pub task: Option<TaskId>,
    pub kind: &'a str,
    pub level: u8,
    pub member: &'a str,
    pub channel: StaffChannel,
    pub address: &'a str,
    pub body: &'a str,
}

/// An alert that somebody is about to send.
#[derive(Debug, Clone)]
pub struct Alert {
    pub id: AlertId,
    pub lead: LeadId,
    pub channel: StaffChannel,
    pub address: String,
    pub body: String,
    pub raised_at: DateTime<Utc>,
    pub attempts: u32,
    /// Somebody took it, or it is about nothing any more.
    pub is_over: bool,
}

/// What somebody took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    pub lead: LeadId,
    pub task: Option<TaskId>,
}

#[derive(Debug)]
pub struct Alerts<'t>(pub(crate) &'t mut Transaction);

impl Alerts<'_> {
    /// Raises an alert; one that was raised already stays as it is.
    pub async fn add(self, alert: &NewAlert<'_>, now: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!(
            "insert into alerts (tenant_id, id, lead_id, task_id, kind, level, member, channel, address, body, state, raised_at,
                                 release_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'planned', $11, $11) on conflict do nothing",
            self.0.tenant.uuid(),
            alert.id.uuid(),
            alert.lead.uuid(),
            alert.task.map(TaskId::uuid),
            alert.kind,
            i16::from(alert.level),
            alert.member,
            alert.channel.as_str(),
            alert.address,
            alert.body,
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("raise an alert"))
    }

    /// Takes an alert in hand that is still to be sent and was tried so often: counts the attempt, and leaves it alone until
    /// `lease_until`.
    pub async fn start(self, id: AlertId, attempts: u32, lease_until: DateTime<Utc>) -> Result<Option<Alert>, Error> {
        let row = sqlx::query!(
            r#"update alerts a set attempts = a.attempts + 1, release_at = $3
               where a.tenant_id = $1 and a.id = $2 and a.state = 'planned' and a.attempts = $4
               returning a.lead_id, a.channel, a.address, a.body, a.raised_at, a.attempts,
                         (a.acknowledged_at is not null
                          or exists (
                              select from sla_clocks c
                              where c.lead_id = a.lead_id and c.tenant_id = a.tenant_id and a.task_id is null
                                and (c.first_response_at is not null or c.ended_because is not null
                                     or c.acknowledged_at > a.raised_at))
                          or exists (
                              select from tasks t
                              where t.tenant_id = a.tenant_id and t.id = a.task_id and t.completed_at is not null)) as "is_over!""#,
            self.0.tenant.uuid(),
            id.uuid(),
            lease_until,
            i32::try_from(attempts).unwrap_or(i32::MAX)
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("take an alert in hand"))?;
        row.map(|row| {
            Ok(Alert {
                id,
                lead: LeadId::new(row.lead_id),
                channel: row.channel.parse().map_err(|error| Error::corrupt("channel of the staff's", error))?,
                address: row.address,
                body: row.body,
                raised_at: row.raised_at,
                attempts: u32::try_from(row.attempts).unwrap_or_default(),
                is_over: row.is_over,
            })
        })
        .transpose()
    }

    /// Its last state: `sent`, `failed` or `obsolete`.
    pub async fn finish(
        self,
        id: AlertId,
        state: &str,
        provider_id: Option<&str>,
        reason: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        sqlx::query!(
            "update alerts set state = $3, provider_id = $4, reason = $5, finished_at = $6
             where tenant_id = $1 and id = $2 and state = 'planned'",
            self.0.tenant.uuid(),
            id.uuid(),
            state,
            provider_id,
            reason,
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("finish an alert"))
    }

    /// It was not taken by its vendor; it is sent again at `at`.
    pub async fn put_off(self, id: AlertId, at: DateTime<Utc>, reason: &str) -> Result<(), Error> {
        sqlx::query!(
            "update alerts set release_at = $3, reason = $4 where tenant_id = $1 and id = $2 and state = 'planned'",
            self.0.tenant.uuid(),
            id.uuid(),
            at,
            reason
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("put an alert off"))
    }

    /// Somebody pressed its button. Answers what they took; `None`: there is no such alert of this tenant's.
    pub async fn acknowledge(self, id: AlertId, by: &str, now: DateTime<Utc>) -> Result<Option<Taken>, Error> {
        let row = sqlx::query!(
            "update alerts
             set acknowledged_at = coalesce(acknowledged_at, $4), acknowledged_by = coalesce(acknowledged_by, $3)
             where tenant_id = $1 and id = $2
             returning lead_id, task_id",
            self.0.tenant.uuid(),
            id.uuid(),
            by,
            now
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("acknowledge an alert"))?;
        Ok(row.map(|row| Taken { lead: LeadId::new(row.lead_id), task: row.task_id.map(TaskId::new) }))
    }
}
