//! Leads that are one.

use chrono::{DateTime, Utc};
use domain::LeadId;
use serde::Serialize;

use crate::{Error, Transaction};

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
}
