//! In which somebody is written to.

use chrono::{DateTime, Utc};
use domain::{Language, LeadId};

use crate::{Error, Leads};

impl Leads<'_> {
    /// Of the lead that is followed up in the end. Answers false if there is no such lead. `by`: who says so.
    pub async fn set_language(
        self,
        id: LeadId,
        language: Language,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        sqlx::query!(
            "with noted as (
                 update leads l set language = $3
                 where l.tenant_id = $1
                   and l.id = (select coalesce(o.merged_into, o.id) from leads o where o.tenant_id = $1 and o.id = $2 limit 1)
                 returning l.id
             )
             insert into lead_history (tenant_id, lead_id, at, who, what, detail)
             select $1, id, $5, $4, 'speaks', $3 from noted",
            self.0.tenant.uuid(),
            id.uuid(),
            language.as_str(),
            by,
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(Error::doing("set a lead's language"))
    }
}

/// A language as it is kept.
pub(crate) fn language(kept: Option<&str>) -> Result<Option<Language>, Error> {
    kept.map(str::parse).transpose().map_err(|error| Error::corrupt("language", error))
}
