//! What ends a lead's follow-up, with all that follows from it, in one transaction.

use chrono::{DateTime, Utc};
use domain::{LeadId, LeadStatus, StopReason};

use crate::{Error, Leads};

impl Leads<'_> {
    /// Ends the follow-up: cancels every touch that is still planned and moves the lead's status as far as it may go. What is about
    /// the customer ends it for the lead that this one is one with, too.
    pub async fn stop(self, id: LeadId, reason: StopReason, now: DateTime<Utc>) -> Result<(), Error> {
        let mut next = Some(id);
        // A chain of merges is short; that it goes round in a circle, nothing but this keeps from mattering.
        for _ in 0..10 {
            let Some(lead) = next.take() else { break };
            let merged_into = Leads(&mut *self.0).stop_one(lead, reason, now).await?;
            next = merged_into.filter(|_| reason.is_about_the_customer());
        }
        Ok(())
    }

    async fn stop_one(self, id: LeadId, reason: StopReason, now: DateTime<Utc>) -> Result<Option<LeadId>, Error> {
        let next = reason.status();
        let from: Vec<String> = LeadStatus::ALL
            .into_iter()
            .filter(|status| next.is_some_and(|next| status.may_become(next)))
            .map(|status| status.as_str().to_owned())
            .collect();
        // An end of its own counts for more than that it was one with another: whose order is gone takes nobody's place.
        let merged_into = sqlx::query_scalar!(
            "update leads
             set status = case when status = any($3) then coalesce($4, status) else status end,
                 stop_reason = coalesce(nullif(stop_reason, 'merged'), $5),
                 stopped_at = case when stop_reason is null or stop_reason = 'merged' then $6 else stopped_at end
             where tenant_id = $1 and id = $2
             returning merged_into",
            self.0.tenant.uuid(),
            id.uuid(),
            &from,
            next.map(LeadStatus::as_str),
            reason.as_str(),
            now
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("end a lead's follow-up"))?;
        sqlx::query!(
            "update messages set state = 'cancelled', reason = $3, finished_at = $4
             where tenant_id = $1 and lead_id = $2 and state = 'planned' and (about is null or $3 = 'opted_out')",
            self.0.tenant.uuid(),
            id.uuid(),
            reason.as_str(),
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("cancel a lead's touches"))?;
        if reason.ends_the_wait() {
            self.end_wait(id, reason, now).await?;
        }
        Ok(merged_into.flatten().map(LeadId::new))
    }

    /// Nobody waits for a person's answer any more: the clock ends, and with an answer so do the tasks.
    async fn end_wait(self, id: LeadId, reason: StopReason, now: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!(
            "with clock as (
                 update sla_clocks
                 set look_at = null,
                     first_response_at = case when $3 then coalesce(first_response_at, $5) else first_response_at end,
                     responded_by = case when $3 then coalesce(responded_by, $4) else responded_by end,
                     ended_because = coalesce(ended_because, $4)
                 where tenant_id = $1 and lead_id = $2
             )
             update tasks set completed_at = $5, completed_by = $4, look_at = null
             where tenant_id = $1 and lead_id = $2 and completed_at is null and $3",
            self.0.tenant.uuid(),
            id.uuid(),
            reason.is_an_answer(),
            reason.as_str(),
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("end a lead's wait"))
    }
}
