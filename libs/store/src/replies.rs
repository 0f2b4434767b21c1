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
    /// Keeps a reply; one that we have is left as it is. Answers whether it is new.
    pub async fn add(self, reply: &Reply<'_>) -> Result<bool, Error> {
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
        .map(|done| done.rows_affected() == 1)
        .map_err(Error::doing("keep a reply"))
    }

    /// They wrote by this channel: for a while it is a conversation. `at`: wall time.
    pub async fn note_heard(self, channel: Channel, address: &str, at: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!(
            "insert into conversations (tenant_id, channel, address, heard_at) values ($1, $2, $3, $4)
             on conflict (tenant_id, channel, address) do update
             set heard_at = greatest(conversations.heard_at, excluded.heard_at)",
            self.0.tenant.uuid(),
            channel.as_str(),
            address,
            at
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("note that somebody wrote"))
    }

    /// When they last wrote by this channel.
    pub async fn heard_at(self, channel: Channel, address: &str) -> Result<Option<DateTime<Utc>>, Error> {
        sqlx::query_scalar!(
            "select heard_at from conversations where tenant_id = $1 and channel = $2 and address = $3",
            self.0.tenant.uuid(),
            channel.as_str(),
            address
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("look when somebody wrote"))
    }

    /// From now on nothing goes to this address by this channel. An opt-out that is older than a later opt-in (they can
    /// arrive in the wrong order) does not undo it; a newer one counts, and so does one of the same moment, so that an older opt-in cannot lift it.
    ///
    /// Addresses are folded by the database, here and where a message asks for them: two ways of folding would differ.
    pub async fn suppress(self, channel: Channel, address: &str, source: &str, at: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!(
            "insert into suppressions (tenant_id, channel, address, source, suppressed_at) values ($1, $2, lower($3), $4, $5)
             on conflict (tenant_id, channel, address) do update
             set source = case when suppressions.lifted_at <= excluded.suppressed_at
                                    -- What a START takes back gives way to what it does not, and on a channel of their own to a word
                                    -- that was said there.
                                    or (split_part(suppressions.source, ':', 1) in ('twilio', 'whatsapp')
                                        and split_part(excluded.source, ':', 1) not in ('twilio', 'whatsapp'))
                                    or split_part(excluded.source, ':', 1)
                                       = case excluded.channel when 'sms' then 'twilio' when 'whatsapp' then 'whatsapp' end
                               then excluded.source
                               else suppressions.source end,
                 suppressed_at = greatest(suppressions.suppressed_at, excluded.suppressed_at),
                 lifted_at = case when suppressions.lifted_at <= excluded.suppressed_at then null
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

    /// Nothing reaches this address by this channel, as a vendor says, unless they have written by it since. `at`: wall time.
    pub async fn note_unreachable(
        self,
        channel: Channel,
        address: &str,
        source: &str,
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        sqlx::query!(
            "insert into unreachable (tenant_id, channel, address, source, since) values ($1, $2, lower($3), $4, $5)
             on conflict (address, channel, tenant_id) do update
             set source = excluded.source, since = excluded.since, reached_at = null
             where coalesce(unreachable.reached_at, unreachable.since) < excluded.since",
            self.0.tenant.uuid(),
            channel.as_str(),
            address,
            source,
            at
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("note that nothing reaches somebody"))
    }

    /// Whoever writes by a channel is reached by it. `at`: wall time.
    pub async fn note_reachable(self, channel: Channel, address: &str, at: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!(
            "update unreachable set reached_at = $4
             where tenant_id = $1 and channel = $2 and address = lower($3) and reached_at is null and since < $4",
            self.0.tenant.uuid(),
            channel.as_str(),
            address,
            at
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("note that somebody is reached"))
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
