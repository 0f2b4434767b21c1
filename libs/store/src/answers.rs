//! Messages beside a lead's follow-up: they answer what somebody did a moment ago.

use chrono::{DateTime, Utc};
use domain::{AppointmentId, Channel, E164, LeadId, MessageId, OPT_OUT_CONFIRMATION};

use crate::{Error, Messages};

impl Messages<'_> {
    /// Plans the one message that confirms an opt-out, to the number and by the channel that it came from. Answers false if that is not the lead's, or if one
    /// was planned before.
    pub async fn plan_confirmation(
        self,
        lead: LeadId,
        channel: Channel,
        to: &E164,
        now: DateTime<Utc>,
        said_at: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let planned = sqlx::query!(
            "insert into messages (tenant_id, id, lead_id, step, channel, template, state, due_at, release_at, counted_from)
             select $1, $2, l.id, 0, $7, $4, 'planned', $5, $5, $8
             from (select id from leads where tenant_id = $1 and id = $3 and phone = $6 limit 1) l
             on conflict do nothing",
            self.0.tenant.uuid(),
            MessageId::of_confirmation(lead).uuid(),
            lead.uuid(),
            OPT_OUT_CONFIRMATION,
            now,
            to.as_str(),
            channel.as_str(),
            said_at
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("plan the confirmation of an opt-out"))?;
        Ok(planned.rows_affected() == 1)
    }

    /// Plans what tells somebody of their appointment, once by each channel by which they can be reached. Whoever does this has the lead's
    /// conversation locked: the steps of two would be one.
    pub async fn plan_answer(
        self,
        lead: LeadId,
        about: AppointmentId,
        template: &str,
        channels: &[Channel],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        for channel in channels {
            sqlx::query!(
                "insert into messages (tenant_id, id, lead_id, step, channel, template, state, due_at, release_at, counted_from, about)
                 select $1, $2, $3, least(0, before.step) - 1, $4, $5, 'planned', $6, $6, $6, $7
                 from (select min(m.step) as step from messages m where m.tenant_id = $1 and m.lead_id = $3) before
                 cross join lateral (select phone, email from leads where tenant_id = $1 and id = $3 limit 1) l
                 where case $4 when 'email' then l.email else l.phone end is not null
                 on conflict (id, tenant_id) do nothing",
                self.0.tenant.uuid(),
                MessageId::of_appointment(about, template, *channel).uuid(),
                lead.uuid(),
                channel.as_str(),
                template,
                now,
                about.uuid()
            )
            .execute(&mut *self.0.inner)
            .await
            .map_err(Error::doing("plan an answer"))?;
        }
        Ok(())
    }

    /// What has not left yet is not told any more of an appointment.
    pub async fn cancel_answers(self, lead: LeadId, about: AppointmentId, now: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!(
            "update messages set state = 'cancelled', reason = 'overtaken', finished_at = $4
             where tenant_id = $1 and lead_id = $2 and about = $3 and state = 'planned'",
            self.0.tenant.uuid(),
            lead.uuid(),
            about.uuid(),
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("cancel an answer"))
    }
}
