//! What is left for a person to do about a lead.

use chrono::{DateTime, Utc};
use domain::{LeadId, ShopCalendar, TaskId};
use serde::Serialize;

use crate::{Error, Recipient, TenantSettings, Transaction, leads::phone, locations::calendar};

/// A task as whoever does it reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskLine {
    pub id: TaskId,
    pub lead: LeadId,
    pub title: String,
    pub due_at: DateTime<Utc>,
    pub assignee: Option<String>,
    pub created_by: String,
}

/// A task that is not done, with what is said of it.
#[derive(Debug, Clone)]
pub struct OverdueTask {
    pub lead: LeadId,
    pub title: String,
    pub assignee: Option<String>,
    pub recipient: Recipient,
    pub shop: ShopCalendar,
    pub shop_name: String,
    pub crm_location_id: String,
    pub settings: TenantSettings,
}

#[derive(Debug, Clone)]
pub struct NewTask<'a> {
    pub id: TaskId,
    pub lead: LeadId,
    pub title: &'a str,
    pub due_at: DateTime<Utc>,
    pub assignee: Option<&'a str>,
    pub created_by: &'a str,
}

#[derive(Debug)]
pub struct Tasks<'t>(pub(crate) &'t mut Transaction);

impl Tasks<'_> {
    /// Adds a task; one that is there stays as it is.
    pub async fn add(self, task: &NewTask<'_>, now: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!(
            "insert into tasks (tenant_id, id, lead_id, title, due_at, assignee, created_at, created_by, look_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $5) on conflict do nothing",
            self.0.tenant.uuid(),
            task.id.uuid(),
            task.lead.uuid(),
            task.title,
            task.due_at,
            task.assignee,
            now,
            task.created_by
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("add a task"))
    }

    /// Those that are not done, the most urgent first.
    pub async fn list_open(self, most: u16) -> Result<Vec<TaskLine>, Error> {
        let rows = sqlx::query!(
            "select id, lead_id, title, due_at, assignee, created_by from tasks
             where tenant_id = $1 and completed_at is null order by due_at limit $2",
            self.0.tenant.uuid(),
            i64::from(most)
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list tasks"))?;
        let line = rows.into_iter().map(|row| TaskLine {
            id: TaskId::new(row.id),
            lead: LeadId::new(row.lead_id),
            title: row.title,
            due_at: row.due_at,
            assignee: row.assignee,
            created_by: row.created_by,
        });
        Ok(line.collect())
    }

    /// It is done. Answers whose it was, and whether it was to answer what they wrote; `None`: there is no such task that is still to do.
    pub async fn complete(self, id: TaskId, by: &str, now: DateTime<Utc>) -> Result<Option<(LeadId, bool)>, Error> {
        let done = sqlx::query!(
            r#"update tasks set completed_at = $4, completed_by = $3, look_at = null
               where tenant_id = $1 and id = $2 and completed_at is null
               returning lead_id, created_by = 'reply' as "is_an_answer!""#,
            self.0.tenant.uuid(),
            id.uuid(),
            by,
            now
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("complete a task"))?;
        Ok(done.map(|row| (LeadId::new(row.lead_id), row.is_an_answer)))
    }

    /// Somebody takes it. Answers false if there is no such task that is still to do.
    pub async fn assign(self, id: TaskId, to: &str, now: DateTime<Utc>) -> Result<bool, Error> {
        let done = sqlx::query!(
            "with taken as (
                 update tasks set assignee = $3 where tenant_id = $1 and id = $2 and completed_at is null
                 returning lead_id, title
             )
             insert into lead_history (tenant_id, lead_id, at, who, what, detail)
             select $1, lead_id, $4, $3, 'task_taken', title from taken",
            self.0.tenant.uuid(),
            id.uuid(),
            to,
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("assign a task"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Reads a task that is not done though its time is over, and that nobody was told of; keeps everybody else from it until this
    /// transaction ends.
    pub async fn lock_overdue(self, id: TaskId, now: DateTime<Utc>) -> Result<Option<OverdueTask>, Error> {
        let tenant = self.0.tenant;
        let row = sqlx::query!(
            r#"select k.lead_id, k.title, k.assignee, l.first_name, l.phone, l.vehicle as "vehicle!", l.service as "service!",
                      l.total_cents as "total_cents!", s.name as shop_name, s.crm_location_id, s.time_zone, s.opening,
                      s.closed_on, t.settings
               from tasks k
               cross join lateral (
                   select * from leads where tenant_id = k.tenant_id and id = k.lead_id limit 1
               ) l
               join locations s on s.tenant_id = k.tenant_id and s.id = l.location_id
               join tenants t on t.id = k.tenant_id
               where k.tenant_id = $1 and k.id = $2 and k.look_at is not null and k.due_at <= $3
               for update of k"#,
            tenant.uuid(),
            id.uuid(),
            now
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("lock a task"))?;
        row.map(|row| {
            Ok(OverdueTask {
                lead: LeadId::new(row.lead_id),
                title: row.title,
                assignee: row.assignee,
                recipient: Recipient {
                    first_name: row.first_name,
                    phone: phone(row.phone.as_deref())?,
                    texts_allowed: true,
                    email: None,
                    vehicle: row.vehicle,
                    service: row.service,
                    total_cents: row.total_cents,
                    // The staff reads their own language.
                    language: None,
                },
                shop: calendar(&row.time_zone, row.opening, row.closed_on)?,
                shop_name: row.shop_name,
                crm_location_id: row.crm_location_id,
                settings: serde_json::from_value(row.settings).map_err(|error| Error::Settings(tenant, error))?,
            })
        })
        .transpose()
    }

    /// Nobody is there to be told before `at`.
    pub async fn look_again_at(self, id: TaskId, at: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!(
            "update tasks set look_at = $3 where tenant_id = $1 and id = $2 and look_at is not null",
            self.0.tenant.uuid(),
            id.uuid(),
            at
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("put a task off"))
    }

    /// The staff was told that it is not done.
    pub async fn set_told(self, id: TaskId) -> Result<(), Error> {
        sqlx::query!(
            "update tasks set look_at = null where tenant_id = $1 and id = $2",
            self.0.tenant.uuid(),
            id.uuid()
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("note that the staff was told"))
    }
}
