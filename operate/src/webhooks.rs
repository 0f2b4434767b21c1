//! Each tenant's webhook at its CRM: how it is, and making it work again.

use accounts::{Patience, door_address, random_token};
use chrono::{DateTime, Utc};
use crm::{NewRegistration, Registrations};
use serde::Serialize;
use store::Store;

use crate::{Desk, Error, OLD_DOOR_STAYS_OPEN, PATIENCE};

/// How a tenant hears of what happens at its CRM.
#[derive(Debug, Clone, Serialize)]
pub struct WebhookLine {
    pub tenant: String,
    pub crm: String,
    /// `ok`, or what is wrong; `unknown` before anybody has looked.
    pub state: String,
    pub says: String,
    pub since: Option<DateTime<Utc>>,
    pub checked_at: Option<DateTime<Utc>>,
    /// What the last look through the CRM came to: `quiet`, `found`, `failed`, or `none`.
    pub poll: String,
    pub poll_problem: Option<String>,
    pub polled_at: Option<DateTime<Utc>>,
    pub poll_due_at: DateTime<Utc>,
}

/// Every tenant's, by its name.
pub async fn list_webhooks(store: &Store) -> Result<Vec<WebhookLine>, Error> {
    let health = store.everywhere().list_crm_health().await?;
    let lines = health.into_iter().map(|health| WebhookLine {
        tenant: health.slug,
        crm: health.crm,
        state: health.state.unwrap_or_else(|| "unknown".to_owned()),
        says: health.says.unwrap_or_else(|| "nobody has looked yet".to_owned()),
        since: health.since,
        checked_at: health.checked_at,
        poll: health.outcome.unwrap_or_else(|| "none".to_owned()),
        poll_problem: health.problem,
        polled_at: health.looked_at,
        poll_due_at: health.due_at,
    });
    Ok(lines.collect())
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Repaired {
    /// The CRM had our webhook; it is switched on and tells of everything we need.
    SwitchedOn,
    /// Registered anew, with a new address and a new secret.
    Registered,
    /// In this CRM somebody adds it by hand: this address, at this place. It is shown once. The old address stays open for a
    /// week.
    ByHand { url: String, place: &'static str },
}

/// What it is called in the CRM.
fn name_of(slug: &str) -> String {
    format!("Lead Orchestrator ({slug})")
}

/// Makes a tenant's webhook work again, and may be repeated if it stops half-way. `anew`: with a new address and a new secret,
/// also if the CRM has one with our address.
pub async fn repair_webhook(desk: &Desk, slug: &str, anew: bool) -> Result<Repaired, Error> {
    let tenant = desk.find(slug).await?;
    let account = desk.account(slug, tenant).await?;
    account.wait(2, Patience::Lead(PATIENCE)).await?;
    let registrations = account.crm.webhooks().await?;
    let (token, secret) = (random_token(), random_token());
    let url = door_address(&desk.public_url, account.crm_name(), &token);
    let save_door = async |old_until| {
        let mut tx = desk.store.begin(tenant).await?;
        tx.tenants().save_door(account.crm_name(), &token, &secret, old_until).await?;
        tx.commit().await
    };
    let registrations = match registrations {
        Registrations::Listed(registrations) => registrations,
        Registrations::ByHand { place } => {
            save_door(Some(desk.clock.wall() + OLD_DOOR_STAYS_OPEN)).await?;
            return Ok(Repaired::ByHand { url, place });
        }
    };
    let mut tx = desk.store.begin(tenant).await?;
    let ours = accounts::find_ours(&mut tx, account.crm_name(), &desk.public_url, &registrations).await?;
    drop(tx);
    let note = async || {
        let mut tx = desk.store.begin(tenant).await?;
        let says = "repaired a moment ago; the next look says whether it works";
        tx.polls().save_check(account.crm_name(), "ok", says, desk.clock.wall()).await?;
        tx.commit().await
    };
    if let Some(ours) = ours.filter(|_| !anew) {
        let (name, url) = (ours.name.clone(), ours.url.clone());
        account.crm.save_webhook(Some(&ours.id), &NewRegistration { name, url, secret: None }).await?;
        note().await?;
        return Ok(Repaired::SwitchedOn);
    }
    // The CRM first: until it agrees, the old address stays open. What it sends in the moment between is refused, sent again,
    // and found by looking in any case.
    let named = || registrations.iter().find(|registration| registration.name == name_of(slug));
    let webhook = NewRegistration { name: name_of(slug), url, secret: Some(secret.clone()) };
    account.crm.save_webhook(ours.or_else(named).map(|ours| ours.id.as_str()), &webhook).await?;
    save_door(None).await?;
    note().await?;
    Ok(Repaired::Registered)
}
