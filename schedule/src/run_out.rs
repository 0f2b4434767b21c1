//! Time runs out, or is over: what is written down of it, and who hears of it.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AlertId, LeadId, SlaStep, Staff, TaskId, TenantId};
use stage::{Failure, Runtime};
use store::{LeadClock, NewAlert, Recipient, Transaction};
use tracing::info;

/// The next step of a lead's clock. A repeat finds it taken.
pub(crate) async fn clock(runtime: &Runtime, tenant: TenantId, lead: LeadId) -> Result<(), Failure> {
    let now = runtime.clock.now();
    let mut tx = runtime.store.begin(tenant).await?;
    let Some(found) = tx.slas().lock(lead).await? else { return Ok(()) };
    let LeadClock { clock, is_over, shop, settings, crm_location_id, .. } = &found;
    if *is_over {
        tx.slas().take_step(lead, None, None, now).await?;
        return Ok(tx.commit().await?);
    }
    let highest = settings.staff.highest_level(crm_location_id);
    let (step, look_at) = clock.step(now, highest.unwrap_or_default(), &settings.sla, shop);
    if let Some(step) = step {
        let body = words_of_clock(step, &found);
        let alarm = Alarm { lead, task: None, kind: step.as_str(), level: step.level(), body: &body };
        raise(&mut tx, &settings.staff, crm_location_id, &alarm, now).await?;
        info!(lead.id = %lead, "{}", step.as_str());
        metrics::counter!("sla_steps_total", "step" => step.as_str()).increment(1);
    }
    tx.slas().take_step(lead, step, look_at, now).await?;
    Ok(tx.commit().await?)
}

/// A task that is not done. A repeat finds that it was told.
pub(crate) async fn task(runtime: &Runtime, tenant: TenantId, id: TaskId) -> Result<(), Failure> {
    let now = runtime.clock.now();
    let mut tx = runtime.store.begin(tenant).await?;
    let Some(found) = tx.tasks().lock_overdue(id, now).await? else { return Ok(()) };
    // Nobody is at the shop to hear of it.
    if let Some(opens_at) =
        found.shop.after_open(now, TimeDelta::minutes(1)).filter(|at| *at - now > TimeDelta::minutes(2))
    {
        tx.tasks().look_again_at(id, opens_at).await?;
        return Ok(tx.commit().await?);
    }
    let whose = found.assignee.as_ref().map(|who| format!(" ({who})")).unwrap_or_default();
    let body = format!("Overdue{whose}: {}. {}", found.title, about(&found.recipient, &found.shop_name));
    let alarm = Alarm {
        lead: found.lead,
        task: Some(id),
        kind: "task_overdue",
        level: found.settings.staff.lowest_level(&found.crm_location_id),
        body: &body,
    };
    raise(&mut tx, &found.settings.staff, &found.crm_location_id, &alarm, now).await?;
    tx.tasks().set_told(id).await?;
    tx.commit().await?;
    info!(lead.id = %found.lead, task.id = %id, "a task is overdue");
    Ok(())
}

struct Alarm<'a> {
    lead: LeadId,
    task: Option<TaskId>,
    kind: &'static str,
    level: u8,
    body: &'a str,
}

/// One alert for each of the staff at this level, and at none above.
async fn raise(
    tx: &mut Transaction,
    staff: &Staff,
    crm_location_id: &str,
    alarm: &Alarm<'_>,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    for member in staff.at(crm_location_id).filter(|member| member.level == alarm.level) {
        let about = alarm.task.map_or(alarm.lead.uuid(), TaskId::uuid);
        let alert = NewAlert {
            id: AlertId::of(about, alarm.kind, alarm.level, member),
            lead: alarm.lead,
            task: alarm.task,
            kind: alarm.kind,
            level: alarm.level,
            member: &member.name,
            channel: member.by,
            address: &member.to,
            body: alarm.body,
        };
        tx.alerts().add(&alert, now).await?;
    }
    Ok(())
}

fn words_of_clock(step: SlaStep, found: &LeadClock) -> String {
    let heat = found.heat.as_deref().unwrap_or("a").to_uppercase();
    let due = found.clock.times.due_at.with_timezone(&found.shop.zone).format("%a %H:%M");
    let about = about(&found.recipient, &found.shop_name);
    match step {
        SlaStep::Warn => format!("{heat} lead: nobody has answered yet, and {due} is the latest. {about}"),
        SlaStep::Breach => format!("{heat} lead: nobody has answered by {due}. {about}"),
        SlaStep::Escalate { .. } => {
            format!("{heat} lead: nobody has answered by {due}, and nobody has taken it. {about}")
        }
    }
}

/// Who it is about, for somebody who is about to call them.
fn about(recipient: &Recipient, shop: &str) -> String {
    let Recipient { first_name, phone, email, vehicle, service, total_cents, .. } = recipient;
    let known = [
        first_name.clone(),
        Some(vehicle.clone()),
        Some(service.clone()),
        (*total_cents > 0).then(|| domain::dollars(*total_cents)),
        phone
            .as_ref()
            .map(|phone| phone.as_str().to_owned())
            .or_else(|| email.as_ref().map(|email| email.as_str().to_owned())),
    ];
    let known: Vec<_> = known.into_iter().flatten().filter(|word| !word.is_empty()).collect();
    format!("{}; {shop}", known.join(", "))
}
