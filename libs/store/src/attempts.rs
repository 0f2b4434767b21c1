//! Calls to vendors, recorded before they are made, and what vendors report about them later.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use domain::{AttemptId, Channel, LeadId, MessageId};

use crate::{Error, NewReceipt, Reported, Transaction, once};

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
    /// Another address of this person's, at which they may have been written to.
    pub other_address: Option<&'a str>,
    /// So many go to one person within a day of business time.
    pub most_in_24h: u16,
    pub business_now: DateTime<Utc>,
    /// And nothing else since then. `None`: whatever went to them a moment ago.
    pub quiet_since: Option<DateTime<Utc>>,
}

/// Whether a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    Yes,
    /// Another message with the same words went to the same recipient, or is on its way.
    SaidAlready,
    /// They have had as many as they may within a day, or one a moment ago.
    TooMany,
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

/// How a call ended that put no message in anybody's hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome<'a> {
    Refused {
        code: &'a str,
    },
    /// The vendor says it did nothing, or the call never left.
    NotProcessed {
        code: &'a str,
    },
    /// The vendor was asked, often enough, and has no record of it.
    NotFound,
    /// The vendor cannot be asked, and has not said anything for long enough.
    Lost,
}

#[derive(Debug)]
pub struct Attempts<'t>(pub(crate) &'t mut Transaction);

impl Attempts<'_> {
    /// Takes a planned message in hand and records the call that is about to be made; until `lease_until` nobody else
    /// touches the message. Unless the answer is yes nothing is done. The same words count since `said_since`.
    pub async fn start(
        self,
        attempt: &NewAttempt<'_>,
        said_since: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Started, Error> {
        let started = sqlx::query_scalar!(
            r#"select start_attempt($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) as "started!""#,
            attempt.id.uuid(),
            attempt.message.uuid(),
            i32::try_from(attempt.number).unwrap_or(i32::MAX),
            attempt.channel.as_str(),
            attempt.recipient,
            attempt.body,
            attempt.started_at,
            said_since,
            lease_until,
            attempt.other_address,
            i32::from(attempt.most_in_24h),
            attempt.business_now,
            attempt.quiet_since
        )
        .fetch_one(&mut *self.0.inner)
        .await
        .map_err(Error::doing("record an attempt"))?;
        match started.as_str() {
            "started" => Ok(Started::Yes),
            "said" => Ok(Started::SaidAlready),
            "too_many" => Ok(Started::TooMany),
            other => Err(Error::corrupt("answer of start_attempt", other)),
        }
    }

    /// The vendor has the message, as [`Once::accept`](crate::Once::accept) says.
    pub async fn accept(
        self,
        id: AttemptId,
        message: MessageId,
        provider_id: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let tenant = self.0.tenant;
        once::accept(&mut self.0.inner, tenant, id, message, provider_id, now).await.map(|_moved| ())
    }

    /// Keeps a receipt, as [`Once::take_receipt`](crate::Once::take_receipt) does.
    pub async fn take_receipt(self, receipt: &NewReceipt<'_>) -> Result<Option<Reported>, Error> {
        let tenant = self.0.tenant;
        once::take_receipt(&mut self.0.inner, tenant, receipt).await
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

    /// The call to this address, begun by `said_at`, of which nobody knows whether the vendor took it. Both by wall clocks. `None`: there
    /// is none, or more than one, and it could be either.
    pub async fn find_unanswered(
        self,
        channel: Channel,
        address: &str,
        said_at: DateTime<Utc>,
    ) -> Result<Option<AttemptId>, Error> {
        let found = sqlx::query_scalar!(
            "select id from attempts
             where tenant_id = $1 and recipient = $2 and channel = $3 and (outcome is null or outcome = 'lost')
               and started_at between $4::timestamptz - interval '1 day' and $4::timestamptz + interval '1 minute'
             limit 2",
            self.0.tenant.uuid(),
            address,
            channel.as_str(),
            said_at
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("find a call that nobody answered"))?;
        Ok(match found.as_slice() {
            [one] => Some(AttemptId::new(*one)),
            _ => None,
        })
    }

    /// Records how a call ended. Answers false if that was known already.
    pub async fn settle(self, id: AttemptId, outcome: AttemptOutcome<'_>) -> Result<bool, Error> {
        let (word, code) = match outcome {
            AttemptOutcome::Refused { code } => ("refused", Some(code)),
            AttemptOutcome::NotProcessed { code } => ("not_processed", Some(code)),
            AttemptOutcome::NotFound => ("not_found", None),
            AttemptOutcome::Lost => ("lost", None),
        };
        let done = sqlx::query!(
            "update attempts set outcome = $3, error_code = $4
             where tenant_id = $1 and id = $2 and outcome is null",
            self.0.tenant.uuid(),
            id.uuid(),
            word,
            code
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("record how an attempt ended"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Its vendor threw it away unsent. Answers false if that was known already.
    pub async fn expire(self, message: MessageId, provider_id: &str, code: &str) -> Result<bool, Error> {
        let done = sqlx::query!(
            "update attempts set outcome = 'refused', error_code = $4
             where tenant_id = $1 and message_id = $2 and provider_id = $3 and outcome = 'accepted'",
            self.0.tenant.uuid(),
            message.uuid(),
            provider_id,
            code
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("record that a vendor threw a message away"))?;
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
}
