//! One lead, and taking leads apart that were merged into one.

use domain::{Language, LeadId};
use events::{Event as _, LeadEnriched};
use stage::Bus;
use store::{LeadDescription, Merge};

use crate::{Desk, Error, PATIENCE};

/// Who says of a lead that it stands by itself again: a name of its own, or JetStream would take it for what enrich has said before.
const SPEAKER: &str = "operate";
const MOST_MERGES: u16 = 200;

/// Everything that is known about a lead.
pub async fn describe_lead(desk: &Desk, slug: &str, lead: LeadId) -> Result<LeadDescription, Error> {
    let tenant = desk.find(slug).await?;
    let mut tx = desk.store.begin(tenant).await?;
    tx.descriptions().describe(lead).await?.ok_or(Error::NoSuchLead(lead))
}

/// From now on a lead is written to in this language, whatever anybody's words or browser say.
pub async fn set_language(desk: &Desk, slug: &str, lead: LeadId, language: Language, by: &str) -> Result<(), Error> {
    let mut tx = desk.store.begin(desk.find(slug).await?).await?;
    if !tx.leads().set_language(lead, language, by, desk.clock.now()).await? {
        return Err(Error::NoSuchLead(lead));
    }
    tx.commit().await?;
    Ok(())
}

/// The latest merges, the newest first.
pub async fn list_merges(desk: &Desk, slug: &str) -> Result<Vec<Merge>, Error> {
    let tenant = desk.find(slug).await?;
    let mut tx = desk.store.begin(tenant).await?;
    Ok(tx.merges().list(MOST_MERGES).await?)
}

/// Takes a lead apart from the one it was merged into, and has it followed up by itself. What was said already is not said again.
pub async fn unmerge(desk: &Desk, bus: &Bus, slug: &str, lead: LeadId) -> Result<(), Error> {
    let tenant = desk.find(slug).await?;
    let now = desk.clock.now();
    let mut tx = desk.store.begin(tenant).await?;
    let unmerged = tx.merges().unmerge(lead, now).await?;
    // Whoever was interrupted here before has taken it apart and told nobody.
    let is_untold = unmerged.is_none() && tx.merges().is_untold(lead).await?;
    if unmerged.is_none() && !is_untold {
        return Err(Error::NotMerged(lead));
    }
    let (crm_version, customer_version) = unmerged.unwrap_or_default();
    tx.commit().await?;
    let event = LeadEnriched { tenant, lead, crm_version, customer_version };
    bus.publish(&event.pack(SPEAKER, now), PATIENCE).await?;
    Ok(())
}
