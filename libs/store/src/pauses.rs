//! Pauses: what stands still, since when, and who said so.

use chrono::{DateTime, Utc};
use domain::{Channel, LeadId, LocationId, MessageId, Pause, PauseScope};
use serde::Serialize;
use uuid::Uuid;

use crate::{Error, Transaction};

/// A pause as an operator reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PauseLine {
    #[serde(flatten)]
    pub scope: PauseScope,
    pub paused_at: DateTime<Utc>,
    pub paused_by: String,
    pub because: String,
    pub resumed_at: Option<DateTime<Utc>>,
    pub resumed_by: Option<String>,
}

#[derive(Debug)]
pub struct Pauses<'t>(pub(crate) &'t mut Transaction);

impl Pauses<'_> {
    /// From `now` on it stands still. Answers false if it is paused already.
    pub async fn pause(self, scope: PauseScope, because: &str, by: &str, now: DateTime<Utc>) -> Result<bool, Error> {
        let (of, channel) = columns(&self, scope);
        let done = sqlx::query!(
            "insert into pauses (tenant_id, id, scope, of_id, channel, paused_at, because, paused_by)
             values ($1, gen_random_uuid(), $2, $3, $4, $5, $6, $7) on conflict do nothing",
            self.0.tenant.uuid(),
            scope.as_str(),
            of,
            channel,
            now,
            because,
            by
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("pause"))?;
        Ok(done.rows_affected() == 1)
    }

    /// What is left of it goes on, as much later as the pause was long. Answers since when it was paused; `None`: it is not.
    pub async fn resume(self, scope: PauseScope, by: &str, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Error> {
        let (of, channel) = columns(&self, scope);
        sqlx::query_scalar!(
            "update pauses set resumed_at = greatest($4, paused_at), resumed_by = $5
             where of_id = $2 and tenant_id = $1 and channel is not distinct from $3 and resumed_at is null
             returning paused_at",
            self.0.tenant.uuid(),
            of,
            channel,
            now,
            by
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("resume"))
    }

    /// Those that last, and the latest that are over; the newest first.
    pub async fn list(self, most: u16) -> Result<Vec<PauseLine>, Error> {
        let rows = sqlx::query!(
            "select scope, of_id, channel, paused_at, paused_by, because, resumed_at, resumed_by
             from pauses where tenant_id = $1 order by resumed_at is null desc, paused_at desc limit $2",
            self.0.tenant.uuid(),
            i64::from(most)
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list pauses"))?;
        rows.into_iter()
            .map(|row| {
                Ok(PauseLine {
                    scope: scope(&row.scope, row.of_id, row.channel.as_deref())?,
                    paused_at: row.paused_at,
                    paused_by: row.paused_by,
                    because: row.because,
                    resumed_at: row.resumed_at,
                    resumed_by: row.resumed_by,
                })
            })
            .collect()
    }

    /// Of a lead and what it belongs to, by a channel or by all; the earliest first.
    pub async fn list_of_lead(self, lead: LeadId, channel: Channel) -> Result<Vec<Pause>, Error> {
        let rows = sqlx::query!(
            r#"select p.paused_at, p.resumed_at
               from (select tenant_id, id, location_id from leads where tenant_id = $1 and id = $2 limit 1) l
               join pauses p on p.of_id = any (array[l.tenant_id, l.id, l.location_id]) and p.tenant_id = l.tenant_id
               where p.channel is null or p.channel = $3
               order by p.paused_at"#,
            self.0.tenant.uuid(),
            lead.uuid(),
            channel.as_str()
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list pauses of a lead"))?;
        Ok(rows.into_iter().map(|row| Pause { from: row.paused_at, until: row.resumed_at }).collect())
    }

    /// Keeps a message until what holds it is resumed. Answers false, and keeps nothing, if nothing holds it any more.
    pub async fn hold(self, message: MessageId) -> Result<bool, Error> {
        // Whoever resumes one of these waits until this transaction has ended, and so releases what it holds.
        let open = sqlx::query_scalar!(
            "select p.id
             from messages m
             cross join lateral (
                 select location_id from leads where tenant_id = m.tenant_id and id = m.lead_id limit 1
             ) l
             join pauses p on p.of_id = any (array[m.tenant_id, m.lead_id, l.location_id]) and p.tenant_id = m.tenant_id
             where m.tenant_id = $1 and m.id = $2 and p.resumed_at is null and (p.channel is null or p.channel = m.channel)
             limit 1
             for share of p",
            self.0.tenant.uuid(),
            message.uuid()
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("look what is paused"))?;
        let Some(held_by) = open else { return Ok(false) };
        sqlx::query!(
            "update messages set release_at = timestamptz '9999-01-01 00:00:00+00', reason = 'paused', held_by = $3
             where tenant_id = $1 and id = $2 and state = 'planned'",
            self.0.tenant.uuid(),
            message.uuid(),
            held_by
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("hold a message"))?;
        Ok(true)
    }
}

fn columns(pauses: &Pauses<'_>, scope: PauseScope) -> (Uuid, Option<&'static str>) {
    match scope {
        PauseScope::Everything => (pauses.0.tenant.uuid(), None),
        PauseScope::Channel(channel) => (pauses.0.tenant.uuid(), Some(channel.as_str())),
        PauseScope::Location(location) => (location.uuid(), None),
        PauseScope::Lead(lead) => (lead.uuid(), None),
    }
}

fn scope(word: &str, of: Uuid, channel: Option<&str>) -> Result<PauseScope, Error> {
    Ok(match (word, channel) {
        ("everything", None) => PauseScope::Everything,
        ("location", None) => PauseScope::Location(LocationId::new(of)),
        ("lead", None) => PauseScope::Lead(LeadId::new(of)),
        (_, Some(channel)) => {
            PauseScope::Channel(channel.parse::<Channel>().map_err(|error| Error::corrupt("channel", error))?)
        }
        (other, None) => return Err(Error::corrupt("scope of a pause", other)),
    })
}
