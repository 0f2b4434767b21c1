//! Having follow-ups stand still, and go on.

use chrono::{DateTime, Utc};
use domain::{Channel, LeadId, PauseScope};
use store::{PauseLine, Transaction};

use crate::{Desk, Error};

const MOST_PAUSES: u16 = 200;

/// What somebody wants to stand still, in the words of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WantedScope {
    Everything,
    /// The CRM's id of the shop.
    Location(String),
    Lead(LeadId),
    Channel(Channel),
}

/// From now on it stands still. Answers false if it is paused already.
pub async fn pause(desk: &Desk, slug: &str, wanted: &WantedScope, because: &str, by: &str) -> Result<bool, Error> {
    if because.trim().is_empty() {
        return Err(Error::NoWhy);
    }
    let mut tx = desk.store.begin(desk.find(slug).await?).await?;
    let scope = scope_of(&mut tx, slug, wanted).await?;
    let is_new = tx.pauses().pause(scope, because.trim(), by, desk.clock.now()).await?;
    tx.commit().await?;
    Ok(is_new)
}

/// What is left goes on, as much later as the pause was long. Answers since when it was paused.
pub async fn resume(desk: &Desk, slug: &str, wanted: &WantedScope, by: &str) -> Result<DateTime<Utc>, Error> {
    let mut tx = desk.store.begin(desk.find(slug).await?).await?;
    let scope = scope_of(&mut tx, slug, wanted).await?;
    let since = tx.pauses().resume(scope, by, desk.clock.now()).await?.ok_or(Error::NotPaused)?;
    tx.commit().await?;
    Ok(since)
}

/// Those that last, and the latest that are over.
pub async fn list_pauses(desk: &Desk, slug: &str) -> Result<Vec<PauseLine>, Error> {
    let mut tx = desk.store.begin(desk.find(slug).await?).await?;
    Ok(tx.pauses().list(MOST_PAUSES).await?)
}

async fn scope_of(tx: &mut Transaction, slug: &str, wanted: &WantedScope) -> Result<PauseScope, Error> {
    Ok(match wanted {
        WantedScope::Everything => PauseScope::Everything,
        WantedScope::Channel(channel) => PauseScope::Channel(*channel),
        WantedScope::Lead(lead) => {
            tx.leads().lookup(*lead).await?.ok_or(Error::NoSuchLead(*lead))?;
            PauseScope::Lead(*lead)
        }
        WantedScope::Location(id) => {
            let found = tx.locations().list_by_crm_id().await?.get(id).map(|location| location.id);
            PauseScope::Location(found.ok_or_else(|| Error::NoSuchShop(slug.to_owned()))?)
        }
    })
}
