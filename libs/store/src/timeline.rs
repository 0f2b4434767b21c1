//! What happened to a lead, as one story: put together from the rows that each thing left behind, so that nothing is written twice
//! and nothing can be told that did not happen.

use chrono::{DateTime, Utc};
use domain::{LeadId, Moved};
use serde::Serialize;

use crate::{Error, Transaction};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Happening {
    pub at: DateTime<Utc>,
    /// `customer`, `we`, `vendor`, or whoever of the staff it was.
    pub who: String,
    /// In one word, such as `sent`.
    pub what: String,
    /// Of what: a template and its channel, the words of a reply, a task's title.
    pub detail: Option<String>,
    /// In one word, such as `opted_out`, or a vendor's code.
    pub why: Option<String>,
    /// What moved a message to where it was sent.
    pub moves: Vec<Moved>,
}

#[derive(Debug)]
pub struct Timeline<'t>(pub(crate) &'t mut Transaction);

impl Timeline<'_> {
    /// Everything that happened to a lead, in its order.
    pub async fn list(self, lead: LeadId) -> Result<Vec<Happening>, Error> {
        let rows = sqlx::query!(
            r#"with l as materialized (
                   select * from leads where tenant_id = $1 and id = $2 limit 1
               ), m as materialized (
                   select * from messages where tenant_id = $1 and lead_id = $2
               ), own as materialized (
                   select o.channel, o.address
                   from l cross join lateral
                       (values ('sms', l.phone), ('whatsapp', l.phone), ('email', lower(l.email))) o (channel, address)
                   where o.address is not null
               )
               select at as "at!", who as "who!", what as "what!", detail, why, moves from (
                   select created_at as at, 'customer' as who, 'asked' as what, service as detail, null as why,
                          null::jsonb as moves, 0 as place from l
                   union all select first_seen_at, 'we', 'heard', crm, null, null, 1 from l
                   union all select planned_at, 'we', 'planned', null, null, null, 2 from l
                       where planned_at is not null
                   union all select at, who, what, detail, null, null, 8 from lead_history
                       where tenant_id = $1 and lead_id = $2
                   union all select stopped_at, 'we', 'ended', status, stop_reason, null, 5 from l where stopped_at is not null
                   union all select sent_at, 'we', 'sent', template || ' by ' || channel, null, moves, 4 from m
                       where sent_at is not null
                   union all select finished_at, case when state in ('delivered', 'failed') then 'vendor' else 'we' end, state,
                          template || ' by ' || channel, reason, null, 6 from m
                       where finished_at is not null
                   union all select a.started_at, 'vendor', 'not_taken', m.template || ' by ' || m.channel,
                          coalesce(a.error_code, a.outcome), null, 4
                       from m join attempts a on a.message_id = m.id and a.tenant_id = $1
                       where a.outcome in ('not_processed', 'not_found', 'lost')
                   union all select received_at, 'customer', 'wrote', body, null, null, 3 from replies
                       where tenant_id = $1 and lead_id = $2
                   union all select x.at, 'customer', x.what, x.channel, case when x.what = 'opted_out' then x.source end, null, 4
                       from own
                       join suppression_history x
                            on x.tenant_id = $1 and x.channel = own.channel and x.address = own.address
                       where not starts_with(x.source, 'unreachable:')
                   union all select told.at, told.who, told.what, x.channel, told.why, null, 4
                       from own
                       join unreachable x on x.tenant_id = $1 and x.channel = own.channel and x.address = own.address
                       cross join lateral (values
                           (x.since, 'vendor', 'unreachable', x.source), (x.reached_at, 'customer', 'reachable', null)
                       ) told (at, who, what, why)
                       where told.at is not null
                   union all select step.at, step.who, step.what, null, null, null, 8
                       from sla_clocks c
                       cross join lateral (values
                           (c.warned_at, 'we', 'sla_warning'), (c.breached_at, 'we', 'sla_breach'),
                           (c.acknowledged_at, coalesce(c.acknowledged_by, 'staff'), 'took_it'),
                           (c.first_response_at, coalesce(c.responded_by, 'staff'), 'answered')) step (at, who, what)
                       where c.tenant_id = $1 and c.lead_id = $2 and step.at is not null
                   union all select coalesce(finished_at, raised_at), 'we', case state when 'sent' then 'told' else 'not_told' end,
                          member || ' by ' || channel, reason, null, 8 from alerts
                       where tenant_id = $1 and lead_id = $2
                   union all select created_at, created_by, 'task_added', title,
                          'due ' || to_char(due_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'), null, 7 from tasks
                       where tenant_id = $1 and lead_id = $2
                   union all select completed_at, coalesce(completed_by, 'staff'), 'task_done', title, null, null, 8 from tasks
                       where tenant_id = $1 and lead_id = $2 and completed_at is not null
                   union all select p.paused_at, p.paused_by, 'paused', p.scope, p.because, null, 3
                       from l join pauses p on p.of_id = any (array[l.tenant_id, l.id, l.location_id]) and p.tenant_id = $1
                       where (p.resumed_at is null or p.resumed_at > l.first_seen_at)
                         and (l.stopped_at is null or p.paused_at < l.stopped_at)
                   union all select p.resumed_at, coalesce(p.resumed_by, 'operator'), 'resumed', p.scope, null, null, 3
                       from l join pauses p on p.of_id = any (array[l.tenant_id, l.id, l.location_id]) and p.tenant_id = $1
                       where p.resumed_at > l.first_seen_at and (l.stopped_at is null or p.paused_at < l.stopped_at)
                   union all select c.changed_at, c.changed_by, 'cadence', c.what, null, null, 3
                       from cadence_changes c
                       join cadence_change_leads x on x.change_id = c.id and x.lead_id = $2 and x.tenant_id = $1
                       where c.tenant_id = $1 and x.is_done and x.has_changed is not false
                   union all select merged_at, 'we', 'merged', into_lead_id::text, because, null, 2 from merges
                       where tenant_id = $1 and lead_id = $2
                   union all select undone_at, 'operator', 'parted', into_lead_id::text, null, null, 2 from merges
                       where tenant_id = $1 and lead_id = $2 and undone_at is not null
               ) story
               order by at, place"#,
            self.0.tenant.uuid(),
            lead.uuid()
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("tell what happened to a lead"))?;
        rows.into_iter()
            .map(|row| {
                let moves: Option<Vec<Moved>> = row
                    .moves
                    .map(serde_json::from_value)
                    .transpose()
                    .map_err(|error| Error::corrupt("moves", error))?;
                Ok(Happening {
                    at: row.at,
                    who: row.who,
                    what: row.what,
                    detail: row.detail,
                    why: row.why,
                    moves: moves.unwrap_or_default(),
                })
            })
            .collect()
    }
}
