//! How soon a person answers: each lead's clock, and what it has come to.

use chrono::{DateTime, Utc};
use domain::{LeadId, ShopCalendar, SlaClock, SlaStep, SlaTimes};
use serde::Serialize;

use crate::{
    Error, Recipient, TenantSettings, Transaction,
    leads::{email, phone},
    locations::calendar,
};

/// A clock in hand, with what its next step follows from.
#[derive(Debug, Clone)]
pub struct LeadClock {
    pub clock: SlaClock,
    /// Its lead has ended in another way, such as being one with another.
    pub is_over: bool,
    pub heat: Option<String>,
    pub recipient: Recipient,
    pub shop: ShopCalendar,
    pub shop_name: String,
    pub crm_location_id: String,
    pub settings: TenantSettings,
}

/// A clock as an operator reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlaLine {
    pub started_at: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
    pub breached_at: Option<DateTime<Utc>>,
    pub acknowledged_at: Option<DateTime<Utc>>,
    pub acknowledged_by: Option<String>,
    pub first_response_at: Option<DateTime<Utc>>,
    pub responded_by: Option<String>,
    /// Why it ended without an answer, such as `opted_out`.
    pub ended_because: Option<String>,
}

#[derive(Debug)]
pub struct Slas<'t>(pub(crate) &'t mut Transaction);

impl Slas<'_> {
    /// Reads a clock that still runs, and keeps everybody else from it until this transaction ends.
    pub async fn lock(self, lead: LeadId) -> Result<Option<LeadClock>, Error> {
        let tenant = self.0.tenant;
        let row = sqlx::query!(
            r#"select c.warn_at, c.due_at, c.warned_at, c.breached_at, c.level, c.told_at, c.acknowledged_at,
                      l.heat, l.stopped_at is not null and l.stop_reason <> 'replied' as "is_over!", l.first_name, l.phone, l.texts_allowed as "texts_allowed!", l.email, l.vehicle as "vehicle!",
                      l.service as "service!", l.total_cents as "total_cents!", s.name as shop_name, s.crm_location_id,
                      s.time_zone, s.opening, s.closed_on, t.settings
               from sla_clocks c
               cross join lateral (
                   select * from leads where tenant_id = c.tenant_id and id = c.lead_id limit 1
               ) l
               join locations s on s.tenant_id = c.tenant_id and s.id = l.location_id
               join tenants t on t.id = c.tenant_id
               where c.tenant_id = $1 and c.lead_id = $2 and c.look_at is not null
               for update of c"#,
            tenant.uuid(),
            lead.uuid()
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("lock a clock"))?;
        row.map(|row| {
            Ok(LeadClock {
                clock: SlaClock {
                    times: SlaTimes { warn_at: row.warn_at, due_at: row.due_at },
                    warned_at: row.warned_at,
                    breached_at: row.breached_at,
                    level: u8::try_from(row.level).unwrap_or_default(),
                    told_at: row.told_at,
                    acknowledged_at: row.acknowledged_at,
                },
                is_over: row.is_over,
                heat: row.heat,
                recipient: Recipient {
                    first_name: row.first_name,
                    phone: phone(row.phone.as_deref())?,
                    texts_allowed: row.texts_allowed,
                    email: email(row.email.as_deref())?,
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

    /// Writes down what was done for a clock, and when somebody looks at it next.
    pub async fn take_step(
        self,
        lead: LeadId,
        step: Option<SlaStep>,
        look_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        sqlx::query!(
            "update sla_clocks
             set look_at = $3, told_at = case when $4::text is null then told_at else $5 end,
                 warned_at = case when $4 = 'sla_warning' then $5 else warned_at end,
                 breached_at = case when $4 = 'sla_breach' then $5 else breached_at end,
                 level = greatest(level, $6)
             where tenant_id = $1 and lead_id = $2",
            self.0.tenant.uuid(),
            lead.uuid(),
            look_at,
            step.map(SlaStep::as_str),
            now,
            i16::from(step.map_or(0, SlaStep::level))
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("write down a clock's step"))
    }

    /// Somebody has taken it: nobody further is told. Answers false if somebody had.
    pub async fn acknowledge(self, lead: LeadId, by: &str, now: DateTime<Utc>) -> Result<bool, Error> {
        let done = sqlx::query!(
            "update sla_clocks
             set acknowledged_at = $4, acknowledged_by = $3,
                 -- The deadline itself stays: taking it is not answering.
                 look_at = case when breached_at is null and look_at is not null then due_at end
             where tenant_id = $1 and lead_id = $2 and acknowledged_at is null",
            self.0.tenant.uuid(),
            lead.uuid(),
            by,
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("acknowledge a clock"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Who it was that answered.
    pub async fn set_responder(self, lead: LeadId, by: &str) -> Result<(), Error> {
        sqlx::query!(
            "update sla_clocks set responded_by = $3
             where tenant_id = $1 and lead_id = $2 and responded_by in ('called', 'taken_over')",
            self.0.tenant.uuid(),
            lead.uuid(),
            by
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("write down who answered"))
    }

    /// A lead's clock. `None`: it has none.
    pub async fn find(self, lead: LeadId) -> Result<Option<SlaLine>, Error> {
        sqlx::query_as!(
            SlaLine,
            "select started_at, due_at, breached_at, acknowledged_at, acknowledged_by, first_response_at, responded_by,
                    ended_because
             from sla_clocks where tenant_id = $1 and lead_id = $2",
            self.0.tenant.uuid(),
            lead.uuid()
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("read a clock"))
    }
}
