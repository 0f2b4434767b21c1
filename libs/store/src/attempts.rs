//! Calls to vendors, recorded before they are made, and what vendors report about them later.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use domain::{AttemptId, Channel, LeadId, MessageId};

use crate::{Error, Transaction};

#[derive(Debug, Clone)]
pub struct NewAttempt<'a> {
    pub id: AttemptId,
    pub message: MessageId,
    pub number: u32,
    pub channel: Channel,
    pub recipient: &'a str,
    pub body: &'a str,
    /// Wall time: it is compared with the vendor's clock.
    pub started_at: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub struct Attempt {
    pub id: AttemptId,
    pub message: MessageId,
    pub lead: LeadId,
    pub channel: Channel,
    pub recipient: String,
    pub body: String,
    pub started_at: DateTime<Utc>,
    /// How often the vendor has been asked what became of it.
    pub lookups: u32,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome<'a> {
    Accepted {
        provider_id: &'a str,
    },
    Refused {
        code: &'a str,
    },
    /// The vendor says it did nothing, or the call never left.
    NotProcessed {
        code: &'a str,
    },
    /// The vendor was asked, often enough, and has no record of it.
    NotFound,
}

#[derive(Debug)]
pub struct Attempts<'t>(pub(crate) &'t mut Transaction);

impl Attempts<'_> {
    pub async fn add(self, attempt: &NewAttempt<'_>) -> Result<(), Error> {
        sqlx::query!(
            "insert into attempts (tenant_id, id, message_id, number, channel, recipient, body, started_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
            self.0.tenant.uuid(),
            attempt.id.uuid(),
            attempt.message.uuid(),
            i32::try_from(attempt.number).unwrap_or(i32::MAX),
            attempt.channel.as_str(),
            attempt.recipient,
            attempt.body,
            attempt.started_at
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("record an attempt"))
    }

    /// The call for this message whose end nobody has recorded.
    pub async fn find_open(self, message: MessageId) -> Result<Option<Attempt>, Error> {
        let row = sqlx::query!(
            "select a.id, m.lead_id, a.channel, a.recipient, a.body, a.started_at, a.lookups
             from attempts a join messages m on m.tenant_id = a.tenant_id and m.id = a.message_id
             where a.tenant_id = $1 and a.message_id = $2 and a.outcome is null",
            self.0.tenant.uuid(),
            message.uuid()
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("find an open attempt"))?;
        row.map(|row| {
            Ok(Attempt {
                id: AttemptId::new(row.id),
                message,
                lead: LeadId::new(row.lead_id),
                channel: Channel::from_str(&row.channel).map_err(|error| Error::corrupt("channel", error))?,
                recipient: row.recipient,
                body: row.body,
                started_at: row.started_at,
                lookups: u32::try_from(row.lookups).unwrap_or_default(),
            })
        })
        .transpose()
    }

    /// Records how a call ended. Answers false if that was known already.
    pub async fn settle(self, id: AttemptId, outcome: AttemptOutcome<'_>) -> Result<bool, Error> {
        let (word, provider_id, code) = match outcome {
            AttemptOutcome::Accepted { provider_id } => ("accepted", Some(provider_id), None),
            AttemptOutcome::Refused { code } => ("refused", None, Some(code)),
            AttemptOutcome::NotProcessed { code } => ("not_processed", None, Some(code)),
            AttemptOutcome::NotFound => ("not_found", None, None),
        };
        let done = sqlx::query!(
            "update attempts set outcome = $3, provider_id = $4, error_code = $5
             where tenant_id = $1 and id = $2 and outcome is null",
            self.0.tenant.uuid(),
            id.uuid(),
            word,
            provider_id,
            code
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("record how an attempt ended"))?;
        Ok(done.rows_affected() == 1)
    }

    pub async fn count_lookup(self, id: AttemptId) -> Result<(), Error> {
        sqlx::query!(
            "update attempts set lookups = lookups + 1 where tenant_id = $1 and id = $2",
            self.0.tenant.uuid(),
            id.uuid()
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("count a lookup"))
    }

    /// A question that got no answer was none.
    pub async fn uncount_lookup(self, id: AttemptId) -> Result<(), Error> {
        sqlx::query!(
            "update attempts set lookups = greatest(lookups - 1, 0) where tenant_id = $1 and id = $2",
            self.0.tenant.uuid(),
            id.uuid()
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("take a lookup back"))
    }

    /// Which of these ids of the vendor's belong to attempts of ours already.
    pub async fn list_known(self, channel: Channel, provider_ids: &[String]) -> Result<Vec<String>, Error> {
        sqlx::query_scalar!(
            r#"select provider_id as "provider_id!" from attempts
               where tenant_id = $1 and channel = $2 and provider_id = any($3)"#,
            self.0.tenant.uuid(),
            channel.as_str(),
            provider_ids
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("look for known ids of a vendor"))
    }

    /// The message that a receipt is about: by the attempt's id that we gave the vendor, or by the id the vendor gave us.
    pub async fn find_message(
        self,
        attempt: Option<AttemptId>,
        channel: Channel,
        provider_id: &str,
    ) -> Result<Option<(MessageId, LeadId, AttemptId)>, Error> {
        let row = sqlx::query!(
            "select a.id, a.message_id, m.lead_id
             from attempts a join messages m on m.tenant_id = a.tenant_id and m.id = a.message_id
             where a.tenant_id = $1 and a.channel = $2 and (a.id = $3 or a.provider_id = $4)
             order by a.id = $3 desc limit 1",
            self.0.tenant.uuid(),
            channel.as_str(),
            attempt.map(AttemptId::uuid),
            provider_id
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("find the message of a receipt"))?;
        Ok(row.map(|row| {
            (
                MessageId::new(row.message_id),
                LeadId::new(row.lead_id),
                AttemptId::new(row.id),
            )
        }))
    }

    /// Keeps a receipt. Answers false for one we have.
    pub async fn add_receipt(
        self,
        source: &str,
        key: &str,
        attempt: Option<AttemptId>,
        kind: &str,
        code: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let done = sqlx::query!(
            "insert into receipts (tenant_id, source, key, attempt_id, kind, code, received_at)
             values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
            self.0.tenant.uuid(),
            source,
            key,
            attempt.map(AttemptId::uuid),
            kind,
            code,
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("keep a receipt"))?;
        Ok(done.rows_affected() == 1)
    }
}
