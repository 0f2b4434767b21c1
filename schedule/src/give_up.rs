//! A lead that never answered is lost a day after its last touch.

use std::time::Duration;

use anyhow::Context as _;
use chrono::TimeDelta;
use domain::{LeadId, StopReason, TenantId};
use events::{Event as _, LeadClosed};
use stage::{Failure, Runtime};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::{Config, release::PATIENCE};

/// For which a lead with messages that are still to come is left alone.
const NOT_YET: TimeDelta = TimeDelta::hours(6);

pub(crate) async fn run(runtime: &Runtime, config: &Config) {
    let stopping = runtime.lifecycle.stopping();
    while !stopping.is_cancelled() {
        if let Err(error) = look(runtime, config).await {
            warn!(error = format!("{error:#}"), "leads to give up could not be looked for");
        }
        tokio::select! { () = stopping.cancelled() => {}, () = sleep(config.poll * 4) => {} }
    }
}

async fn look(runtime: &Runtime, config: &Config) -> anyhow::Result<()> {
    let now = runtime.clock.now();
    let again_at = runtime.clock.in_wall(config.lease);
    let everywhere = runtime.store.everywhere();
    let find = everywhere.leads_to_give_up(now, again_at, config.batch);
    for (tenant, lead) in timeout(PATIENCE, find).await.context("Postgres does not answer")?? {
        let given_up = timeout(PATIENCE, give_up(runtime, tenant, lead)).await;
        if let Err(error) = given_up.map_err(anyhow::Error::from).and_then(|done| done.map_err(Failure::into_cause)) {
            warn!(lead.id = %lead, error = format!("{error:#}"), "a lead could not be given up yet");
        }
    }
    Ok(())
}

async fn give_up(runtime: &Runtime, tenant: TenantId, id: LeadId) -> Result<(), Failure> {
    let now = runtime.clock.now();
    let mut tx = runtime.store.begin(tenant).await?;
    // A reply that comes at this moment is either seen here or finds the lead given up, and opens it again.
    tx.leads().lock(id).await?;
    let Some(lead) = tx.leads().lookup(id).await? else {
        return Ok(());
    };
    let waiting = lead.status.is_followed_up() && lead.stop_reason.is_none();
    if waiting && tx.leads().count_open_messages(id).await? > 0 {
        // A message was put off beyond the plan, or is paused.
        tx.leads().look_again_at(id, now + NOT_YET).await?;
        tx.commit().await?;
        return Ok(());
    }
    if waiting {
        tx.leads().stop(id, StopReason::NoAnswer, now).await?;
        tx.commit().await?;
    }
    // Announced before it is settled: a crash in between announces it again, under the same id.
    if waiting || lead.stop_reason.as_deref() == Some(StopReason::NoAnswer.as_str()) {
        let event = LeadClosed { tenant, lead: id, reason: StopReason::NoAnswer };
        let out = event.pack("schedule", now);
        runtime.bus.publish(&out, Duration::from_secs(10)).await.map_err(Failure::retry)?;
        info!(lead.id = %id, "no answer to any touch; the lead is lost");
    }
    let mut tx = runtime.store.begin(tenant).await?;
    tx.leads().set_settled(id).await?;
    tx.commit().await?;
    Ok(())
}
