//! What an operator reads of a lead.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Language, LeadId, LocationId};
use serde::Serialize;

use crate::{
    Error, Recipient, Transaction,
    languages::language,
    leads::{email, phone},
};

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
    /// In which they are written to. `None`: the tenant's own.
    pub language: Option<Language>,
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
pub struct Descriptions<'t>(pub(crate) &'t mut Transaction);

impl Descriptions<'_> {
    /// Everything that is known about a lead, for an operator. Nobody's telephone or address.
    pub async fn describe(self, id: LeadId) -> Result<Option<LeadDescription>, Error> {
        let row = sqlx::query!(
            r#"select l.status, l.stop_reason, l.no_contact, l.crm, l.crm_order_id, l.vehicle, l.services, l.total_cents,
                      l.created_at, l.language, l.time_zone, l.time_zone_source, l.heat, l.heat_reasons, l.merged_into,
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
            language: language(row.language.as_deref())?,
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
            "select location_id, first_name, phone, texts_allowed, email, vehicle, service, total_cents, language
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
                    phone: phone(row.phone.as_deref())?,
                    texts_allowed: row.texts_allowed,
                    email: email(row.email.as_deref())?,
                    vehicle: row.vehicle,
                    service: row.service,
                    total_cents: row.total_cents,
                    language: language(row.language.as_deref())?,
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
