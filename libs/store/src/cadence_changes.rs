//! Changes of cadences on their way through live leads, and what experiments have come to.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{CadenceChangeId, Channel, LeadId, Replan, Segments};
use serde::Serialize;

use crate::{Cadences, Error, UseScope};

/// A change on its way through the live leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CadenceChange {
    pub what: String,
    pub changed_at: DateTime<Utc>,
    pub changed_by: String,
    pub leads: i64,
    pub left: i64,
    pub moved: i64,
    pub added: i64,
    pub dropped: i64,
    pub finished_at: Option<DateTime<Utc>>,
}

/// What one arm of an experiment has come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArmScore {
    /// The cadence's name and version.
    pub arm: String,
    pub leads: i64,
    pub booked: i64,
    pub text_segments: u64,
    pub emails: u64,
    pub whatsapp_messages: u64,
}

impl Cadences<'_> {
    /// Sends a change on its way through the leads that are live there. Answers how many they are.
    pub async fn start_change(self, scope: &UseScope, what: &str, by: &str, now: DateTime<Utc>) -> Result<i64, Error> {
        let (scope, of_name) = scope.columns();
        sqlx::query_scalar!(
            r#"with change as (select gen_random_uuid() as id), affected as (
                   insert into cadence_change_leads (tenant_id, change_id, lead_id, look_at)
                   select $1, change.id, l.id, $5::timestamptz + row_number() over () * interval '5 milliseconds'
                   from change, leads l
                   join locations s on s.tenant_id = $1 and s.id = l.location_id
                   where l.tenant_id = $1 and l.gives_up_at is not null and l.stopped_at is null
                     and ($2 = 'tenant' or ($2 = 'region' and s.region = $3) or ($2 = 'location' and s.id::text = $3))
                   returning 1
               )
               insert into cadence_changes (tenant_id, id, what, changed_at, changed_by, leads)
               select $1, change.id, $4, $5, $6, (select count(*) from affected) from change
               returning leads"#,
            self.0.tenant.uuid(),
            scope,
            of_name,
            what,
            now,
            by
        )
        .fetch_one(&mut *self.0.inner)
        .await
        .map_err(Error::doing("start a change"))
    }

    /// Takes a lead of a change in hand. Answers false if another has come to it first.
    pub async fn take_lead(self, change: CadenceChangeId, lead: LeadId) -> Result<bool, Error> {
        let done = sqlx::query!(
            "update cadence_change_leads set is_done = true
             where tenant_id = $1 and change_id = $2 and lead_id = $3 and not is_done",
            self.0.tenant.uuid(),
            change.uuid(),
            lead.uuid()
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("take a lead of a change in hand"))?;
        Ok(done.rows_affected() == 1)
    }

    /// The change has nothing to do with this lead: all that it planned is as it was.
    pub async fn note_unchanged(self, change: CadenceChangeId, lead: LeadId) -> Result<(), Error> {
        sqlx::query!(
            "update cadence_change_leads set has_changed = false where tenant_id = $1 and change_id = $2 and lead_id = $3",
            self.0.tenant.uuid(),
            change.uuid(),
            lead.uuid()
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("note that a change did nothing"))
    }

    /// A change could not come to this lead; it is tried again at `at`.
    pub async fn set_back(self, change: CadenceChangeId, lead: LeadId, at: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!(
            "update cadence_change_leads set look_at = $4 where tenant_id = $1 and change_id = $2 and lead_id = $3",
            self.0.tenant.uuid(),
            change.uuid(),
            lead.uuid(),
            at
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("set a lead of a change back"))
    }

    /// Adds what a change did to one lead to what it has done.
    pub async fn count_change(self, change: CadenceChangeId, replan: &Replan) -> Result<(), Error> {
        let count = |of: usize| i64::try_from(of).unwrap_or(i64::MAX);
        sqlx::query!(
            "update cadence_changes set moved = moved + $3, added = added + $4, dropped = dropped + $5
             where tenant_id = $1 and id = $2",
            self.0.tenant.uuid(),
            change.uuid(),
            count(replan.moved.len()),
            count(replan.added.len()),
            count(replan.dropped.len())
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("count a change"))
    }

    pub async fn finish_change(self, change: CadenceChangeId, now: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!(
            "update cadence_changes set finished_at = $3 where tenant_id = $1 and id = $2 and finished_at is null",
            self.0.tenant.uuid(),
            change.uuid(),
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("finish a change"))
    }

    /// The newest first.
    pub async fn list_changes(self, most: u16) -> Result<Vec<CadenceChange>, Error> {
        sqlx::query_as!(
            CadenceChange,
            r#"select c.what, c.changed_at, c.changed_by, c.leads, c.moved, c.added, c.dropped, c.finished_at,
                      (select count(*) from cadence_change_leads l
                       where l.change_id = c.id and l.tenant_id = c.tenant_id and not l.is_done) as "left!"
               from cadence_changes c where c.tenant_id = $1 order by c.changed_at desc limit $2"#,
            self.0.tenant.uuid(),
            i64::from(most)
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list changes"))
    }

    /// The arms of an experiment: those that leads are in, and those that are used.
    pub async fn list_arms(self, experiment: &str) -> Result<Vec<String>, Error> {
        sqlx::query_scalar!(
            r#"select arm as "arm!" from (
                   select arm from leads where tenant_id = $1 and experiment = $2 and arm is not null
                   union
                   select unnest(array[cadence || '@' || version, rival || '@' || rival_version]) from cadence_uses
                   where tenant_id = $1 and experiment = $2
               ) arms order by arm"#,
            self.0.tenant.uuid(),
            experiment
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list an experiment's arms"))
    }

    /// What each arm of an experiment has come to.
    pub async fn score(self, experiment: &str) -> Result<Vec<ArmScore>, Error> {
        let tenant = self.0.tenant.uuid();
        let arms = sqlx::query!(
            r#"select arm as "arm!", count(*) as "leads!",
                      count(*) filter (where status in ('appointment_scheduled', 'converted')) as "booked!"
               from leads where tenant_id = $1 and experiment = $2 and arm is not null group by arm order by arm"#,
            tenant,
            experiment
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("score an experiment"))?;
        // The same words to many: each is counted once.
        let said = sqlx::query!(
            r#"select l.arm as "arm!", a.channel as "channel!", a.body as "body!", count(*) as "times!"
               from leads l
               join messages m on m.lead_id = l.id and m.tenant_id = l.tenant_id
               join attempts a on a.message_id = m.id and a.tenant_id = l.tenant_id and a.outcome = 'accepted'
               where l.tenant_id = $1 and l.experiment = $2 and l.arm is not null
               group by l.arm, a.channel, a.body"#,
            tenant,
            experiment
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("score an experiment"))?;
        let mut spent: BTreeMap<String, [u64; 3]> = BTreeMap::new();
        for row in said {
            let times = row.times.unsigned_abs();
            let [segments, emails, whatsapp] = spent.entry(row.arm).or_default();
            match row.channel.parse().map_err(|error| Error::corrupt("channel", error))? {
                Channel::Sms => *segments += times * u64::from(Segments::of(&row.body).count),
                Channel::Email => *emails += times,
                Channel::Whatsapp => *whatsapp += times,
            }
        }
        let score = arms.into_iter().map(|row| {
            let [text_segments, emails, whatsapp_messages] = spent.get(&row.arm).copied().unwrap_or_default();
            ArmScore { arm: row.arm, leads: row.leads, booked: row.booked, text_segments, emails, whatsapp_messages }
        });
        Ok(score.collect())
    }
}
