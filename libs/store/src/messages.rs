//! Messages: from a planned touch to what became of it.

use chrono::{DateTime, Utc};
use domain::{
    AppointmentId, Channel, E164, Email, Language, LeadId, LeadStatus, MessageId, MessageState, Moved,
    OPT_OUT_CONFIRMATION, Pause, PlannedTouch, ShopCalendar, State, TextSender, Whereabouts, WithheldReason,
};

use crate::{
    Error, Transaction,
    languages::language,
    leads::{email, phone},
    locations::{calendar, text_sender},
};

/// A planned touch and when the pipeline first looks at it.
#[derive(Debug, Clone)]
pub struct NewTouch {
    pub id: MessageId,
    pub touch: PlannedTouch,
    pub release_at: DateTime<Utc>,
}

/// A message with everything that is needed to decide about it and write it.
#[derive(Debug, Clone)]
pub struct Message {
    pub id: MessageId,
    pub lead: LeadId,
    pub step: u16,
    /// No earlier step was planned: it answers somebody who has asked.
    pub is_first: bool,
    pub channel: Channel,
    /// What is tried instead, in this order.
    pub fallbacks: Vec<Channel>,
    pub template: String,
    /// The appointment that it tells of. `None`: it is one of the follow-up.
    pub about: Option<AppointmentId>,
    pub state: MessageState,
    pub due_at: DateTime<Utc>,
    pub release_at: DateTime<Utc>,
    /// From when on pauses count for it.
    pub counted_from: DateTime<Utc>,
    /// Since then, of it or of what it belongs to; the earliest first.
    pub pauses: Vec<Pause>,
    pub attempts: u32,
    /// What it was put off for last.
    pub reason: Option<String>,
    pub lead_status: LeadStatus,
    pub stopped: bool,
    /// Whether this channel's address of the lead opted out.
    pub suppressed: bool,
    /// Nothing reaches them by this channel, as its vendor says.
    pub unreachable: bool,
    /// Its lead is, or was, one with another lead of theirs, which may have said the same words long ago.
    pub was_merged: bool,
    pub recipient: Recipient,
    /// When this person was written to within the day before, by all channels, the oldest first.
    pub sent: Vec<DateTime<Utc>>,
    pub whereabouts: Whereabouts,
    pub shop: ShopCalendar,
    /// Who the shop's texts are from. `None`: the tenant's own sender.
    pub text_sender: Option<TextSender>,
    pub shop_name: String,
    pub shop_phone: String,
    pub shop_postal_address: String,
    pub shop_hours: String,
}

impl Message {
    /// It answers what somebody did a moment ago, and is none of their follow-up.
    pub fn is_answer(&self) -> bool {
        self.about.is_some()
    }

    /// It is one of the lead's follow-up, which answers nothing that they did.
    pub fn is_of_follow_up(&self) -> bool {
        !self.is_answer() && !self.is_confirmation()
    }

    /// It answers an opt-out, and goes to whoever gets nothing else any more.
    pub fn is_confirmation(&self) -> bool {
        self.template == OPT_OUT_CONFIRMATION
    }
}

#[derive(Debug, Clone)]
pub struct Recipient {
    pub first_name: Option<String>,
    pub phone: Option<E164>,
    pub texts_allowed: bool,
    pub email: Option<Email>,
    pub vehicle: String,
    pub service: String,
    pub total_cents: i64,
    /// `None`: the tenant's own.
    pub language: Option<Language>,
}

/// A message as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageLine {
    pub id: MessageId,
    pub step: u16,
    pub channel: Channel,
    pub template: String,
    pub state: MessageState,
    pub reason: Option<String>,
    pub due_at: DateTime<Utc>,
    pub sent_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    /// From when on pauses count for it.
    pub counted_from: DateTime<Utc>,
    /// What moved it, each with its rule.
    pub moves: Vec<Moved>,
}

#[derive(Debug)]
pub struct Messages<'t>(pub(crate) &'t mut Transaction);

impl Messages<'_> {
    /// Touches of a lead that are planned and whose time has come, with the release they were planned for.
    pub async fn list_due(self, lead: LeadId, now: DateTime<Utc>) -> Result<Vec<(MessageId, DateTime<Utc>)>, Error> {
        let rows = sqlx::query!(
            "select id, due_at from messages where tenant_id = $1 and lead_id = $2 and state = 'planned' and due_at <= $3",
            self.0.tenant.uuid(),
            lead.uuid(),
            now
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list a lead's due touches"))?;
        Ok(rows.into_iter().map(|row| (MessageId::new(row.id), row.due_at)).collect())
    }

    /// How many messages a lead has, in any state.
    pub async fn count(self, lead: LeadId) -> Result<u16, Error> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from messages where tenant_id = $1 and lead_id = $2"#,
            self.0.tenant.uuid(),
            lead.uuid()
        )
        .fetch_one(&mut *self.0.inner)
        .await
        .map_err(Error::doing("count a lead's messages"))?;
        Ok(u16::try_from(count).unwrap_or(u16::MAX))
    }

    /// A lead's messages in the order of their steps.
    pub async fn list(self, lead: LeadId) -> Result<Vec<MessageLine>, Error> {
        let rows = sqlx::query!(
            r#"select m.id, m.step, m.channel, m.template, m.state, m.reason, m.due_at, m.sent_at, m.finished_at, m.moves,
                      coalesce(m.counted_from, l.planned_at, m.due_at) as "counted_from!"
               from messages m
               cross join lateral (
                   select planned_at from leads where tenant_id = m.tenant_id and id = m.lead_id limit 1
               ) l
               where m.tenant_id = $1 and m.lead_id = $2 order by m.step, m.due_at, m.channel"#,
            self.0.tenant.uuid(),
            lead.uuid()
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list a lead's messages"))?;
        rows.into_iter()
            .map(|row| {
                Ok(MessageLine {
                    id: MessageId::new(row.id),
                    step: u16::try_from(row.step).unwrap_or_default(),
                    channel: row.channel.parse().map_err(|error| Error::corrupt("channel", error))?,
                    template: row.template,
                    state: row.state.parse().map_err(|error| Error::corrupt("message state", error))?,
                    reason: row.reason,
                    due_at: row.due_at,
                    sent_at: row.sent_at,
                    finished_at: row.finished_at,
                    counted_from: row.counted_from,
                    moves: match row.moves {
                        Some(moves) => serde_json::from_value(moves).map_err(|error| Error::corrupt("moves", error))?,
                        None => Vec::new(),
                    },
                })
            })
            .collect()
    }

    /// Keeps everybody else from deciding about a message until this transaction ends.
    pub async fn reserve(self, id: MessageId) -> Result<(), Error> {
        sqlx::query!(
            "select id from messages where tenant_id = $1 and id = $2 for update",
            self.0.tenant.uuid(),
            id.uuid()
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("reserve a message"))
    }

    /// Reads a message and keeps everybody else from deciding about it until this transaction ends.
    /// `now`: business time, of which the day before is looked at for what else they were sent.
    pub async fn lock(self, id: MessageId, now: DateTime<Utc>) -> Result<Option<Message>, Error> {
        let row = sqlx::query!(
            // Joined plainly, the young tables of a new shop get a plan that reads all of its leads, and the connection keeps it.
            // `limit 1` keeps the lead a lookup by its id.
            r#"select m.lead_id, m.step, m.fallbacks, m.channel, m.template, m.about, m.state, m.due_at, m.release_at, m.attempts, m.reason,
                      l.status as "status!", l.stopped_at is not null as "stopped!", l.first_name, l.phone,
                      l.texts_allowed as "texts_allowed!", l.email, l.vehicle as "vehicle!", l.service as "service!",
                      l.total_cents as "total_cents!", l.language,
                      exists (select from suppressions x where x.tenant_id = m.tenant_id and x.channel = m.channel
                              and x.address = own.address and x.lifted_at is null) as "suppressed!",
                      exists (select from unreachable x where x.tenant_id = m.tenant_id and x.channel = m.channel
                              and x.address = own.address and x.reached_at is null) as "unreachable!",
                      exists (select from merges g where g.lead_id = m.lead_id and g.tenant_id = m.tenant_id)
                          or exists (select from merges g where g.into_lead_id = m.lead_id and g.tenant_id = m.tenant_id)
                          as "was_merged!",
                      not exists (
                          select from messages e
                          where e.tenant_id = m.tenant_id and e.lead_id = m.lead_id and e.step < m.step
                      ) as "is_first!",
                      array(
                          select sent.at from (
                              select a.message_id from attempts a
                              where a.tenant_id = m.tenant_id and a.recipient = l.phone and a.message_id <> m.id
                                and (a.outcome is null or a.outcome in ('accepted', 'lost'))
                              union
                              select a.message_id from attempts a
                              where a.tenant_id = m.tenant_id and a.recipient = lower(l.email) and a.message_id <> m.id
                                and (a.outcome is null or a.outcome in ('accepted', 'lost'))
                          ) said
                          cross join lateral (
                              select coalesce(x.sent_at, x.due_at) as at from messages x
                              where x.tenant_id = m.tenant_id and x.id = said.message_id limit 1
                          ) sent
                          where sent.at > $3::timestamptz - interval '25 hours'
                          order by sent.at
                      ) as "sent!: Vec<DateTime<Utc>>",
                      coalesce(m.counted_from, l.planned_at, m.due_at) as "counted_from!",
                      (
                          select jsonb_agg(jsonb_build_object('from', paused_at, 'until', resumed_at) order by paused_at)
                          from pauses p
                          where p.of_id = any (array[m.tenant_id, m.lead_id, l.location_id]) and p.tenant_id = m.tenant_id
                            and (p.channel is null or p.channel = m.channel)
                            and (p.resumed_at is null or p.resumed_at > coalesce(m.counted_from, l.planned_at, m.due_at))
                      ) as pauses,
                      s.time_zone, s.opening, s.closed_on, s.name as shop_name, s.phone as shop_phone, s.postal_address, s.hours, s.text_sender
               from messages m
               cross join lateral (select * from leads where tenant_id = m.tenant_id and id = m.lead_id limit 1) l
               cross join lateral (select case m.channel when 'email' then lower(l.email) else l.phone end as address) own
               join locations s on s.tenant_id = m.tenant_id and s.id = l.location_id where m.tenant_id = $1 and m.id = $2 for update of m"#,
            self.0.tenant.uuid(),
            id.uuid(),
            now
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("lock a message"))?;
        row.map(|row| {
            let phone = phone(row.phone.as_deref())?;
            let shop = calendar(&row.time_zone, row.opening, row.closed_on)?;
            Ok(Message {
                id,
                lead: LeadId::new(row.lead_id),
                step: u16::try_from(row.step).unwrap_or_default(),
                is_first: row.is_first,
                fallbacks: channels(&row.fallbacks)?,
                sent: row.sent,
                whereabouts: Whereabouts::of(phone.as_ref(), shop.zone, State::of_address(&row.postal_address)),
                shop,
                channel: row.channel.parse().map_err(|error| Error::corrupt("channel", error))?,
                template: row.template,
                about: row.about.map(AppointmentId::new),
                state: row.state.parse().map_err(|error| Error::corrupt("message state", error))?,
                due_at: row.due_at,
                release_at: row.release_at,
                counted_from: row.counted_from,
                pauses: pauses(row.pauses)?,
                attempts: u32::try_from(row.attempts).unwrap_or_default(),
                reason: row.reason,
                lead_status: row.status.parse().map_err(|error| Error::corrupt("lead status", error))?,
                stopped: row.stopped,
                suppressed: row.suppressed,
                unreachable: row.unreachable,
                was_merged: row.was_merged,
                recipient: Recipient {
                    first_name: row.first_name,
                    phone,
                    texts_allowed: row.texts_allowed,
                    email: email(row.email.as_deref())?,
                    vehicle: row.vehicle,
                    service: row.service,
                    total_cents: row.total_cents,
                    language: language(row.language.as_deref())?,
                },
                text_sender: text_sender(row.text_sender.as_deref())?,
                shop_name: row.shop_name,
                shop_phone: row.shop_phone,
                shop_postal_address: row.postal_address,
                shop_hours: row.hours,
            })
        })
        .transpose()
    }

    /// A rule lets it leave at the end of these moves; they are kept, and their last rule is what it waits for. Pauses count for it
    /// from `counted_from` on.
    pub async fn move_to(
        self,
        id: MessageId,
        at: DateTime<Utc>,
        moves: &[Moved],
        counted_from: DateTime<Utc>,
    ) -> Result<(), Error> {
        let reason = moves.last().map(|moved| moved.because.as_str());
        let moves = serde_json::to_value(moves).map_err(|error| Error::corrupt("moves", error))?;
        sqlx::query!(
            "update messages
             set due_at = $3, release_at = $3, reason = $4, moves = coalesce(moves, '[]') || $5::jsonb, counted_from = $6
             where tenant_id = $1 and id = $2 and state = 'planned'",
            self.0.tenant.uuid(),
            id.uuid(),
            at,
            reason,
            moves,
            counted_from
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("move a message"))
    }

    /// Not now, but at `at`; `due_at` says so too, because that is when it will be sent.
    pub async fn put_off(self, id: MessageId, at: DateTime<Utc>, reason: &str) -> Result<(), Error> {
        sqlx::query!(
            // What answers somebody counts from what they did, however often it is put off.
            "update messages
             set state = 'planned', due_at = $3, release_at = $3, reason = $4,
                 counted_from = case when step <= 0 then counted_from else $3 end
             where tenant_id = $1 and id = $2 and state in ('planned', 'claimed', 'unknown')",
            self.0.tenant.uuid(),
            id.uuid(),
            at,
            reason
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("put a message off"))
    }

    /// Released, but not published: comes up again at `at`.
    pub async fn release_again(self, id: MessageId, at: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!(
            "update messages set release_at = least(release_at, $3)
             where tenant_id = $1 and id = $2 and state in ('planned', 'claimed', 'unknown')",
            self.0.tenant.uuid(),
            id.uuid(),
            at
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("release a message again"))
    }

    /// Nobody knows whether the vendor has it; ask at `ask_at`, which is its due time from now on: a question that comes
    /// up early, from an event that was waiting, is not asked.
    pub async fn set_unknown(self, id: MessageId, ask_at: DateTime<Utc>, reason: &str) -> Result<(), Error> {
        sqlx::query!(
            "update messages set state = 'unknown', due_at = $3, release_at = $3, reason = $4
             where tenant_id = $1 and id = $2 and state in ('claimed', 'unknown')",
            self.0.tenant.uuid(),
            id.uuid(),
            ask_at,
            reason
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("mark a message as unknown"))
    }

    pub async fn withhold(self, id: MessageId, reason: WithheldReason, now: DateTime<Utc>) -> Result<(), Error> {
        self.finish(id, MessageState::Withheld, Some(reason.as_str()), now).await.map(drop)
    }

    pub async fn cancel(self, id: MessageId, reason: &str, now: DateTime<Utc>) -> Result<(), Error> {
        self.finish(id, MessageState::Cancelled, Some(reason), now).await.map(drop)
    }

    /// Moves a message to its last state; one that is there already stays. Answers whether it moved.
    pub async fn finish(
        self,
        id: MessageId,
        state: MessageState,
        reason: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let done = sqlx::query!(
            "update messages set state = $3, reason = $4, finished_at = $5
             where tenant_id = $1 and id = $2 and state in ('planned', 'claimed', 'unknown', 'sent')",
            self.0.tenant.uuid(),
            id.uuid(),
            state.as_str(),
            reason,
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("finish a message"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Whether nothing reaches this address by this channel, as its vendor says.
    pub async fn is_unreachable(self, channel: Channel, address: &str) -> Result<bool, Error> {
        sqlx::query_scalar!(
            r#"select exists (select from unreachable
                              where tenant_id = $1 and channel = $2 and address = $3 and reached_at is null) as "yes!""#,
            self.0.tenant.uuid(),
            channel.as_str(),
            address
        )
        .fetch_one(&mut *self.0.inner)
        .await
        .map_err(Error::doing("look whether somebody is reached"))
    }

    /// Whether this address opted out of this channel.
    pub async fn is_suppressed(self, channel: Channel, address: &str) -> Result<bool, Error> {
        sqlx::query_scalar!(
            r#"select exists (select from suppressions
                              where tenant_id = $1 and channel = $2 and address = $3 and lifted_at is null) as "yes!""#,
            self.0.tenant.uuid(),
            channel.as_str(),
            address
        )
        .fetch_one(&mut *self.0.inner)
        .await
        .map_err(Error::doing("look for an opt-out"))
    }
}

fn pauses(kept: Option<serde_json::Value>) -> Result<Vec<Pause>, Error> {
    match kept {
        Some(pauses) => serde_json::from_value(pauses).map_err(|error| Error::corrupt("pauses", error)),
        None => Ok(Vec::new()),
    }
}

fn channels(words: &[String]) -> Result<Vec<Channel>, Error> {
    words.iter().map(|word| word.parse().map_err(|error| Error::corrupt("channel", error))).collect()
}
