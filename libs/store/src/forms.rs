//! Website forms: keys, and what came.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{E164, Email, FormSchema, LeadId, LocationId, TenantId};
use serde::Serialize;

use crate::{Error, Transaction};

/// What a key opens.
#[derive(Debug, Clone)]
pub struct FormKey {
    pub tenant: TenantId,
    pub name: String,
    pub location: Option<LocationId>,
    /// `None`: the tenant's publishable key, for the forms that are described already.
    pub schema: Option<FormSchema>,
    /// Empty: any.
    pub origins: Vec<String>,
    /// The tenant's shops, by the CRM's ids of them.
    pub shops: HashMap<String, LocationId>,
}

#[derive(Debug, Clone)]
pub struct NewFormKey {
    pub key: String,
    pub name: String,
    pub location: Option<LocationId>,
    pub schema: Option<FormSchema>,
    pub origins: Vec<String>,
}

/// What somebody filled in.
#[derive(Debug, Clone)]
pub struct NewSubmission<'a> {
    pub id: &'a str,
    pub form: &'a str,
    pub lead: LeadId,
    pub asked_at: DateTime<Utc>,
    /// Who is to be answered.
    pub phone: Option<&'a E164>,
    pub email: Option<&'a Email>,
    pub answers: serde_json::Value,
    /// What they agreed to, and when.
    pub consent: Option<(&'a str, DateTime<Utc>)>,
    pub metadata: serde_json::Value,
}

/// A key as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FormKeyLine {
    pub key: String,
    pub name: String,
    /// `None`: the page says which.
    pub shop: Option<String>,
    pub origins: Vec<String>,
    /// Whether it describes fields of its own.
    pub has_schema: bool,
    /// `None`: it opens the form.
    pub revoked_at: Option<DateTime<Utc>>,
}

#[derive(Debug)]
pub struct Forms<'t>(pub(crate) &'t mut Transaction);

impl Forms<'_> {
    /// Adds a key, or gives it a new meaning.
    /// Every key, by its form's name.
    pub async fn list_keys(self) -> Result<Vec<FormKeyLine>, Error> {
        sqlx::query_as!(
            FormKeyLine,
            r#"select k.key, k.name, s.name as "shop?", k.origins, k.schema is not null as "has_schema!",
                      k.revoked_at
               from form_keys k left join locations s on s.tenant_id = k.tenant_id and s.id = k.location_id
               where k.tenant_id = $1 order by k.name, k.key"#,
            self.0.tenant.uuid()
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list the keys of forms"))
    }

    /// Answers false if there is none that opens anything.
    pub async fn revoke_key(self, key: &str, now: DateTime<Utc>) -> Result<bool, Error> {
        sqlx::query!(
            "update form_keys set revoked_at = $3 where tenant_id = $1 and key = $2 and revoked_at is null",
            self.0.tenant.uuid(),
            key,
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(Error::doing("take a form's key back"))
    }

    pub async fn save_key(self, key: &NewFormKey) -> Result<(), Error> {
        let schema = key.schema.as_ref().map(serde_json::to_value).transpose();
        let schema = schema.map_err(|error| Error::corrupt("form", error))?;
        sqlx::query!(
            "insert into form_keys (tenant_id, key, name, location_id, schema, origins) values ($1, $2, $3, $4, $5, $6)
             on conflict (tenant_id, key) do update
             set name = excluded.name, location_id = excluded.location_id, schema = excluded.schema,
                 origins = excluded.origins",
            self.0.tenant.uuid(),
            key.key,
            key.name,
            key.location.map(LocationId::uuid),
            schema,
            &key.origins
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("save a form's key"))
    }

    /// Keeps what came, and answers how many submissions with this number, or with this address, came since then before it. A
    /// repeat hears the same again. Until the transaction ends nobody else is counted beside it.
    pub async fn add_submission(self, submission: &NewSubmission<'_>, since: DateTime<Utc>) -> Result<i32, Error> {
        let (phone, email) = (submission.phone.map(E164::as_str), submission.email.map(Email::folded));
        // Numbers before addresses, so that no two wait for each other.
        for recipient in [phone, email.as_deref()].into_iter().flatten() {
            let line = format!("{}:{recipient}", self.0.tenant);
            sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1, 1))", line)
                .execute(&mut *self.0.inner)
                .await
                .map_err(Error::doing("wait for a form's recipient"))?;
        }
        sqlx::query_scalar!(
            r#"insert into form_submissions as f
                 (tenant_id, id, form, lead_id, asked_at, answers, consent_words, consented_at, metadata, phone, email, before)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, greatest(
                   (select count(*) from form_submissions where tenant_id = $1 and phone = $10 and asked_at >= $12),
                   (select count(*) from form_submissions where tenant_id = $1 and email = $11 and asked_at >= $12)))
               on conflict (tenant_id, id) do update set before = f.before
               returning before"#,
            self.0.tenant.uuid(),
            submission.id,
            submission.form,
            submission.lead.uuid(),
            submission.asked_at,
            submission.answers,
            submission.consent.map(|(words, _)| words),
            submission.consent.map(|(_, given_at)| given_at),
            submission.metadata,
            phone,
            email,
            since
        )
        .fetch_one(&mut *self.0.inner)
        .await
        .map_err(Error::doing("keep what a form brought"))
    }
}
