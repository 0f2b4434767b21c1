//! Every order the CRM knows against every one we received, and what became of it.

use std::collections::{BTreeMap, HashMap};

use accounts::{Account, Patience, Step, Walk};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use crm::{Feed, Row, Stamp, Window};
use domain::{NotALead, TenantId, ToldBy};
use serde::Serialize;
use stage::Bus;
use store::{Judged, LeadStanding, Location};

use crate::{Desk, Error, PATIENCE, tell::tell};

/// What changed less long ago may still be on its way to us.
const ON_ITS_WAY: TimeDelta = TimeDelta::seconds(60);

/// A tenant's orders of some days.
#[derive(Debug, Clone, Serialize)]
pub struct Ledger {
    pub tenant: String,
    pub from: NaiveDate,
    pub to: NaiveDate,
    pub days: Vec<LedgerDay>,
    /// Of all days together.
    pub missing: usize,
    /// The CRM showed less than it has: instants with more orders than it lists at once.
    pub crowded_instants: u32,
    /// Shops that the CRM does not show us, by its ids of them: of their orders nothing is known.
    pub refused_shops: Vec<String>,
}

/// One day of one shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerDay {
    /// In the shop's own time.
    pub day: NaiveDate,
    /// The CRM's id of the shop; empty, where it says none.
    pub crm_location_id: String,
    /// The shop's name, or the CRM's id of one that is not set up.
    pub location: String,
    pub orders: usize,
    /// By status.
    pub leads: BTreeMap<String, usize>,
    /// By reason; an order may have several.
    pub not_leads: BTreeMap<String, usize>,
    /// How we first heard of them.
    pub told_by: BTreeMap<String, usize>,
    /// Made or changed a moment ago; a look a minute later shows them.
    pub on_their_way: usize,
    pub missing: Vec<MissingOrder>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingOrder {
    pub order_id: String,
    pub why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// We do not know of it.
    NeverJudged,
    /// It has changed since we judged it.
    JudgedBeforeItsChange,
    /// Its shop was not set up when we judged it, and is now.
    ShopWasUnknown,
}

/// What a comparison found, with the rows that a recovery tells.
struct Compared {
    /// By the day, the shop's name, and the CRM's id of it: names may be the same.
    days: BTreeMap<(NaiveDate, String, String), LedgerDay>,
    missing: Vec<Row>,
    crowded_instants: u32,
    refused_shops: Vec<String>,
}

/// Compares the days from `from` to `to`, both included. `recover`: tells what is missing, waits for its judgement, and compares
/// again; what is missing then could not be recovered.
pub async fn read_ledger(
    desk: &Desk,
    slug: &str,
    from: NaiveDate,
    to: NaiveDate,
    recover: Option<&Bus>,
) -> Result<Ledger, Error> {
    let tenant = desk.find(slug).await?;
    let account = desk.account(slug, tenant).await?;
    let mut tx = desk.store.begin(tenant).await?;
    let shops: HashMap<_, _> =
        tx.locations().list().await?.into_iter().map(|shop| (shop.crm_location_id.clone(), shop)).collect();
    drop(tx);
    let window = window_of(&shops, from, to).ok_or(Error::NoDays { from, to })?;
    let days = from..=to;
    let mut compared = compare(desk, &account, &shops, window, &|day| days.contains(&day)).await?;
    if let Some(bus) = recover
        && !compared.missing.is_empty()
    {
        tell(desk, bus, &account, std::mem::take(&mut compared.missing), ToldBy::Ledger).await?;
        compared = compare(desk, &account, &shops, window, &|day| days.contains(&day)).await?;
    }
    let days: Vec<_> = compared.days.into_values().collect();
    Ok(Ledger {
        tenant: slug.to_owned(),
        from,
        to,
        missing: days.iter().map(|day| day.missing.len()).sum(),
        crowded_instants: compared.crowded_instants,
        refused_shops: compared.refused_shops,
        days,
    })
}

/// From the first shop's first midnight to the last one's last.
fn window_of(shops: &HashMap<String, Location>, from: NaiveDate, to: NaiveDate) -> Option<Window> {
    let zones = || shops.values().map(|shop| shop.time_zone).chain([Tz::UTC]);
    let first = zones().map(|zone| midnight(zone, from)).min()?;
    let last = zones().filter_map(|zone| Some(midnight(zone, to.checked_add_days(Days::new(1))?))).max()?;
    if from > to { None } else { Window::new(first, last) }
}

/// A midnight that a change of the clocks leaves out, or gives twice, is the earlier instant.
fn midnight(zone: Tz, day: NaiveDate) -> DateTime<Utc> {
    let local = day.and_time(NaiveTime::MIN);
    let earliest = zone.from_local_datetime(&local).earliest();
    earliest.map_or_else(|| local.and_utc() - TimeDelta::hours(14), |at| at.to_utc())
}

async fn compare(
    desk: &Desk,
    account: &Account,
    shops: &HashMap<String, Location>,
    window: Window,
    is_wanted: &(dyn Fn(NaiveDate) -> bool + Sync),
) -> Result<Compared, Error> {
    let mut compared =
        Compared { days: BTreeMap::new(), missing: Vec::new(), crowded_instants: 0, refused_shops: Vec::new() };
    let mut walk = Walk::new(account, Feed::Orders, Stamp::Created, window, Patience::Background(PATIENCE));
    while let Some(step) = walk.next().await {
        let rows = match step? {
            Step::Looked(rows) => rows,
            Step::Halved => continue,
            Step::Refused(shop) => {
                compared.refused_shops.push(shop);
                continue;
            }
        };
        let (judged, leads) = known(desk, account.tenant, account.crm_name(), &rows).await?;
        for row in rows {
            let shop = row.location_id.as_ref().and_then(|id| shops.get(id));
            let zone = shop.map_or(Tz::UTC, |shop| shop.time_zone);
            let Some(day) = row.created_at.map(|at| at.with_timezone(&zone).date_naive()).filter(|day| is_wanted(*day))
            else {
                continue;
            };
            let crm_location_id = row.location_id.clone().unwrap_or_default();
            let location = shop.map_or_else(|| crm_location_id.clone(), |shop| shop.name.clone());
            let key = (day, location.clone(), crm_location_id.clone());
            let entry = compared.days.entry(key).or_insert_with(|| LedgerDay {
                day,
                crm_location_id,
                location,
                orders: 0,
                leads: BTreeMap::new(),
                not_leads: BTreeMap::new(),
                told_by: BTreeMap::new(),
                on_their_way: 0,
                missing: Vec::new(),
            });
            entry.orders += 1;
            let changed_at = row.changed_at.or(row.created_at);
            let is_on_its_way = changed_at.is_some_and(|at| at + ON_ITS_WAY > desk.clock.now());
            let known = judged.get(&row.id);
            let is_in_it = |known: &Judged| account.crm.has_in_it(known.crm_version, known.judged_at, row.version);
            match missing(known, known.is_some_and(is_in_it), shop.is_some()) {
                Some(_) if is_on_its_way => entry.on_their_way += 1,
                Some(why) => {
                    entry.missing.push(MissingOrder { order_id: row.id.clone(), why });
                    compared.missing.push(row);
                }
                None => count(entry, &judged[&row.id], leads.get(&row.id)),
            }
        }
    }
    compared.crowded_instants = walk.crowded();
    Ok(compared)
}

type Known = (HashMap<String, Judged>, HashMap<String, LeadStanding>);

async fn known(desk: &Desk, tenant: TenantId, crm: &'static str, rows: &[Row]) -> Result<Known, Error> {
    let ids: Vec<_> = rows.iter().map(|row| row.id.clone()).collect();
    let mut tx = desk.store.begin(tenant).await?;
    Ok((tx.leads().list_judged(crm, &ids).await?, tx.leads().list_standings(crm, &ids).await?))
}

/// `is_in_it`: what was judged has the order's last change in it.
fn missing(judged: Option<&Judged>, is_in_it: bool, shop_is_known: bool) -> Option<Why> {
    let Some(judged) = judged else { return Some(Why::NeverJudged) };
    let shop_was_unknown = judged.reasons.iter().any(|reason| reason == NotALead::UnknownLocation.as_str());
    if is_in_it {
        (shop_was_unknown && shop_is_known).then_some(Why::ShopWasUnknown)
    } else {
        Some(Why::JudgedBeforeItsChange)
    }
}

fn count(day: &mut LedgerDay, judged: &Judged, lead: Option<&LeadStanding>) {
    let add = |to: &mut BTreeMap<String, usize>, what: String| *to.entry(what).or_default() += 1;
    let told_by = judged.told_by.map_or_else(|| "unknown".to_owned(), |by| by.to_string());
    add(&mut day.told_by, told_by);
    match lead {
        Some(LeadStanding { status, no_contact: Some(why), .. }) => add(&mut day.leads, format!("{status} ({why})")),
        Some(LeadStanding { status, stop_reason: Some(why), .. }) => add(&mut day.leads, format!("{status} ({why})")),
        Some(LeadStanding { status, .. }) => add(&mut day.leads, status.clone()),
        None => {
            for reason in &judged.reasons {
                add(&mut day.not_leads, reason.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(crm_version: i64, reasons: &[&str]) -> Judged {
        Judged {
            crm_version,
            is_lead: reasons.is_empty(),
            reasons: reasons.iter().map(ToString::to_string).collect(),
            told_by: None,
            first_judged_at: None,
            judged_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_is_not_known_as_it_is_now_is_missing() {
        assert_eq!(missing(None, false, true), Some(Why::NeverJudged));
        assert_eq!(missing(Some(&judged(2, &[])), false, true), Some(Why::JudgedBeforeItsChange));
        assert_eq!(missing(Some(&judged(3, &[])), true, true), None);
        let unknown = judged(4, &["unknown_location"]);
        assert_eq!(missing(Some(&unknown), true, true), Some(Why::ShopWasUnknown));
        assert_eq!(missing(Some(&unknown), true, false), None);
    }

    #[test]
    fn a_midnight_that_the_clocks_leave_out_is_no_later_than_the_day() {
        let zone: Tz = "America/Sao_Paulo".parse().unwrap();
        let day = NaiveDate::from_ymd_opt(2018, 11, 4).unwrap();
        assert!(midnight(zone, day) < zone.from_local_datetime(&day.and_hms_opt(1, 0, 0).unwrap()).unwrap().to_utc());
    }
}
