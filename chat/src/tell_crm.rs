//! What customers have booked is told to the shop's CRM: once, however often it is tried, and for as long as it takes.

use std::time::Duration;

use accounts::{Accounts, Patience};
use anyhow::{Context as _, anyhow};
use chrono::{DateTime, TimeDelta, Utc};
use crm::NewAppointment;
use domain::{AppointmentId, TaskId, TenantId};
use events::{Event as _, LeadBooked};
use futures::future::join_all;
use stage::{Failure, Runtime};
use store::{AppointmentToTell, NewTask, Transaction};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);
const AT_ONCE: u16 = 10;
/// Longer than it takes to tell a CRM of all that is taken at once; whoever died with one in hand holds it no longer.
const LEASE: TimeDelta = TimeDelta::seconds(30);
const AGAIN_AFTER: TimeDelta = TimeDelta::seconds(3);
const PATIENCE: Duration = Duration::from_secs(25);

pub(crate) async fn run(runtime: Runtime, accounts: Accounts) {
    let stopping = runtime.lifecycle.stopping();
    while !stopping.is_cancelled() {
        if let Err(error) = look(&runtime, &accounts).await {
            warn!(error = format!("{error:#}"), "what was booked could not be looked at; it is tried again");
        }
        tokio::select! { () = stopping.cancelled() => {}, () = sleep(PAUSE) => {} }
    }
}

async fn look(runtime: &Runtime, accounts: &Accounts) -> anyhow::Result<()> {
    let wall = runtime.clock.wall();
    let everywhere = runtime.store.everywhere();
    let ours_until = wall + LEASE;
    let due = timeout(PATIENCE, everywhere.appointments_to_tell(wall, ours_until, AT_ONCE));
    let due = due.await.context("Postgres does not answer")??;
    // One after the other, the last would be told when somebody else has taken it already.
    let told = due.into_iter().map(|(tenant, id)| async move {
        let told = timeout(PATIENCE, tell(runtime, accounts, tenant, id, ours_until)).await;
        if let Err(error) = told.map_err(anyhow::Error::from).and_then(|told| told.map_err(Failure::into_cause)) {
            metrics::counter!("chat_bookings_not_told_total").increment(1);
            put_off(runtime, tenant, id).await;
            warn!(tenant.id = %tenant, error = format!("{error:#}"), "the CRM has not taken an appointment yet; it is tried again");
        }
    });
    join_all(told).await;
    Ok(())
}

/// Otherwise it comes up again when its lease ends.
async fn put_off(runtime: &Runtime, tenant: TenantId, id: AppointmentId) {
    let put_off = async {
        let mut tx = runtime.store.begin(tenant).await?;
        tx.appointments().tell_again_at(id, runtime.clock.wall() + AGAIN_AFTER).await?;
        tx.commit().await
    };
    if let Ok(Err(error)) = timeout(PATIENCE, put_off).await {
        warn!(error = service::telemetry::causes(&error), "an appointment could not be put off");
    }
}

/// A repeat finds what was made, by its mark.
async fn tell(
    runtime: &Runtime,
    accounts: &Accounts,
    tenant: TenantId,
    id: AppointmentId,
    ours_until: DateTime<Utc>,
) -> Result<(), Failure> {
    let (store, clock) = (&runtime.store, &runtime.clock);
    let account = accounts.find(store, tenant).await.map_err(Failure::retry)?;
    let mut tx = store.begin(tenant).await?;
    let Some(booked) = tx.appointments().lock_to_tell(id, ours_until).await? else { return Ok(()) };
    let is_of_crm = booked.crm == account.crm_name();
    if booked.crm_id.is_some() && booked.is_booked {
        tx.appointments().set_told(id, None, true, clock.wall()).await?;
        return Ok(tx.commit().await?);
    }
    // Somebody who asked by a form is nobody in the CRM yet.
    if !is_of_crm {
        return by_hand(runtime, tx, id, &booked).await;
    }
    let may_be_there = booked.was_asked && booked.crm_id.is_none();
    tx.appointments().note_asked(id, clock.wall()).await?;
    tx.commit().await?;

    account.wait(1 + u32::from(may_be_there), Patience::Lead(Duration::from_secs(5))).await.map_err(Failure::retry)?;
    let wanted = wanted(id, &booked);
    let mut found = booked.crm_id.clone();
    if may_be_there {
        found = match account.crm.find_appointment(&wanted).await {
            Ok(found) => found,
            // Somebody of the shop noted it, and takes it out.
            Err(crm::Error::ByHand { .. }) => return by_hand(runtime, store.begin(tenant).await?, id, &booked).await,
            Err(error) => return Err(Failure::retry(error)),
        };
    }
    if found.is_none() && booked.is_booked {
        // One that was held up may not be the only one any more.
        if clock.wall() > ours_until - LEASE / 2 {
            return Err(Failure::retry(anyhow!("this took too long; it is looked for first")));
        }
        match account.crm.make_appointment(&wanted).await {
            Ok(made) => found = Some(made),
            Err(crm::Error::ByHand { .. }) => {
                return by_hand(runtime, store.begin(tenant).await?, id, &booked).await;
            }
            Err(error) => return Err(Failure::retry(error)),
        }
    }
    if let (true, Some(appointment)) = (booked.is_booked, found.clone()) {
        let booking = LeadBooked { tenant, lead: booked.lead, appointment, starts_at: booked.slot.starts_at };
        let out = booking.pack("chat", clock.now());
        runtime.bus.publish(&out, Duration::from_secs(5)).await.map_err(Failure::retry)?;
        info!(lead.id = %booked.lead, "the CRM has the appointment");
    }
    let mut tx = store.begin(tenant).await?;
    tx.appointments().set_told(id, found.as_deref(), booked.is_booked, clock.wall()).await?;
    if !booked.is_booked && found.is_some() {
        add_task(runtime, &mut tx, id, &booked).await?;
    }
    Ok(tx.commit().await?)
}

fn wanted(id: AppointmentId, booked: &AppointmentToTell) -> NewAppointment {
    let about = [booked.service.as_str(), booked.vehicle.as_str()];
    NewAppointment {
        location_id: booked.crm_location_id.clone(),
        order_id: Some(booked.crm_order_id.clone()),
        customer_id: booked.crm_customer_id.clone(),
        slot: booked.slot,
        title: about.into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join(", "),
        mark: id.to_string(),
    }
}

/// The CRM cannot be told by us, so somebody of the shop does it.
async fn by_hand(
    runtime: &Runtime,
    mut tx: Transaction,
    id: AppointmentId,
    booked: &AppointmentToTell,
) -> Result<(), Failure> {
    add_task(runtime, &mut tx, id, booked).await?;
    tx.appointments().set_told(id, None, booked.is_booked, runtime.clock.wall()).await?;
    Ok(tx.commit().await?)
}

async fn add_task(
    runtime: &Runtime,
    tx: &mut Transaction,
    id: AppointmentId,
    booked: &AppointmentToTell,
) -> Result<(), Failure> {
    let now = runtime.clock.now();
    let at = booked.slot.starts_at.with_timezone(&booked.zone).format("%a %b %-d, %-I:%M %p");
    let (what, title) = if booked.is_booked {
        ("note", format!("Note in the CRM: they have booked {at}"))
    } else {
        ("take_out", format!("Take out of the CRM: their appointment of {at} is off"))
    };
    let task = NewTask {
        id: TaskId::of_appointment(id, what),
        lead: booked.lead,
        title: &title,
        due_at: now,
        assignee: None,
        created_by: "chat",
    };
    Ok(tx.tasks().add(&task, now).await?)
}
