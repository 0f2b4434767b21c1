//! What of all tenants is watched for a person: clocks, tasks, and what the staff is to be told.

use chrono::{DateTime, Utc};
use domain::{AlertId, CadenceChangeId, LeadId, TaskId, TenantId};

use crate::{Error, Everywhere};

impl Everywhere<'_> {
    /// Takes up to `batch` clocks whose next step is due; they come up again at `again_at` unless somebody moves them on.
    pub async fn take_sla_clocks(
        &self,
        now: DateTime<Utc>,
        again_at: DateTime<Utc>,
        batch: u16,
    ) -> Result<Vec<(TenantId, LeadId)>, Error> {
        let rows = sqlx::query!(
            r#"select tenant_id as "tenant_id!", lead_id as "lead_id!" from take_sla_clocks($1, $2, $3)"#,
            now,
            again_at,
            i32::from(batch)
        )
        .fetch_all(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("take clocks"))?;
        Ok(rows.into_iter().map(|row| (TenantId::new(row.tenant_id), LeadId::new(row.lead_id))).collect())
    }

    /// The next leads that a changed cadence has not come to, each with the change.
    pub async fn leads_to_change(
        &self,
        now: DateTime<Utc>,
        batch: u16,
    ) -> Result<Vec<(TenantId, CadenceChangeId, LeadId)>, Error> {
        let rows = sqlx::query!(
            r#"select tenant_id as "tenant_id!", change_id as "change_id!", lead_id as "lead_id!" from leads_to_change($1, $2)"#,
            now,
            i32::from(batch)
        )
        .fetch_all(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("find leads to change"))?;
        Ok(rows
            .into_iter()
            .map(|row| (TenantId::new(row.tenant_id), CadenceChangeId::new(row.change_id), LeadId::new(row.lead_id)))
            .collect())
    }

    /// Changes that have come to all of their leads.
    pub async fn changes_to_finish(&self) -> Result<Vec<(TenantId, CadenceChangeId)>, Error> {
        let rows =
            sqlx::query!(r#"select tenant_id as "tenant_id!", change_id as "change_id!" from changes_to_finish()"#)
                .fetch_all(&mut *self.0.lend().await?)
                .await
                .map_err(Error::doing("find changes to finish"))?;
        Ok(rows.into_iter().map(|row| (TenantId::new(row.tenant_id), CadenceChangeId::new(row.change_id))).collect())
    }

    /// The same for tasks whose time is over.
    pub async fn take_tasks(
        &self,
        now: DateTime<Utc>,
        again_at: DateTime<Utc>,
        batch: u16,
    ) -> Result<Vec<(TenantId, TaskId)>, Error> {
        let rows = sqlx::query!(
            r#"select tenant_id as "tenant_id!", id as "id!" from take_tasks($1, $2, $3)"#,
            now,
            again_at,
            i32::from(batch)
        )
        .fetch_all(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("take tasks"))?;
        Ok(rows.into_iter().map(|row| (TenantId::new(row.tenant_id), TaskId::new(row.id))).collect())
    }

    /// The same for alerts, each with how often it was tried.
    pub async fn take_alerts(
        &self,
        now: DateTime<Utc>,
        again_at: DateTime<Utc>,
        batch: u16,
    ) -> Result<Vec<(TenantId, AlertId, u32)>, Error> {
        let rows = sqlx::query!(
            r#"select tenant_id as "tenant_id!", id as "id!", attempts as "attempts!" from take_alerts($1, $2, $3)"#,
            now,
            again_at,
            i32::from(batch)
        )
        .fetch_all(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("take alerts"))?;
        let attempts = |count: i32| u32::try_from(count).unwrap_or_default();
        Ok(rows
            .into_iter()
            .map(|row| (TenantId::new(row.tenant_id), AlertId::new(row.id), attempts(row.attempts)))
            .collect())
    }
}
