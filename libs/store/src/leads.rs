//! Leads, and the judgements that made them.

use chrono::{DateTime, Utc};
use domain::{E164, Email, LeadId, LeadStatus, LocationId, NoContact, NotALead, StopReason};

use crate::{Error, Transaction};

/// What enrich found out about an order that is a lead.
#[derive(Debug, Clone)]
pub struct NewLead {
    pub id: LeadId,
    pub location: LocationId,
    pub crm: &'static str,
    pub crm_order_id: String,
    pub crm_version: i64,
    pub no_contact: Option<NoContact>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub phone: Option<E164>,
    pub texts_allowed: bool,
    pub email: Option<Email>,
    pub vehicle: String,
    pub service: String,
    pub total_cents: i64,
    pub created_at: DateTime<Utc>,
}

/// What saving did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    Added,
    Updated,
    /// The store already had this version of the order, or a newer one.
    AlreadyNewer,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead {
    pub id: LeadId,
    pub location: LocationId,
    pub status: LeadStatus,
    pub has_phone: bool,
    pub texts_allowed: bool,
    pub has_email: bool,
    pub created_at: DateTime<Utc>,
    pub planned_at: Option<DateTime<Utc>>,
    pub stop_reason: Option<String>,
}

#[derive(Debug)]
pub struct Leads<'t>(pub(crate) &'t mut Transaction);

impl Leads<'_> {
    /// Records what the rules said about an order. Answers false, and changes nothing, when a newer version of it has been
    /// judged already; the same version judged again (rules or locations have changed) takes the new word.
    pub async fn save_judgement(
        self,
        crm: &str,
        order_id: &str,
        crm_version: i64,
        reasons: &[NotALead],
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let reasons: Vec<String> = reasons.iter().map(|reason| reason.as_str().to_owned()).collect();
        sqlx::query!(
            "insert into judgements (tenant_id, crm, order_id, crm_version, is_lead, reasons, judged_at)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (tenant_id, crm, order_id) do update
             set crm_version = excluded.crm_version, is_lead = excluded.is_lead, reasons = excluded.reasons,
                 judged_at = excluded.judged_at
             where judgements.crm_version <= excluded.crm_version",
            self.0.tenant.uuid(),
            crm,
            order_id,
            crm_version,
            reasons.is_empty(),
            &reasons,
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(Error::doing("record a judgement"))
    }

    /// Adds a lead, or brings what we know about it up to the order's version. Its status is not touched.
    pub async fn save(self, lead: &NewLead, now: DateTime<Utc>) -> Result<Saved, Error> {
        let added = sqlx::query_scalar!(
            r#"insert into leads
                 (tenant_id, id, location_id, crm, crm_order_id, crm_version, status, no_contact, first_name, last_name,
                  phone, texts_allowed, email, vehicle, service, total_cents, created_at, first_seen_at)
               values ($1, $2, $3, $4, $5, $6, 'new', $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
               on conflict (tenant_id, crm, crm_order_id) do update
               set location_id = excluded.location_id, crm_version = excluded.crm_version,
                   no_contact = excluded.no_contact, first_name = excluded.first_name, last_name = excluded.last_name,
                   phone = excluded.phone, texts_allowed = excluded.texts_allowed, email = excluded.email,
                   vehicle = excluded.vehicle, service = excluded.service, total_cents = excluded.total_cents
               where leads.crm_version < excluded.crm_version
               returning xmax = 0 as "added!""#,
            self.0.tenant.uuid(),
            lead.id.uuid(),
            lead.location.uuid(),
            lead.crm,
            lead.crm_order_id,
            lead.crm_version,
            lead.no_contact.map(NoContact::as_str),
            lead.first_name,
            lead.last_name,
            lead.phone.as_ref().map(E164::as_str),
            lead.texts_allowed,
            lead.email.as_ref().map(Email::as_str),
            lead.vehicle,
            lead.service,
            lead.total_cents,
            lead.created_at,
            now
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("save a lead"))?;
        Ok(match added {
            Some(true) => Saved::Added,
            Some(false) => Saved::Updated,
            None => Saved::AlreadyNewer,
        })
    }

    pub async fn lookup(self, id: LeadId) -> Result<Option<Lead>, Error> {
        let row = sqlx::query!(
            r#"select location_id, status, phone is not null as "has_phone!", texts_allowed,
                      email is not null as "has_email!", created_at, planned_at, stop_reason
               from leads where tenant_id = $1 and id = $2"#,
            self.0.tenant.uuid(),
            id.uuid()
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("look up a lead"))?;
        row.map(|row| {
            Ok(Lead {
                id,
                location: LocationId::new(row.location_id),
                status: row.status.parse().map_err(|error| Error::corrupt("lead status", error))?,
                has_phone: row.has_phone,
                texts_allowed: row.texts_allowed,
                has_email: row.has_email,
                created_at: row.created_at,
                planned_at: row.planned_at,
                stop_reason: row.stop_reason,
            })
        })
        .transpose()
    }

    /// Keeps everybody else from deciding about this lead until the transaction ends.
    pub async fn lock(self, id: LeadId) -> Result<(), Error> {
        sqlx::query!(
            "select id from leads where tenant_id = $1 and id = $2 for update",
            self.0.tenant.uuid(),
            id.uuid()
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("lock a lead"))
    }

    /// The leads a text from this number can be about: the ones still followed up or talked to, newest first, or else the
    /// newest of all.
    pub async fn find_by_phone(self, phone: &E164) -> Result<Vec<LeadId>, Error> {
        let rows = sqlx::query!(
            "select id, status in ('new', 'contacted', 'chat_active') as \"is_open!\"
             from leads where tenant_id = $1 and phone = $2 order by created_at desc, id",
            self.0.tenant.uuid(),
            phone.as_str()
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("find a lead by its phone"))?;
        let open: Vec<_> = rows.iter().filter(|row| row.is_open).map(|row| LeadId::new(row.id)).collect();
        Ok(if open.is_empty() { rows.first().map(|row| LeadId::new(row.id)).into_iter().collect() } else { open })
    }

    /// The email addresses of these leads.
    pub async fn list_emails(self, leads: &[LeadId]) -> Result<Vec<Email>, Error> {
        let ids: Vec<_> = leads.iter().map(|lead| lead.uuid()).collect();
        let emails = sqlx::query_scalar!(
            r#"select distinct email as "email!" from leads where tenant_id = $1 and id = any($2) and email is not null"#,
            self.0.tenant.uuid(),
            &ids
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list emails of leads"))?;
        emails.iter().map(|email| Email::parse(email).map_err(|error| Error::corrupt("email", error))).collect()
    }

    /// Notes that the touches are planned and when a lead that never answers is given up.
    pub async fn set_planned(self, id: LeadId, gives_up_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!(
            "update leads set planned_at = $3, gives_up_at = $4 where tenant_id = $1 and id = $2",
            self.0.tenant.uuid(),
            id.uuid(),
            now,
            gives_up_at
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("mark a lead as planned"))
    }

    /// Ends the follow-up: cancels every touch that is still planned and moves the lead's status as far as it may go.
    /// Answers whether this call was what ended it.
    pub async fn stop(self, id: LeadId, reason: StopReason, now: DateTime<Utc>) -> Result<bool, Error> {
        let next = reason.status();
        let from: Vec<String> = LeadStatus::ALL
            .into_iter()
            .filter(|status| next.is_some_and(|next| status.may_become(next)))
            .map(|status| status.as_str().to_owned())
            .collect();
        let stopped = sqlx::query_scalar!(
            r#"update leads
               set status = case when status = any($3) then coalesce($4, status) else status end,
                   stop_reason = coalesce(stop_reason, $5), stopped_at = coalesce(stopped_at, $6)
               where tenant_id = $1 and id = $2
               returning stopped_at = $6 as "stopped!""#,
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
             where tenant_id = $1 and lead_id = $2 and state = 'planned'",
            self.0.tenant.uuid(),
            id.uuid(),
            reason.as_str(),
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("cancel a lead's touches"))?;
        Ok(stopped.unwrap_or(false))
    }

    /// How many of a lead's messages the pipeline still owes something.
    pub async fn count_open_messages(self, id: LeadId) -> Result<i64, Error> {
        sqlx::query_scalar!(
            r#"select count(*) as "open!" from messages
               where tenant_id = $1 and lead_id = $2 and state in ('planned', 'claimed', 'unknown')"#,
            self.0.tenant.uuid(),
            id.uuid()
        )
        .fetch_one(&mut *self.0.inner)
        .await
        .map_err(Error::doing("count a lead's open messages"))
    }

    /// Nobody needs to look again whether this lead answered.
    pub async fn set_settled(self, id: LeadId) -> Result<(), Error> {
        sqlx::query!(
            "update leads set gives_up_at = null where tenant_id = $1 and id = $2",
            self.0.tenant.uuid(),
            id.uuid()
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("settle a lead"))
    }
}
