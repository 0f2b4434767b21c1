//! What customers write back, and their opt-outs.

use chrono::{DateTime, Utc};
use domain::{Channel, LeadId};

use crate::{Error, Transaction};

#[derive(Debug, Clone)]
pub struct Reply<'a> {
    pub source: &'a str,
    pub provider_id: &'a str,
    pub lead: Option<LeadId>,
    pub body: &'a str,
    pub received_at: DateTime<Utc>,
}

#[derive(Debug)]
pub struct Replies<'t>(pub(crate) &'t mut Transaction);

impl Replies<'_> {
    /// Keeps a reply; one that we have is left as it is.
    pub async fn add(self, reply: &Reply<'_>) -> Result<(), Error> {
        sqlx::query!(
            "insert into replies (tenant_id, source, provider_id, lead_id, body, received_at)
             values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
            self.0.tenant.uuid(),
            reply.source,
            reply.provider_id,
            reply.lead.map(LeadId::uuid),
            reply.body,
            reply.received_at
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("keep a reply"))
    }

    /// From now on nothing goes to this address by this channel. An opt-out that is older than a later opt-in (they can
    /// arrive in the wrong order) does not undo it; a newer one counts, so that an older opt-in cannot lift it.
    ///
    /// Addresses are folded by the database, here and where a message asks for them: two ways of folding would differ.
    pub async fn suppress(self, channel: Channel, address: &str, source: &str, at: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!(
            "insert into suppressions (tenant_id, channel, address, source, suppressed_at) values ($1, $2, lower($3), $4, $5)
             on conflict (tenant_id, channel, address) do update
             set source = case when suppressions.lifted_at < excluded.suppressed_at
                                    -- What a START by text takes back gives way to what it does not.
                                    or (starts_with(suppressions.source, 'twilio:') and not starts_with(excluded.source, 'twilio:'))
                               then excluded.source
                               else suppressions.source end,
                 suppressed_at = greatest(suppressions.suppressed_at, excluded.suppressed_at),
                 lifted_at = case when suppressions.lifted_at < excluded.suppressed_at then null
                                  else suppressions.lifted_at end",
            self.0.tenant.uuid(),
            channel.as_str(),
            address,
            source,
            at
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("record an opt-out"))
    }

    /// The customer opted in again. Lifts only opt-outs whose source begins with `of_source`: a START by text does not take
    /// back that somebody reported our emails as spam.
    pub async fn lift(self, channel: Channel, address: &str, of_source: &str, at: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!(
            "update suppressions set lifted_at = $4
             where tenant_id = $1 and channel = $2 and address = lower($3) and lifted_at is null and suppressed_at < $4
               and starts_with(source, $5)",
            self.0.tenant.uuid(),
            channel.as_str(),
            address,
            at,
            of_source
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("lift an opt-out"))
    }
}
