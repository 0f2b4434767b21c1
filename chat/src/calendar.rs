//! The shop's own appointments, as its CRM has them, asked for before times are offered.

use std::{sync::Arc, time::Duration};

use accounts::{Accounts, Patience};
use chrono::{DateTime, TimeDelta, Utc};
use crm::Window;
use domain::{LocationId, Slot, TenantId};
use moka::future::Cache;
use store::{Location, Store};
use tokio::time::timeout;
use tracing::warn;

/// How long what a CRM said is good enough for somebody who thinks about a time.
const REMEMBERED_FOR: Duration = Duration::from_secs(20);
/// Nobody waits longer for a time. With the CRM away what is known of before counts.
const PATIENCE: Duration = Duration::from_secs(3);
/// An appointment that began before may still be there.
const LONGEST: TimeDelta = TimeDelta::days(5);

/// What a shop has of its own from some instant until another. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Calendar {
    pub(crate) from: DateTime<Utc>,
    pub(crate) until: DateTime<Utc>,
    pub(crate) entries: Arc<Vec<(String, Slot)>>,
}

#[derive(Clone)]
pub(crate) struct Calendars {
    accounts: Accounts,
    store: Store,
    known: Cache<LocationId, Calendar>,
}

impl Calendars {
    pub(crate) fn new(accounts: Accounts, store: Store) -> Self {
        Self { accounts, store, known: Cache::builder().max_capacity(10_000).time_to_live(REMEMBERED_FOR).build() }
    }

    /// What its CRM says. `None`: it does not, and what is known of before counts.
    pub(crate) async fn find(
        &self,
        tenant: TenantId,
        location: &Location,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Option<Calendar> {
        if let Some(known) = self.known.get(&location.id).await
            && known.until >= until
        {
            return Some(known);
        }
        let asked = timeout(PATIENCE, self.ask(tenant, location, now - LONGEST, until));
        let calendar = match asked.await.map_err(anyhow::Error::from).and_then(|asked| asked) {
            Ok(calendar) => calendar,
            Err(error) => {
                metrics::counter!("chat_calendars_unknown_total").increment(1);
                warn!(tenant.id = %tenant, error = format!("{error:#}"), "a shop's calendar is not known anew; times are offered by what is known");
                return None;
            }
        };
        self.known.insert(location.id, calendar.clone()).await;
        Some(calendar)
    }

    async fn ask(
        &self,
        tenant: TenantId,
        location: &Location,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> anyhow::Result<Calendar> {
        let account = self.accounts.find(&self.store, tenant).await?;
        account.wait(1, Patience::Lead(PATIENCE)).await?;
        let Some(window) = Window::new(from, until) else { anyhow::bail!("the window is empty") };
        let entries = account.crm.calendar(&location.crm_location_id, window).await?;
        let theirs = entries.into_iter().filter(|entry| !entry.is_ours).map(|entry| (entry.id, entry.slot));
        Ok(Calendar { from, until, entries: Arc::new(theirs.collect()) })
    }
}
