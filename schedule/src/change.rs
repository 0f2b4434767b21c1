//! A cadence was changed: it goes through the leads that are live, a few at a time, each in a transaction of its own.

use std::time::Duration;

use anyhow::Context as _;
use domain::{CadenceChangeId, LeadId, TenantId};
use stage::{Failure, Runtime};
use store::LeadReplan;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::{Config, release::PATIENCE};

/// So few that whoever asks for a quote meanwhile does not wait.
const AT_ONCE: u16 = 20;
/// For a lead that cannot be changed as things are.
const SET_BACK: Duration = Duration::from_secs(300);
const BETWEEN: Duration = Duration::from_millis(100);

pub(crate) async fn run(runtime: &Runtime, config: &Config) {
    let stopping = runtime.lifecycle.stopping();
    while !stopping.is_cancelled() {
        let pause = match look(runtime).await {
            Ok(0) => config.poll * 4,
            Ok(_) => BETWEEN,
            Err(error) => {
                warn!(error = format!("{error:#}"), "a changed cadence could not go on; it is tried again");
                config.poll * 4
            }
        };
        tokio::select! { () = stopping.cancelled() => {}, () = sleep(pause) => {} }
    }
}

async fn look(runtime: &Runtime) -> anyhow::Result<usize> {
    let everywhere = runtime.store.everywhere();
    let leads = timeout(PATIENCE, everywhere.leads_to_change(runtime.clock.now(), AT_ONCE))
        .await
        .context("Postgres does not answer")??;
    let mut changed = 0;
    for (tenant, id, lead) in &leads {
        let done = timeout(PATIENCE, change(runtime, *tenant, *id, *lead)).await;
        match done.map_err(anyhow::Error::from).and_then(|done| done.map_err(Failure::into_cause)) {
            Ok(()) => changed += 1,
            Err(error) => {
                warn!(lead.id = %lead, error = format!("{error:#}"), "a lead has its old cadence still");
                timeout(PATIENCE, set_back(runtime, *tenant, *id, *lead)).await??;
            }
        }
    }
    if leads.is_empty() {
        let done = timeout(PATIENCE, everywhere.changes_to_finish()).await.context("Postgres does not answer")??;
        for (tenant, id) in done {
            timeout(PATIENCE, finish(runtime, tenant, id)).await??;
            info!(tenant.id = %tenant, "a changed cadence has come to every lead");
        }
    }
    Ok(changed)
}

/// The others need not wait for it.
async fn set_back(runtime: &Runtime, tenant: TenantId, id: CadenceChangeId, lead: LeadId) -> Result<(), store::Error> {
    let mut tx = runtime.store.begin(tenant).await?;
    tx.cadences().set_back(id, lead, runtime.clock.in_wall(SET_BACK)).await?;
    tx.commit().await
}

async fn finish(runtime: &Runtime, tenant: TenantId, id: CadenceChangeId) -> Result<(), store::Error> {
    let mut tx = runtime.store.begin(tenant).await?;
    tx.cadences().finish_change(id, runtime.clock.now()).await?;
    tx.commit().await
}

async fn change(runtime: &Runtime, tenant: TenantId, id: CadenceChangeId, lead: LeadId) -> Result<(), Failure> {
    let now = runtime.clock.now();
    let mut tx = runtime.store.begin(tenant).await?;
    // As whoever stops it does.
    tx.leads().lock(lead).await?;
    if !tx.cadences().take_lead(id, lead).await? {
        return Ok(());
    }
    if let Some(LeadReplan { replan, gives_up_at, chosen, .. }) = tx.cadences().find_replan(lead, now).await? {
        tx.messages().replan(lead, &replan, now).await?;
        tx.leads().set_cadence(lead, chosen.name.as_deref(), gives_up_at).await?;
        tx.cadences().count_change(id, &replan).await?;
        if replan.moved.is_empty() && replan.added.is_empty() && replan.dropped.is_empty() {
            tx.cadences().note_unchanged(id, lead).await?;
        }
    }
    Ok(tx.commit().await?)
}
