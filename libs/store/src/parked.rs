//! Messages of a stream that wait for longer than a moment, each tenant's for itself.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::TenantId;
use uuid::Uuid;

use crate::{Error, Everywhere};

/// Where a message lay in its stream, and what it was.
#[derive(Debug, Clone)]
pub struct NewParked<'a> {
    pub stage: &'a str,
    pub stream: &'a str,
    pub sequence: u64,
    pub event_id: &'a str,
    pub tenant: TenantId,
    pub subject: &'a str,
    pub headers: BTreeMap<&'a str, &'a str>,
    pub payload: &'a [u8],
    pub deliveries: u64,
    /// What it waits for.
    pub reason: &'a str,
    pub parked_at: DateTime<Utc>,
    pub wake_at: DateTime<Utc>,
}

/// A message whose time has come.
#[derive(Debug, Clone)]
pub struct Parked {
    pub stream: String,
    pub sequence: u64,
    pub event_id: String,
    pub tenant: TenantId,
    pub subject: String,
    pub headers: BTreeMap<String, String>,
    pub payload: Vec<u8>,
    /// This one included. Whoever has another count has it no longer.
    pub deliveries: u64,
}

/// Which of them.
#[derive(Debug, Clone, Copy)]
pub struct ParkedPlace<'a> {
    pub stage: &'a str,
    pub stream: &'a str,
    pub sequence: u64,
    pub event_id: &'a str,
}

/// What waits at one stage of one tenant's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedLine {
    pub stage: String,
    /// The tenant's name in commands.
    pub slug: String,
    pub messages: i64,
    pub since: DateTime<Utc>,
    /// What the one that waits longest waits for.
    pub reason: String,
}

impl Everywhere<'_> {
    /// Keeps a message until `wake_at`; one that is kept already stays as it is.
    pub async fn park(&self, new: &NewParked<'_>) -> Result<(), Error> {
        let headers = serde_json::to_value(&new.headers).map_err(|error| Error::corrupt("headers", error))?;
        sqlx::query!(
            "select park($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            new.stage,
            new.stream,
            i64::try_from(new.sequence).unwrap_or(i64::MAX),
            new.event_id,
            new.tenant.uuid(),
            new.subject,
            headers,
            new.payload,
            i64::try_from(new.deliveries).unwrap_or(i64::MAX),
            new.reason,
            new.parked_at,
            new.wake_at
        )
        .execute(&mut *self.0.lend().await?)
        .await
        .map(drop)
        .map_err(Error::doing("park a message"))
    }

    /// Takes messages whose time has come: of no tenant more than `of_each` together with those `in_hand`, `most` in all. They come up
    /// again at `leased_until` unless whoever took them says otherwise.
    pub async fn take_parked(
        &self,
        stage: &str,
        (now, leased_until): (DateTime<Utc>, DateTime<Utc>),
        in_hand: &[(TenantId, u16)],
        of_each: u16,
        most: u16,
    ) -> Result<Vec<Parked>, Error> {
        let (owners, counts): (Vec<Uuid>, Vec<i32>) =
            in_hand.iter().map(|(tenant, count)| (tenant.uuid(), i32::from(*count))).unzip();
        let rows = sqlx::query!(
            r#"select stream as "stream!", sequence as "sequence!", event_id as "event_id!", tenant_id as "tenant_id!", subject as "subject!",
                      headers as "headers!", payload as "payload!", deliveries as "deliveries!"
               from take_parked($1, $2, $3, $4, $5, $6, $7)"#,
            stage,
            now,
            leased_until,
            &owners,
            &counts,
            i32::from(of_each),
            i32::from(most)
        )
        .fetch_all(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("take parked messages"))?;
        rows.into_iter()
            .map(|row| {
                Ok(Parked {
                    stream: row.stream,
                    sequence: u64::try_from(row.sequence).unwrap_or_default(),
                    event_id: row.event_id,
                    tenant: TenantId::new(row.tenant_id),
                    subject: row.subject,
                    headers: serde_json::from_value(row.headers).map_err(|error| Error::corrupt("headers", error))?,
                    payload: row.payload,
                    deliveries: u64::try_from(row.deliveries).unwrap_or_default(),
                })
            })
            .collect()
    }

    /// It wakes at `until`, unless somebody has taken it since: because its lease is longer, or because it waits again, for `reason`.
    pub async fn wake_parked_at(
        &self,
        place: ParkedPlace<'_>,
        taken: u64,
        until: DateTime<Utc>,
        reason: Option<&str>,
    ) -> Result<(), Error> {
        sqlx::query!(
            "select wake_parked_at($1, $2, $3, $4, $5, $6, $7)",
            place.stage,
            place.stream,
            i64::try_from(place.sequence).unwrap_or(i64::MAX),
            place.event_id,
            i64::try_from(taken).unwrap_or(i64::MAX),
            until,
            reason
        )
        .execute(&mut *self.0.lend().await?)
        .await
        .map(drop)
        .map_err(Error::doing("park a message again"))
    }

    /// It is done.
    pub async fn forget_parked(&self, place: ParkedPlace<'_>) -> Result<(), Error> {
        sqlx::query!(
            "select forget_parked($1, $2, $3, $4)",
            place.stage,
            place.stream,
            i64::try_from(place.sequence).unwrap_or(i64::MAX),
            place.event_id
        )
        .execute(&mut *self.0.lend().await?)
        .await
        .map(drop)
        .map_err(Error::doing("forget a parked message"))
    }

    /// Whoever has waited longest first.
    pub async fn list_parked(&self) -> Result<Vec<ParkedLine>, Error> {
        sqlx::query_as!(
            ParkedLine,
            r#"select stage as "stage!", slug as "slug!", messages as "messages!", since as "since!", reason as "reason!"
               from list_parked()"#
        )
        .fetch_all(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("list parked messages"))
    }
}
