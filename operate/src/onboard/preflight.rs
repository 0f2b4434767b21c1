//! Whether a tenant can go live: what holds for all of it, and for each of its shops.

use std::collections::{BTreeSet, HashSet};

use accounts::{Account, Patience};
use crm::Registrations;
use domain::{Channel, Step, TenantId};
use futures::{StreamExt as _, stream};
use serde::Serialize;
use service::telemetry::causes;
use stage::Bus;
use store::{Location, Template, TenantSettings};

use super::rehearse::rehearse;
use crate::{Desk, Error, PATIENCE};

/// Shops that are looked at at once: a lead that comes in meanwhile waits behind these and no more.
const AT_ONCE: usize = 8;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub what: String,
    pub ok: bool,
    pub says: String,
    /// Only where something is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_do: Option<String>,
}

impl Check {
    pub fn well(what: &str, says: impl Into<String>) -> Self {
        Self { what: what.to_owned(), ok: true, says: says.into(), to_do: None }
    }

    pub fn wrong(what: &str, says: impl Into<String>, to_do: impl Into<String>) -> Self {
        Self { what: what.to_owned(), ok: false, says: says.into(), to_do: Some(to_do.into()) }
    }
}

/// Whether a tenant can go live.
#[derive(Debug, Clone, Serialize)]
pub struct Preflight {
    pub tenant: String,
    /// Of a hundred: what share of all that was looked at is well, over all shops.
    pub score: u8,
    /// What holds for all shops.
    pub checks: Vec<Check>,
    pub locations: Vec<LocationPreflight>,
}

/// Whether one shop can.
#[derive(Debug, Clone, Serialize)]
pub struct LocationPreflight {
    pub crm_location_id: String,
    pub name: String,
    /// Of a hundred, with what holds for all shops.
    pub score: u8,
    pub checks: Vec<Check>,
}

impl Preflight {
    pub fn is_ready(&self) -> bool {
        !self.locations.is_empty() && self.locations.iter().all(|location| location.score == 100)
    }
}

/// Looks at everything a shop needs before the first real lead. `carriers`: what was found of those that carry messages. `bus`:
/// where the test leads go; without it there are none.
pub async fn preflight(
    desk: &Desk,
    slug: &str,
    carriers: Vec<Check>,
    bus: Option<&Bus>,
    mut progress: impl FnMut(usize, usize),
) -> Result<Preflight, Error> {
    let tenant = desk.find(slug).await?;
    let mut tx = desk.store.begin(tenant).await?;
    let settings = tx.tenants().settings().await?;
    let templates = tx.tenants().list_templates().await?;
    let locations = tx.locations().list().await?;
    let doors = tx.tenants().list_doors().await?;
    let steps = tx.cadences().list_steps_in_use(&settings.cadence).await?;
    drop(tx);

    let account = desk.account(slug, tenant).await;
    let shown = match &account {
        Ok(account) => shops(account).await,
        Err(error) => Err(causes(error)),
    };
    let mut checks = vec![crm_key(&shown, slug, settings.crm.as_str())];
    checks.push(webhook(desk, account.as_deref().ok(), &doors, slug).await);
    checks.extend(carriers);
    checks.push(words(&settings, &steps, &templates));
    if locations.is_empty() {
        checks.push(Check::wrong("locations", "there are none", format!("run: leads tenant import {slug} FILE.csv")));
    }

    let shown = shown.ok();
    let looks =
        locations.iter().map(|location| look_at(desk, bus, tenant, account.as_deref().ok(), shown.as_ref(), location));
    let mut looks = stream::iter(looks).buffered(AT_ONCE);
    let mut found = Vec::new();
    while let Some(own) = looks.next().await {
        let location = &locations[found.len()];
        found.push(LocationPreflight {
            crm_location_id: location.crm_location_id.clone(),
            name: location.name.clone(),
            score: score(checks.iter().chain(&own)),
            checks: own,
        });
        progress(found.len(), locations.len());
    }
    let score = match u64::try_from(found.len()).unwrap_or(u64::MAX) {
        0 => 0,
        count => {
            let sum: u64 = found.iter().map(|location| u64::from(location.score)).sum();
            u8::try_from(sum / count).unwrap_or(100)
        }
    };
    Ok(Preflight { tenant: slug.to_owned(), score, checks, locations: found })
}

/// Rounded down: a hundred is everything.
fn score<'a>(checks: impl Iterator<Item = &'a Check>) -> u8 {
    let (mut well, mut all) = (0, 0);
    for check in checks {
        all += 1;
        well += u32::from(check.ok);
    }
    u8::try_from(well * 100 / all.max(1)).unwrap_or(100)
}

async fn shops(account: &Account) -> Result<HashSet<String>, String> {
    let ask = async {
        account.wait(1, Patience::Background(PATIENCE)).await?;
        account.crm.shops().await.map_err(accounts::Error::Crm)
    };
    let shops = ask.await.map_err(|error| causes(&error))?;
    Ok(shops.into_iter().map(|shop| shop.id).collect())
}

fn crm_key(shown: &Result<HashSet<String>, String>, slug: &str, crm: &str) -> Check {
    match shown {
        Ok(shops) => Check::well("CRM key", format!("{crm} takes it and shows {} shops", shops.len())),
        Err(why) => Check::wrong("CRM key", why.clone(), format!("run: leads tenant credentials {slug} {crm}")),
    }
}

async fn webhook(desk: &Desk, account: Option<&Account>, doors: &[String], slug: &str) -> Check {
    const WHAT: &str = "CRM webhook";
    let repair = format!("run: leads tenant webhook repair {slug}");
    let Some(account) = account else {
        return Check::wrong(WHAT, "cannot be looked at without the key", "mend the key");
    };
    if !doors.iter().any(|source| source == account.crm_name()) {
        return Check::wrong(WHAT, "the CRM has no address of ours", repair);
    }
    let ask = async {
        account.wait(1, Patience::Background(PATIENCE)).await?;
        account.crm.webhooks().await.map_err(accounts::Error::Crm)
    };
    match ask.await {
        Ok(Registrations::ByHand { place }) => Check::well(
            WHAT,
            format!("its address was made; that somebody added it under {place} only a webhook shows"),
        ),
        Ok(Registrations::Listed(listed)) => {
            let find = async {
                let mut tx = desk.store.begin(account.tenant).await?;
                accounts::find_ours(&mut tx, account.crm_name(), &desk.public_url, &listed).await
            };
            match find.await {
                Err(error) => Check::wrong(WHAT, causes(&error), "check Postgres with: leads doctor"),
                Ok(None) => Check::wrong(WHAT, format!("the CRM has none for {}", desk.public_url), repair),
                Ok(Some(ours)) if !ours.is_enabled || ours.problem.is_some() => {
                    Check::wrong(WHAT, "the CRM has switched it off, or cannot deliver", repair)
                }
                Ok(Some(ours)) if !ours.untold().is_empty() => {
                    Check::wrong(WHAT, "the CRM does not tell it of everything we need", repair)
                }
                Ok(Some(_)) => Check::well(WHAT, "registered and switched on"),
            }
        }
        Err(error) => Check::wrong(WHAT, causes(&error), repair),
    }
}

fn words(settings: &TenantSettings, steps: &[Step], templates: &[Template]) -> Check {
    let has = |name: &str, channel| {
        let is_it = |words: &&Template| words.name == name && words.channel == channel;
        templates.iter().any(|words| is_it(&words) && words.language == settings.language)
    };
    // By text and by email, because a customer may be reachable by one alone; by WhatsApp where the step says so; if they are on.
    let channels = |step: &Step| {
        let by_whatsapp = step.channels.contains(&Channel::Whatsapp).then_some(Channel::Whatsapp);
        let all = [Channel::Sms, Channel::Email].into_iter().chain(by_whatsapp);
        all.filter(|channel| settings.channels.has(*channel))
    };
    let wanted: BTreeSet<_> =
        steps.iter().flat_map(|step| channels(step).map(|channel| (&step.template, channel))).collect();
    let missing: Vec<_> = wanted
        .into_iter()
        .filter(|(name, channel)| !has(name, *channel))
        .map(|(name, channel)| format!("{name} ({}, {})", channel.as_str(), settings.language.as_str()))
        .collect();
    if missing.is_empty() {
        return Check::well("templates", "every step of the cadence has its words");
    }
    Check::wrong(
        "templates",
        format!("missing: {}", missing.join(", ")),
        "add them, or take their steps out of the cadence",
    )
}

async fn look_at(
    desk: &Desk,
    bus: Option<&Bus>,
    tenant: TenantId,
    account: Option<&Account>,
    shown: Option<&HashSet<String>>,
    location: &Location,
) -> Vec<Check> {
    let id = &location.crm_location_id;
    let mut checks = vec![match shown {
        Some(shops) if shops.contains(id) => Check::well("in the CRM", "the key shows it"),
        Some(_) => {
            Check::wrong("in the CRM", format!("the key shows no shop {id}"), "compare crm_location_id with the CRM")
        }
        None => Check::wrong("in the CRM", "cannot be looked at without the key", "mend the key"),
    }];
    let set = |what: &str, text: &str, column: &str| {
        if text.trim().is_empty() {
            Check::wrong(what, "is empty", format!("import the shop again with {column}"))
        } else {
            Check::well(what, text.trim())
        }
    };
    checks.push(set("hours", &location.hours, "hours"));
    checks.push(set("postal address", &location.postal_address, "postal_address; emails must show it"));
    checks.push(match account {
        None => Check::wrong("catalog", "cannot be looked at without the key", "mend the key"),
        Some(account) => match account.services(id, Patience::Background(PATIENCE)).await {
            Ok(services) if services.is_empty() => Check::wrong(
                "catalog",
                "is empty",
                "add canned services in the CRM: without them nobody can be told a price",
            ),
            Ok(services) => Check::well("catalog", format!("{} services", services.len())),
            Err(error) => Check::wrong("catalog", causes(&error), "check the key's permissions"),
        },
    });
    if let Some(bus) = bus {
        checks.push(rehearse(desk, bus, tenant, location.id).await.unwrap_or_else(|error| {
            Check::wrong("test lead", causes(&error), "check Postgres and NATS with: leads doctor")
        }));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_is_everything() {
        let well = Check::well("a", "");
        let wrong = Check::wrong("b", "", "");
        assert_eq!(score([&well, &well].into_iter()), 100);
        assert_eq!(score(std::iter::repeat_n(&well, 299).chain([&wrong])), 99);
        assert_eq!(score([&wrong].into_iter()), 0);
    }
}
