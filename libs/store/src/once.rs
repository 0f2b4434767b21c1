//! Work of one tenant that is one statement, and with it a transaction: one round trip instead of three. What every lead
//! and every message does is here; everything else is a [`Transaction`](crate::Transaction).

use chrono::{DateTime, Utc};
use domain::{
    AttemptId, Channel, E164, Email, LeadId, MessageId, MessageState, NoContact, SlaTimes, StopReason, TenantId,
};
use sqlx::PgConnection;

use crate::{ChosenCadence, Error, LeadToPlan, NewLead, NewTouch, Saved, Store, lead_to_plan};

#[derive(Debug)]
pub struct Once<'s> {
    pub(crate) store: &'s Store,
    pub(crate) tenant: TenantId,
}

/// What a vendor says about a message, as it is kept.
#[derive(Debug, Clone)]
pub struct NewReceipt<'a> {
    pub source: &'a str,
    /// What makes this receipt itself; a repeat has the same.
    pub key: &'a str,
    pub channel: Channel,
    pub provider_id: &'a str,
    pub attempt: Option<AttemptId>,
    /// `accepted`, `delivered`, `failed` or `opted_out`.
    pub kind: &'a str,
    pub code: Option<&'a str>,
    pub received_at: DateTime<Utc>,
}

/// What a receipt is about, and what it did.
#[derive(Debug, Clone)]
pub struct Reported {
    pub message: MessageId,
    pub lead: LeadId,
    /// The address that was written to, which may no longer be the lead's.
    pub recipient: String,
    /// The message's state before.
    pub state: MessageState,
    /// It was this receipt that proved the message sent.
    pub is_sent: bool,
    /// It was this receipt that brought the message to its last state.
    pub is_finished: bool,
}

impl Once<'_> {
    /// Records that an order is a lead, and adds it or brings what we know about it up to the order's version, and who
    /// asked up to the customer's. Its status is not touched.
    pub async fn save_lead(self, lead: &NewLead, now: DateTime<Utc>) -> Result<Saved, Error> {
        let contact = &lead.contact;
        let mut loan = self.store.lend().await?;
        let saved = sqlx::query_scalar!(
            r#"select save_lead($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28)
                   as "saved!""#,
            self.tenant.uuid(),
            lead.id.uuid(),
            lead.location.uuid(),
            lead.crm,
            lead.crm_order_id,
            lead.crm_version,
            contact.nobody.map(NoContact::as_str),
            contact.first_name,
            contact.last_name,
            contact.phone.as_ref().map(E164::as_str),
            contact.texts_allowed,
            contact.email.as_ref().map(Email::as_str),
            lead.vehicle,
            lead.service,
            lead.total_cents,
            lead.created_at,
            lead.crm_customer_id,
            contact.version,
            now,
            lead.told_by.as_str(),
            lead.silent_because.map(StopReason::as_str),
            &lead.services,
            lead.time_zone.0.name(),
            lead.time_zone.1.as_str(),
            lead.heat.0.as_str(),
            &lead.heat.1,
            i32::from(lead.duplicates.within_days),
            lead.duplicates.owner.as_str()
        )
        .fetch_one(&mut *loan)
        .await
        .map_err(Error::doing("save a lead"))?;
        if let Some(language) = lead.language {
            sqlx::query!(
                "select note_language($1, $2, $3, $4)",
                self.tenant.uuid(),
                lead.id.uuid(),
                language.as_str(),
                now
            )
            .execute(&mut *loan)
            .await
            .map_err(Error::doing("note a lead's language"))?;
        }
        loan.done();
        match saved.as_str() {
            "added" => Ok(Saved::Added),
            "merged" => Ok(Saved::Merged),
            "updated" => Ok(Saved::Updated),
            "unchanged" => Ok(Saved::Unchanged),
            "outdated" => Ok(Saved::Outdated),
            other => Err(Error::corrupt("answer of save_lead", other)),
        }
    }

    /// A lead with what its plan follows from.
    pub async fn lookup_lead_to_plan(self, id: LeadId) -> Result<Option<LeadToPlan>, Error> {
        let mut loan = self.store.lend().await?;
        let found = lead_to_plan::find(&mut loan, self.tenant, id).await?;
        loan.done();
        Ok(found)
    }

    /// Plans a lead's touches, starts its clock, and notes that they are planned and when a lead that never answers is given up.
    /// Answers false, and plans nothing, if somebody else planned them or ended the follow-up since the lead was looked at.
    pub async fn plan_touches(
        self,
        lead: LeadId,
        touches: &[NewTouch],
        gives_up_at: DateTime<Utc>,
        sla: Option<(DateTime<Utc>, SlaTimes)>,
        chosen: &ChosenCadence,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let ids: Vec<_> = touches.iter().map(|touch| touch.id.uuid()).collect();
        let steps: Vec<_> = touches.iter().map(|new| i16::try_from(new.touch.step).unwrap_or(i16::MAX)).collect();
        let channels: Vec<_> = touches.iter().map(|new| new.touch.channel.as_str().to_owned()).collect();
        let templates: Vec<_> = touches.iter().map(|new| new.touch.template.clone()).collect();
        let due: Vec<_> = touches.iter().map(|new| new.touch.due_at).collect();
        let release: Vec<_> = touches.iter().map(|new| new.release_at).collect();
        let others =
            |new: &NewTouch| new.touch.fallbacks.iter().map(|other| other.as_str()).collect::<Vec<_>>().join(",");
        let others: Vec<_> = touches.iter().map(others).collect();
        let mut loan = self.store.lend().await?;
        let planned = sqlx::query_scalar!(
            r#"select plan_touches($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) as "planned!""#,
            self.tenant.uuid(),
            lead.uuid(),
            &ids,
            &steps,
            &channels,
            &templates,
            &due,
            &release,
            &others,
            gives_up_at,
            now,
            sla.map(|(asked_at, _)| asked_at),
            sla.map(|(_, times)| times.warn_at),
            sla.map(|(_, times)| times.due_at),
            chosen.name,
            chosen.experiment.as_ref().map(|(experiment, _)| experiment),
            chosen.experiment.as_ref().map(|(_, arm)| arm)
        )
        .fetch_one(&mut *loan)
        .await
        .map_err(Error::doing("plan touches"))?;
        loan.done();
        Ok(planned > 0)
    }

    /// Starts the clock of a lead that nobody can write to: a person has to find out how. A repeat finds it running.
    pub async fn start_sla(self, lead: LeadId, asked_at: DateTime<Utc>, times: SlaTimes) -> Result<(), Error> {
        let mut loan = self.store.lend().await?;
        sqlx::query_scalar!(
            r#"select start_sla($1, $2, $3, $4, $5) as "started!""#,
            self.tenant.uuid(),
            lead.uuid(),
            asked_at,
            times.warn_at,
            times.due_at
        )
        .fetch_one(&mut *loan)
        .await
        .map_err(Error::doing("start a clock"))?;
        loan.done();
        Ok(())
    }

    /// The vendor has the message: settles the attempt, moves the message to sent and a new lead to contacted. Answers whether
    /// the message moved; it has not when a receipt was faster than the answer.
    pub async fn accept(
        self,
        id: AttemptId,
        message: MessageId,
        provider_id: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let mut loan = self.store.lend().await?;
        let moved = accept(&mut loan, self.tenant, id, message, provider_id, now).await?;
        loan.done();
        Ok(moved)
    }

    /// Keeps a receipt, once, and moves its message as far as it goes. `None`: a message that is not ours.
    pub async fn take_receipt(self, receipt: &NewReceipt<'_>) -> Result<Option<Reported>, Error> {
        let mut loan = self.store.lend().await?;
        let found = take_receipt(&mut loan, self.tenant, receipt).await?;
        loan.done();
        Ok(found)
    }
}

pub(crate) async fn take_receipt(
    connection: &mut PgConnection,
    tenant: TenantId,
    receipt: &NewReceipt<'_>,
) -> Result<Option<Reported>, Error> {
    let row = sqlx::query!(
        r#"select message as "message!", lead as "lead!", address as "address!", state_before as "state_before!",
                      is_sent as "is_sent!", is_finished as "is_finished!"
               from take_receipt($1, $2, $3, $4, $5, $6, $7, $8, $9)"#,
        tenant.uuid(),
        receipt.source,
        receipt.key,
        receipt.channel.as_str(),
        receipt.provider_id,
        receipt.attempt.map(AttemptId::uuid),
        receipt.kind,
        receipt.code,
        receipt.received_at
    )
    .fetch_optional(connection)
    .await
    .map_err(Error::doing("keep a receipt"))?;
    row.map(|row| {
        Ok(Reported {
            message: MessageId::new(row.message),
            lead: LeadId::new(row.lead),
            recipient: row.address,
            state: row.state_before.parse().map_err(|error| Error::corrupt("message state", error))?,
            is_sent: row.is_sent,
            is_finished: row.is_finished,
        })
    })
    .transpose()
}

pub(crate) async fn accept(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: AttemptId,
    message: MessageId,
    provider_id: &str,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    sqlx::query_scalar!(
        r#"select accept_attempt($1, $2, $3, $4, $5) as "moved!""#,
        tenant.uuid(),
        id.uuid(),
        message.uuid(),
        provider_id,
        now
    )
    .fetch_one(connection)
    .await
    .map_err(Error::doing("record that a vendor has a message"))
}
