//! Leads, and the judgements that made them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::{
    DuplicateRules, E164, Email, Heat, Language, LeadId, LeadStatus, LocationId, NoContact, NotALead, StopReason,
    ToldBy, ZoneSource,
};
use uuid::Uuid;

use crate::{Error, Transaction};

/// What enrich found out about an order that is a lead.
#[derive(Debug, Clone)]
pub struct NewLead {
    pub id: LeadId,
    pub location: LocationId,
    pub crm: &'static str,
    pub crm_order_id: String,
    pub crm_customer_id: Option<String>,
    pub crm_version: i64,
    pub contact: Contact,
    pub vehicle: String,
    pub service: String,
    pub total_cents: i64,
    pub created_at: DateTime<Utc>,
    /// Kept of the first time we heard of it.
    pub told_by: ToldBy,
    /// Why nobody is written to, if this adds the lead.
    pub silent_because: Option<StopReason>,
    /// Everything asked for.
    pub services: Vec<String>,
    pub time_zone: (Tz, ZoneSource),
    pub heat: (Heat, Vec<String>),
    /// In which they are written to. `None`: the tenant's own.
    pub language: Option<Language>,
    /// Which other lead of theirs this one may be.
    pub duplicates: DuplicateRules,
}

/// What an order was judged at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub crm_version: i64,
    pub is_lead: bool,
    pub reasons: Vec<String>,
    /// How and when we first heard of it. `None`: before this was kept.
    pub told_by: Option<ToldBy>,
    pub first_judged_at: Option<DateTime<Utc>>,
    pub judged_at: DateTime<Utc>,
}

/// Where an order that is a lead has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadStanding {
    pub status: String,
    pub stop_reason: Option<String>,
    pub no_contact: Option<String>,
}

/// Who asked, and how they can be reached.
#[derive(Debug, Clone)]
pub struct Contact {
    /// The CRM's version of the customer this was read from. An older copy changes nothing.
    pub version: i64,
    pub nobody: Option<NoContact>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub phone: Option<E164>,
    pub texts_allowed: bool,
    pub email: Option<Email>,
}

/// What saving did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    Added,
    Updated,
    /// Added, and one with an older lead of theirs, which is followed up in its place.
    Merged,
    /// The store had this version of the order already.
    Unchanged,
    /// A newer version of the order is judged already; nothing was written.
    Outdated,
}

/// What is known before an order is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether the order is a lead already.
    pub is_lead: bool,
    /// Whether it is a lead whose follow-up has not ended.
    pub is_open: bool,
    /// Whether the order was judged before, as a lead or not.
    pub is_judged: bool,
    /// The shop that the CRM means, if it is one of the tenant's.
    pub location: Option<LocationId>,
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

pub(crate) struct LeadRow {
    pub(crate) location_id: Uuid,
    pub(crate) status: String,
    pub(crate) has_phone: bool,
    pub(crate) texts_allowed: bool,
    pub(crate) has_email: bool,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) planned_at: Option<DateTime<Utc>>,
    pub(crate) stop_reason: Option<String>,
}

impl LeadRow {
    pub(crate) fn parse(self, id: LeadId) -> Result<Lead, Error> {
        Ok(Lead {
            id,
            location: LocationId::new(self.location_id),
            status: self.status.parse().map_err(|error| Error::corrupt("lead status", error))?,
            has_phone: self.has_phone,
            texts_allowed: self.texts_allowed,
            has_email: self.has_email,
            created_at: self.created_at,
            planned_at: self.planned_at,
            stop_reason: self.stop_reason,
        })
    }
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
        told_by: ToldBy,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let reasons: Vec<String> = reasons.iter().map(|reason| reason.as_str().to_owned()).collect();
        sqlx::query!(
            "insert into judgements
                 (tenant_id, crm, order_id, crm_version, is_lead, reasons, judged_at, told_by, first_judged_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $7)
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
            now,
            told_by.as_str()
        )
        .execute(&mut *self.0.inner)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(Error::doing("record a judgement"))
    }

    /// What each of these orders was judged at, by its id.
    pub async fn list_judged(self, crm: &str, order_ids: &[String]) -> Result<HashMap<String, Judged>, Error> {
        let rows = sqlx::query!(
            r#"select j.order_id as "order_id!", j.crm_version as "crm_version!", j.is_lead as "is_lead!",
                      j.reasons as "reasons!", j.told_by, j.first_judged_at, j.judged_at as "judged_at!"
               from unnest($3::text[]) as wanted (id)
               cross join lateral (
                   select * from judgements where tenant_id = $1 and crm = $2 and order_id = wanted.id limit 1
               ) j"#,
            self.0.tenant.uuid(),
            crm,
            order_ids
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list judgements"))?;
        rows.into_iter()
            .map(|row| {
                let told_by = row.told_by.as_deref().map(str::parse).transpose();
                let judged = Judged {
                    crm_version: row.crm_version,
                    is_lead: row.is_lead,
                    reasons: row.reasons,
                    told_by: told_by.map_err(|error| Error::corrupt("way of being told", error))?,
                    first_judged_at: row.first_judged_at,
                    judged_at: row.judged_at,
                };
                Ok((row.order_id, judged))
            })
            .collect()
    }

    /// Where those of these orders that are leads have come to, by the order's id.
    pub async fn list_standings(self, crm: &str, order_ids: &[String]) -> Result<HashMap<String, LeadStanding>, Error> {
        let rows = sqlx::query!(
            r#"select wanted.id as "order_id!", l.status as "status!", l.stop_reason, l.no_contact
               from unnest($3::text[]) as wanted (id)
               cross join lateral (
                   select * from leads where tenant_id = $1 and crm = $2 and crm_order_id = wanted.id limit 1
               ) l"#,
            self.0.tenant.uuid(),
            crm,
            order_ids
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list where leads stand"))?;
        let standing = |row: (String, Option<String>, Option<String>)| LeadStanding {
            status: row.0,
            stop_reason: row.1,
            no_contact: row.2,
        };
        Ok(rows
            .into_iter()
            .map(|row| (row.order_id, standing((row.status, row.stop_reason, row.no_contact))))
            .collect())
    }

    /// Whether this order is known, as a lead or not, and which shop the CRM calls by this id.
    pub async fn standing(
        self,
        id: LeadId,
        crm: &str,
        order_id: &str,
        crm_location_id: Option<&str>,
    ) -> Result<Standing, Error> {
        let row = sqlx::query!(
            r#"select (select stopped_at is null from leads where tenant_id = $1 and id = $2) as is_open,
                      exists (select from judgements where tenant_id = $1 and crm = $4 and order_id = $5) as "is_judged!",
                      (select id from locations where tenant_id = $1 and crm_location_id = $3) as location"#,
            self.0.tenant.uuid(),
            id.uuid(),
            crm_location_id,
            crm,
            order_id
        )
        .fetch_one(&mut *self.0.inner)
        .await
        .map_err(Error::doing("look where an order stands"))?;
        Ok(Standing {
            is_lead: row.is_open.is_some(),
            is_open: row.is_open == Some(true),
            is_judged: row.is_judged,
            location: row.location.map(LocationId::new),
        })
    }

    pub async fn lookup(self, id: LeadId) -> Result<Option<Lead>, Error> {
        let row = sqlx::query_as!(
            LeadRow,
            r#"select location_id, status, phone is not null as "has_phone!", texts_allowed,
                      email is not null as "has_email!", created_at, planned_at, stop_reason
               from leads where tenant_id = $1 and id = $2"#,
            self.0.tenant.uuid(),
            id.uuid()
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("look up a lead"))?;
        row.map(|row| row.parse(id)).transpose()
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

    /// It is followed up by another cadence, and given up at the end of that. The arm of an experiment stays as it was planned.
    pub async fn set_cadence(
        self,
        id: LeadId,
        cadence: Option<&str>,
        gives_up_at: Option<DateTime<Utc>>,
    ) -> Result<(), Error> {
        sqlx::query!(
            "update leads set cadence = $3, gives_up_at = coalesce($4, gives_up_at) where tenant_id = $1 and id = $2",
            self.0.tenant.uuid(),
            id.uuid(),
            cadence,
            gives_up_at
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("note a lead's cadence"))
    }

    /// It may have to be given up, but not before `at`.
    pub async fn look_again_at(self, id: LeadId, at: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!(
            "update leads set gives_up_at = $3 where tenant_id = $1 and id = $2 and gives_up_at is not null",
            self.0.tenant.uuid(),
            id.uuid(),
            at
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("put off giving a lead up"))
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
    /// newest of all. Those among them that a text went to this number for: the shop may have put another in its place since.
    pub async fn find_by_phone(self, phone: &E164) -> Result<Vec<LeadId>, Error> {
        let rows = sqlx::query!(
            r#"select l.id as "id!", l.status in ('new', 'contacted', 'chat_active') as "is_open!"
               from (
                   select id from leads where tenant_id = $1 and phone = $2
                   union
                   select m.lead_id
                   from attempts a
                   cross join lateral (
                       select lead_id from messages where tenant_id = $1 and id = a.message_id limit 1
                   ) m
                   where a.tenant_id = $1 and a.recipient = $2 and a.channel <> 'email'
               ) written_to
               cross join lateral (
                   select id, status, created_at from leads where tenant_id = $1 and id = written_to.id limit 1
               ) l
               order by l.created_at desc, l.id"#,
            self.0.tenant.uuid(),
            phone.as_str()
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("find a lead by its phone"))?;
        let open: Vec<_> = rows.iter().filter(|row| row.is_open).map(|row| LeadId::new(row.id)).collect();
        Ok(if open.is_empty() { rows.first().map(|row| LeadId::new(row.id)).into_iter().collect() } else { open })
    }

    /// The leads of this customer of the CRM that are neither won nor lost, and when each was asked for. The ones that have
    /// booked are among them: whoever books a second time, or is told of it twice, is found again.
    pub async fn list_open_of_crm_customer(
        self,
        crm: &str,
        customer_id: &str,
    ) -> Result<Vec<(LeadId, DateTime<Utc>)>, Error> {
        let rows = sqlx::query!(
            "select id, created_at from leads
             where tenant_id = $1 and crm_customer_id = $2 and crm = $3 and status not in ('converted', 'lost')
             order by created_at, id",
            self.0.tenant.uuid(),
            customer_id,
            crm
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("find a CRM customer's leads"))?;
        Ok(rows.into_iter().map(|row| (LeadId::new(row.id), row.created_at)).collect())
    }

    /// Brings the leads that this customer of the CRM asked for, and that are neither won nor lost, up to a copy of the customer.
    /// A newer copy stays. Answers those that are still to be planned, each with its order's version, also if they were of this
    /// copy already: a repeat may have to say so again.
    pub async fn update_contact(
        self,
        crm: &str,
        customer_id: &str,
        contact: &Contact,
    ) -> Result<Vec<(LeadId, i64)>, Error> {
        let rows = sqlx::query!(
            "update leads
             set no_contact = $5, first_name = $6, last_name = $7, phone = $8, texts_allowed = $9, email = $10,
                 crm_customer_version = $4
             where tenant_id = $1 and crm_customer_id = $2 and crm = $3 and status not in ('converted', 'lost')
               and crm_customer_version <= $4
             returning id, crm_version, planned_at is null and stopped_at is null as \"is_to_plan!\"",
            self.0.tenant.uuid(),
            customer_id,
            crm,
            contact.version,
            contact.nobody.map(NoContact::as_str),
            contact.first_name,
            contact.last_name,
            contact.phone.as_ref().map(E164::as_str),
            contact.texts_allowed,
            contact.email.as_ref().map(Email::as_str)
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("bring a lead's contact up to date"))?;
        let to_plan = rows.into_iter().filter(|row| row.is_to_plan);
        Ok(to_plan.map(|row| (LeadId::new(row.id), row.crm_version)).collect())
    }

    /// Leads with this address, or whose messages went to it.
    pub async fn find_by_email(self, address: &Email) -> Result<Vec<LeadId>, Error> {
        let ids = sqlx::query_scalar!(
            r#"select id as "id!" from leads where tenant_id = $1 and email = $2
               union
               select id from leads where tenant_id = $1 and email = $3
               union
               select m.lead_id
               from attempts a
               cross join lateral (select lead_id from messages where tenant_id = $1 and id = a.message_id limit 1) m
               where a.tenant_id = $1 and a.recipient = $3 and a.channel = 'email'"#,
            self.0.tenant.uuid(),
            address.as_str(),
            address.folded()
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("find leads by an address"))?;
        Ok(ids.into_iter().map(LeadId::new).collect())
    }

    /// The email addresses of these leads.
    pub async fn list_emails(self, leads: &[LeadId]) -> Result<Vec<Email>, Error> {
        let ids: Vec<_> = leads.iter().map(|lead| lead.uuid()).collect();
        let emails = sqlx::query_scalar!(
            r#"select distinct l.email as "email!"
               from unnest($2::uuid[]) as wanted (id)
               cross join lateral (select email from leads where tenant_id = $1 and id = wanted.id limit 1) l
               where l.email is not null"#,
            self.0.tenant.uuid(),
            &ids
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list emails of leads"))?;
        emails.iter().map(|email| Email::parse(email).map_err(|error| Error::corrupt("email", error))).collect()
    }
}

/// A number as it is kept.
pub(crate) fn phone(kept: Option<&str>) -> Result<Option<E164>, Error> {
    kept.map(E164::parse).transpose().map_err(|error| Error::corrupt("phone", error))
}

/// An email address as it is kept.
pub(crate) fn email(kept: Option<&str>) -> Result<Option<Email>, Error> {
    kept.map(Email::parse).transpose().map_err(|error| Error::corrupt("email", error))
}
