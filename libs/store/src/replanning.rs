//! Messages that are planned anew: by another channel, by another cadence, or once more.

use chrono::{DateTime, Utc};
use domain::{Channel, LeadId, MessageId, PlannedTouch, Replan};

use crate::{Error, Message, Messages};

impl Messages<'_> {
    /// Plans the same step by the next channel that is left, because this one has failed, once: what follows is the other's. `message`
    /// is as it was read in this transaction. Answers which; `None`: there is no channel left, or the follow-up has ended.
    pub async fn fall_back(
        mut self,
        message: &Message,
        now: DateTime<Utc>,
        release_at: DateTime<Utc>,
    ) -> Result<Option<(MessageId, Channel)>, Error> {
        // A repeat finds none left, and does not go on to the channel behind.
        sqlx::query!(
            "update messages set fallbacks = '{}' where tenant_id = $1 and id = $2",
            self.0.tenant.uuid(),
            message.id.uuid()
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("take a message's other channels"))?;
        let mut left = message.fallbacks.as_slice();
        while let Some((channel, after)) = left.split_first() {
            left = after;
            if let Some(id) = self.plan_by(message, *channel, left, now, release_at).await? {
                return Ok(Some((id, *channel)));
            }
        }
        Ok(None)
    }

    /// `None`: an email stands beside the text already, or the follow-up has ended.
    async fn plan_by(
        &mut self,
        message: &Message,
        channel: Channel,
        left: &[Channel],
        now: DateTime<Utc>,
        release_at: DateTime<Utc>,
    ) -> Result<Option<MessageId>, Error> {
        let id = MessageId::of_step_by(message.lead, message.step, channel);
        let left: Vec<_> = left.iter().map(|channel| channel.as_str().to_owned()).collect();
        let added = sqlx::query!(
            "insert into messages (tenant_id, id, lead_id, step, channel, template, state, due_at, release_at, fallbacks,
                                   counted_from)
             select $1, $2, $3, $4, $5, $6, 'planned', $7, $8, $9, $7
             where exists (select from leads l where l.tenant_id = $1 and l.id = $3 and l.stopped_at is null)
             on conflict do nothing",
            self.0.tenant.uuid(),
            id.uuid(),
            message.lead.uuid(),
            i16::try_from(message.step).unwrap_or(i16::MAX),
            channel.as_str(),
            message.template,
            now,
            release_at,
            &left
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("plan a step by another channel"))?;
        Ok((added.rows_affected() == 1).then_some(id))
    }

    /// Its vendor threw it away unsent: it is planned again. Answers false if it did not fail, or was ended since.
    pub async fn plan_again(self, id: MessageId, now: DateTime<Utc>) -> Result<bool, Error> {
        let done = sqlx::query!(
            "update messages m
             set state = 'planned', due_at = $3, release_at = $3, counted_from = $3, provider_id = null, sent_at = null,
                 finished_at = null
             where m.tenant_id = $1 and m.id = $2 and m.state = 'failed'
               and exists (select from leads l where l.tenant_id = $1 and l.id = m.lead_id and l.stopped_at is null)",
            self.0.tenant.uuid(),
            id.uuid(),
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("plan a message again"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Brings what is left of a lead's follow-up to another cadence. What has been taken in hand meanwhile stays as it is.
    pub async fn replan(self, lead: LeadId, replan: &Replan, now: DateTime<Utc>) -> Result<(), Error> {
        let tenant = self.0.tenant.uuid();
        let words =
            |touch: &PlannedTouch| touch.fallbacks.iter().map(|other| other.as_str()).collect::<Vec<_>>().join(",");
        for (id, touch) in &replan.moved {
            sqlx::query!(
                "update messages
                 set due_at = $3, reason = null, moves = null, counted_from = $5,
                     release_at = case when held_by is not null then release_at else $3 end,
                     fallbacks = coalesce(string_to_array(nullif($4, ''), ','), '{}')
                 where tenant_id = $1 and id = $2 and state = 'planned'",
                tenant,
                id.uuid(),
                touch.due_at,
                words(touch),
                now
            )
            .execute(&mut *self.0.inner)
            .await
            .map_err(Error::doing("move a touch"))?;
        }
        for id in &replan.dropped {
            sqlx::query!(
                "update messages set state = 'cancelled', reason = 'cadence_changed', finished_at = $3
                 where tenant_id = $1 and id = $2 and state = 'planned'",
                tenant,
                id.uuid(),
                now
            )
            .execute(&mut *self.0.inner)
            .await
            .map_err(Error::doing("drop a touch"))?;
        }
        for touch in &replan.added {
            sqlx::query!(
                "insert into messages (tenant_id, id, lead_id, step, channel, template, state, due_at, release_at, fallbacks,
                                       counted_from)
                 values ($1, $2, $3, $4, $5, $6, 'planned', $7, $7, coalesce(string_to_array(nullif($8, ''), ','), '{}'), $9)
                 on conflict do nothing",
                tenant,
                MessageId::of_step(lead, touch.step).uuid(),
                lead.uuid(),
                i16::try_from(touch.step).unwrap_or(i16::MAX),
                touch.channel.as_str(),
                touch.template,
                touch.due_at,
                words(touch),
                now
            )
            .execute(&mut *self.0.inner)
            .await
            .map_err(Error::doing("add touches"))?;
        }
        Ok(())
    }
}
