//! Cadences as data: their versions, where each is used, and changes that go through live leads.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Cadence, Channel, LeadId, LocationId, MessageState, Pause, Replan, StandingTouch, Step, TouchState, after_pauses,
};
use serde::Serialize;
use uuid::Uuid;

use crate::{ChosenCadence, Error, LeadToPlan, Messages, Pauses, Transaction, lead_to_plan};

/// A version of a cadence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CadenceLine {
    pub name: String,
    pub version: i32,
    pub steps: usize,
    pub saved_at: DateTime<Utc>,
    pub saved_by: String,
}

/// For whom a cadence is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "scope", content = "of", rename_all = "snake_case")]
pub enum UseScope {
    Tenant,
    Region(String),
    Location(LocationId),
}

/// Where a cadence is used, since when, and what runs against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CadenceUse {
    #[serde(flatten)]
    pub scope: UseScope,
    pub cadence: String,
    pub version: i32,
    /// Nothing below it counts.
    pub is_locked: bool,
    pub rival: Option<Rival>,
}

/// A cadence that runs against another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rival {
    pub experiment: String,
    pub cadence: String,
    pub version: i32,
    /// Of a hundred leads.
    pub percent: u8,
}

/// What a changed cadence does to one lead.
#[derive(Debug, Clone)]
pub struct LeadReplan {
    pub replan: Replan,
    pub gives_up_at: Option<DateTime<Utc>>,
    pub chosen: ChosenCadence,
    /// Of what is moved or added, that no rule would ever let leave.
    pub never: usize,
}

#[derive(Debug)]
pub struct Cadences<'t>(pub(crate) &'t mut Transaction);

impl UseScope {
    pub(crate) fn columns(&self) -> (&'static str, String) {
        match self {
            Self::Tenant => ("tenant", String::new()),
            Self::Region(name) => ("region", name.clone()),
            Self::Location(location) => ("location", location.to_string()),
        }
    }
}

impl Cadences<'_> {
    /// Saves the next version of a cadence; answers which. The same steps again are the version that has them.
    pub async fn save(self, name: &str, steps: &Cadence, by: &str, now: DateTime<Utc>) -> Result<i32, Error> {
        let steps = serde_json::to_value(steps).map_err(|error| Error::corrupt("cadence", error))?;
        sqlx::query_scalar!(
            r#"with newest as (
                   select version, steps from cadences where tenant_id = $1 and name = $2 order by version desc limit 1
               ), saved as (
                   insert into cadences (tenant_id, name, version, steps, saved_at, saved_by)
                   select $1, $2, coalesce((select version from newest), 0) + 1, $3, $4, $5
                   where not exists (select from newest where steps = $3)
                   returning version
               )
               select coalesce((select version from saved), (select version from newest)) as "version!""#,
            self.0.tenant.uuid(),
            name,
            steps,
            now,
            by
        )
        .fetch_one(&mut *self.0.inner)
        .await
        .map_err(Error::doing("save a cadence"))
    }

    /// A cadence's steps. `version` `None`: its newest.
    pub async fn find(self, name: &str, version: Option<i32>) -> Result<Option<(i32, Cadence)>, Error> {
        let row = sqlx::query!(
            "select version, steps from cadences
             where tenant_id = $1 and name = $2 and ($3::integer is null or version = $3) order by version desc limit 1",
            self.0.tenant.uuid(),
            name,
            version
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("find a cadence"))?;
        row.map(|row| {
            Ok((row.version, serde_json::from_value(row.steps).map_err(|error| Error::set_up("cadence", error))?))
        })
        .transpose()
    }

    /// What counts at a shop, without what runs against it. `None`: what the tenant's settings say.
    pub async fn find_at(self, location: LocationId) -> Result<Option<Cadence>, Error> {
        let steps = sqlx::query_scalar!(
            "select c.steps
             from locations s
             join cadence_uses u on u.tenant_id = s.tenant_id
                 and (u.scope = 'tenant' or (u.scope = 'region' and u.of_name = s.region)
                      or (u.scope = 'location' and u.of_name = s.id::text))
             join cadences c on c.tenant_id = u.tenant_id and c.name = u.cadence and c.version = u.version
             where s.tenant_id = $1 and s.id = $2
             order by u.is_locked desc,
                      case u.scope when 'tenant' then 1 when 'region' then 2 else 3 end
                          * case when u.is_locked then 1 else -1 end
             limit 1",
            self.0.tenant.uuid(),
            location.uuid()
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("find the cadence of a shop"))?;
        steps.map(serde_json::from_value).transpose().map_err(|error| Error::set_up("cadence", error))
    }

    /// Every step that may be planned: of the cadences that are used, or run against one, and of the one in the settings.
    pub async fn list_steps_in_use(self, in_settings: &Cadence) -> Result<Vec<Step>, Error> {
        let rows = sqlx::query_scalar!(
            r#"select c.steps as "steps!"
               from cadence_uses u
               cross join lateral (
                   select steps from cadences where tenant_id = $1 and name = u.cadence and version = u.version limit 1
               ) c
               where u.tenant_id = $1
               union all
               select c.steps
               from cadence_uses u
               cross join lateral (
                   select steps from cadences where tenant_id = $1 and name = u.rival and version = u.rival_version limit 1
               ) c
               where u.tenant_id = $1"#,
            self.0.tenant.uuid()
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list the steps in use"))?;
        let mut steps = in_settings.steps().to_vec();
        for row in rows {
            let used: Cadence = serde_json::from_value(row).map_err(|error| Error::set_up("cadence", error))?;
            steps.extend_from_slice(used.steps());
        }
        Ok(steps)
    }

    /// Every version, by name and the newest first.
    pub async fn list(self) -> Result<Vec<CadenceLine>, Error> {
        let rows = sqlx::query!(
            r#"select name, version, jsonb_array_length(steps) as "steps!", saved_at, saved_by
               from cadences where tenant_id = $1 order by name, version desc"#,
            self.0.tenant.uuid()
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list cadences"))?;
        let line = rows.into_iter().map(|row| CadenceLine {
            name: row.name,
            version: row.version,
            steps: usize::try_from(row.steps).unwrap_or_default(),
            saved_at: row.saved_at,
            saved_by: row.saved_by,
        });
        Ok(line.collect())
    }

    /// Where cadences are used; the widest first.
    pub async fn list_uses(self) -> Result<Vec<CadenceUse>, Error> {
        let rows = sqlx::query!(
            "select scope, of_name, cadence, version, is_locked, experiment, rival, rival_version, rival_percent
             from cadence_uses where tenant_id = $1
             order by case scope when 'tenant' then 1 when 'region' then 2 else 3 end, of_name",
            self.0.tenant.uuid()
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list where cadences are used"))?;
        rows.into_iter()
            .map(|row| {
                let scope = match row.scope.as_str() {
                    "tenant" => UseScope::Tenant,
                    "region" => UseScope::Region(row.of_name),
                    _ => UseScope::Location(
                        row.of_name.parse().map_err(|error| Error::corrupt("location of a cadence", error))?,
                    ),
                };
                let rival = row.experiment.zip(row.rival).zip(row.rival_version).zip(row.rival_percent);
                let rival = rival.map(|(((experiment, cadence), version), percent)| Rival {
                    experiment,
                    cadence,
                    version,
                    percent: u8::try_from(percent).unwrap_or_default(),
                });
                Ok(CadenceUse { scope, cadence: row.cadence, version: row.version, is_locked: row.is_locked, rival })
            })
            .collect()
    }

    /// From now on it is used there.
    pub async fn set_use(self, wanted: &CadenceUse, by: &str, now: DateTime<Utc>) -> Result<(), Error> {
        let (scope, of_name) = wanted.scope.columns();
        let rival = wanted.rival.as_ref();
        sqlx::query!(
            "insert into cadence_uses (tenant_id, scope, of_name, cadence, version, is_locked, experiment, rival, rival_version,
                                       rival_percent, used_since, used_by)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             on conflict (tenant_id, scope, of_name) do update
             set cadence = excluded.cadence, version = excluded.version, is_locked = excluded.is_locked,
                 experiment = excluded.experiment, rival = excluded.rival, rival_version = excluded.rival_version,
                 rival_percent = excluded.rival_percent, used_since = excluded.used_since, used_by = excluded.used_by",
            self.0.tenant.uuid(),
            scope,
            of_name,
            wanted.cadence,
            wanted.version,
            wanted.is_locked,
            rival.map(|rival| &rival.experiment),
            rival.map(|rival| &rival.cadence),
            rival.map(|rival| rival.version),
            rival.map(|rival| i16::from(rival.percent)),
            now,
            by
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("have a cadence used"))
    }

    /// Nothing of its own is used there any more. Answers false if nothing was.
    pub async fn end_use(self, scope: &UseScope) -> Result<bool, Error> {
        let (scope, of_name) = scope.columns();
        sqlx::query_scalar!(r#"select end_cadence_use($1, $2) as "ended!""#, scope, of_name)
            .fetch_one(&mut *self.0.inner)
            .await
            .map_err(Error::doing("take the use of a cadence away"))
    }

    /// The leads that are being followed up there, after this one, in the order of their ids.
    pub async fn list_live(self, scope: &UseScope, after: Option<LeadId>, most: u16) -> Result<Vec<LeadId>, Error> {
        let (scope, of_name) = scope.columns();
        let ids = sqlx::query_scalar!(
            "select l.id from leads l
             join locations s on s.tenant_id = $1 and s.id = l.location_id
             where l.tenant_id = $1 and l.gives_up_at is not null and l.stopped_at is null and l.id > $4
               and ($2 = 'tenant' or ($2 = 'region' and s.region = $3) or ($2 = 'location' and s.id::text = $3))
             order by l.id limit $5",
            self.0.tenant.uuid(),
            scope,
            of_name,
            after.map_or(Uuid::nil(), LeadId::uuid),
            i64::from(most)
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list the leads that are live"))?;
        Ok(ids.into_iter().map(LeadId::new).collect())
    }

    /// What the cadence that counts for a lead, as this transaction sees it, does to its follow-up. `None`: it has ended, or was never
    /// planned.
    pub async fn find_replan(self, lead: LeadId, now: DateTime<Utc>) -> Result<Option<LeadReplan>, Error> {
        let tenant = self.0.tenant;
        let found = lead_to_plan::find(&mut self.0.inner, tenant, lead).await?;
        let live = |found: &LeadToPlan| found.lead.stop_reason.is_none() && found.lead.planned_at.is_some();
        let Some(found) = found.filter(live) else { return Ok(None) };
        let planned_at = found.lead.planned_at.unwrap_or(now);
        let mut pauses: HashMap<Channel, Vec<Pause>> = HashMap::new();
        for channel in Channel::ALL {
            let list = Pauses(&mut *self.0).list_of_lead(lead, channel).await?;
            // One that lasts counts up to now; the rest of it counts from now on.
            let until_now = |pause: Pause| Pause { until: pause.until.or(Some(now)), ..pause };
            pauses.insert(channel, list.into_iter().map(until_now).collect());
        }
        let leaves_at = |from, due, channel| after_pauses(from, due, &pauses[&channel]).unwrap_or(due);
        let standing: Vec<_> = Messages(&mut *self.0)
            .list(lead)
            .await?
            .into_iter()
            .map(|line| StandingTouch {
                due_at: leaves_at(line.counted_from, line.due_at, line.channel),
                id: line.id,
                step: line.step,
                channel: line.channel,
                template: line.template,
                state: match line.state {
                    MessageState::Planned => TouchState::ToCome,
                    MessageState::Cancelled => TouchState::Dropped,
                    _ => TouchState::Over,
                },
            })
            .collect();
        let mut wanted = found.lay_out(now);
        for touch in &mut wanted {
            touch.due_at = leaves_at(planned_at.min(touch.due_at), touch.due_at, touch.channel);
        }
        // Whoever was written to a moment ago may answer still.
        let gives_up_at = Cadence::gives_up_at(&wanted).map(|at| at.max(now + TimeDelta::days(1)));
        let replan = Replan::of(&standing, wanted, now);
        let never = replan.added.iter().chain(replan.moved.iter().map(|(_, touch)| touch));
        let never = never.filter(|touch| found.can_never_leave(touch)).count();
        Ok(Some(LeadReplan { replan, gives_up_at, chosen: found.chosen, never }))
    }
}
