//! Leads that are one, and what an operator reads of a lead.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{E164, Email, LeadId, LocationId};
use serde::Serialize;

use crate::{Error, Recipient, Transaction};

/// Two leads that are one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Merge {
    /// Kept, and not followed up.
    pub lead: LeadId,
    /// Followed up in its place.
    pub into: LeadId,
    /// What they have in common, in words.
    pub because: String,
    pub merged_at: DateTime<Utc>,
    pub undone_at: Option<DateTime<Utc>>,
}

/// A lead as an operator reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeadDescription {
    pub id: LeadId,
    pub location: String,
    pub status: String,
    pub stop_reason: Option<String>,
    pub no_contact: Option<String>,
    pub crm: String,
    pub crm_order_id: String,
    pub vehicle: String,
    pub services: Vec<String>,
    pub total_cents: i64,
    pub created_at: DateTime<Utc>,
    /// `None`, as with what follows: it came before this was kept.
    pub time_zone: Option<String>,
    pub time_zone_source: Option<String>,
    pub heat: Option<String>,
    pub heat_reasons: Vec<String>,
    pub merged_into: Option<LeadId>,
    /// Those that are one with it.
    pub merged: Vec<LeadId>,
    /// What was filled in, of a website's form. Nobody's name, telephone or address.
    pub form: Option<FormDescription>,
}

/// Who is written to about a lead, and by which shop.
#[derive(Debug, Clone)]
pub struct LeadRecipient {
    pub location: LocationId,
    pub recipient: Recipient,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FormDescription {
    pub name: String,
    pub answers: BTreeMap<String, String>,
    /// What they agreed to who may be texted, and when.
    pub consent_words: Option<String>,
    pub consented_at: Option<DateTime<Utc>>,
    pub metadata: BTreeMap<String, String>,
}

#[derive(Debug)]
pub struct Merges<'t>(pub(crate) &'t mut Transaction);

impl Merges<'_> {
    /// Hands what is left of a lead's follow-up over to one of those that are one with it; `also_here`: of the same shop, too.
    /// Answers who goes on.
    pub async fn hand_on(self, id: LeadId, also_here: bool, now: DateTime<Utc>) -> Result<Option<LeadId>, Error> {
        sqlx::query_scalar!("select hand_on($1, $2, $3, $4)", self.0.tenant.uuid(), id.uuid(), now, also_here)
            .fetch_one(&mut *self.0.inner)
            .await
            .map(|heir| heir.map(LeadId::new))
            .map_err(Error::doing("hand a follow-up over"))
    }

    /// Takes a lead apart again from the one it was merged into: from now on it is followed up by itself. Answers its versions,
    /// for whoever has to say so; `None`: it is not merged.
    pub async fn unmerge(self, id: LeadId, now: DateTime<Utc>) -> Result<Option<(i64, i64)>, Error> {
        let row = sqlx::query!(
            r#"update leads set merged_into = null,
                   stopped_at = case when stop_reason = 'merged' then null else stopped_at end,
                   stop_reason = nullif(stop_reason, 'merged')
               where tenant_id = $1 and id = $2 and merged_into is not null
               returning crm_version, crm_customer_version"#,
            self.0.tenant.uuid(),
            id.uuid()
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("take leads apart"))?;
        sqlx::query!(
            "update merges set undone_at = $3 where tenant_id = $1 and lead_id = $2 and undone_at is null",
            self.0.tenant.uuid(),
            id.uuid(),
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("note that leads were taken apart"))?;
        // What was cancelled when another shop took over goes on where it would be now.
        sqlx::query!(
            "update messages set state = 'planned', reason = null, finished_at = null
             where tenant_id = $1 and lead_id = $2 and state = 'cancelled' and reason = 'merged' and due_at > $3",
            self.0.tenant.uuid(),
            id.uuid(),
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("take a follow-up up again"))?;
        Ok(row.map(|row| (row.crm_version, row.crm_customer_version)))
    }

    /// Whether it was taken apart and nobody has planned it since.
    pub async fn is_untold(self, id: LeadId) -> Result<bool, Error> {
        sqlx::query_scalar!(
            r#"select exists (
                   select from leads l
                   where l.tenant_id = $1 and l.id = $2 and l.merged_into is null and l.planned_at is null
                     and l.stopped_at is null
                     and exists (select from merges m where m.lead_id = $2 and m.tenant_id = $1)) as "is_untold!""#,
            self.0.tenant.uuid(),
            id.uuid()
        )
        .fetch_one(&mut *self.0.inner)
        .await
        .map_err(Error::doing("look whether a lead stands by itself"))
    }

    /// The latest merges, the newest first, also those that were undone.
    pub async fn list(self, most: u16) -> Result<Vec<Merge>, Error> {
        let rows = sqlx::query!(
            "select lead_id, into_lead_id, because, merged_at, undone_at from merges
             where tenant_id = $1 order by merged_at desc, lead_id limit $2",
            self.0.tenant.uuid(),
            i64::from(most)
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list merges"))?;
        Ok(rows
            .into_iter()
            .map(|row| Merge {
                lead: LeadId::new(row.lead_id),
                into: LeadId::new(row.into_lead_id),
                because: row.because,
                merged_at: row.merged_at,
                undone_at: row.undone_at,
            })
            .collect())
    }

    /// Everything that is known about a lead, for an operator. Nobody's telephone or address.
    pub async fn describe(self, id: LeadId) -> Result<Option<LeadDescription>, Error> {
        let row = sqlx::query!(
            r#"select l.status, l.stop_reason, l.no_contact, l.crm, l.crm_order_id, l.vehicle, l.services, l.total_cents,
                      l.created_at, l.time_zone, l.time_zone_source, l.heat, l.heat_reasons, l.merged_into,
                      s.name as location,
                      array(select m.id from leads m where m.tenant_id = l.tenant_id and m.merged_into = l.id) as "merged!"
               from leads l join locations s on s.tenant_id = l.tenant_id and s.id = l.location_id
               where l.tenant_id = $1 and l.id = $2"#,
            self.0.tenant.uuid(),
            id.uuid()
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("describe a lead"))?;
        let Some(row) = row else { return Ok(None) };
        let form = if row.crm == "form" { self.describe_form(&row.crm_order_id).await? } else { None };
        Ok(Some(LeadDescription {
            id,
            location: row.location,
            status: row.status,
            stop_reason: row.stop_reason,
            no_contact: row.no_contact,
            crm: row.crm,
            crm_order_id: row.crm_order_id,
            vehicle: row.vehicle,
            services: row.services,
            total_cents: row.total_cents,
            created_at: row.created_at,
            time_zone: row.time_zone,
            time_zone_source: row.time_zone_source,
            heat: row.heat,
            heat_reasons: row.heat_reasons,
            merged_into: row.merged_into.map(LeadId::new),
            merged: row.merged.into_iter().map(LeadId::new).collect(),
            form,
        }))
    }

    /// Who is written to, and about what.
    pub async fn find_recipient(self, id: LeadId) -> Result<Option<LeadRecipient>, Error> {
        let row = sqlx::query!(
            "select location_id, first_name, phone, texts_allowed, email, vehicle, service, total_cents
             from leads where tenant_id = $1 and id = $2",
            self.0.tenant.uuid(),
            id.uuid()
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("look up who is written to"))?;
        row.map(|row| {
            Ok(LeadRecipient {
                location: LocationId::new(row.location_id),
                recipient: Recipient {
                    first_name: row.first_name,
                    phone: row.phone.as_deref().map(E164::parse).transpose().map_err(|e| Error::corrupt("phone", e))?,
                    texts_allowed: row.texts_allowed,
                    email: row
                        .email
                        .as_deref()
                        .map(Email::parse)
                        .transpose()
                        .map_err(|e| Error::corrupt("email", e))?,
                    vehicle: row.vehicle,
                    service: row.service,
                    total_cents: row.total_cents,
                },
            })
        })
        .transpose()
    }

    async fn describe_form(self, submission: &str) -> Result<Option<FormDescription>, Error> {
        let row = sqlx::query!(
            r#"select form, answers - array['phone', 'email', 'name', 'first_name', 'last_name'] as "answers!", consent_words,
                      consented_at, metadata
               from form_submissions where tenant_id = $1 and id = $2"#,
            self.0.tenant.uuid(),
            submission
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("read what was filled in"))?;
        row.map(|row| {
            Ok(FormDescription {
                name: row.form,
                answers: serde_json::from_value(row.answers).map_err(|error| Error::corrupt("answers", error))?,
                consent_words: row.consent_words,
                consented_at: row.consented_at,
                metadata: serde_json::from_value(row.metadata).map_err(|error| Error::corrupt("metadata", error))?,
            })
        })
        .transpose()
    }
}
