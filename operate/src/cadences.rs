//! Cadences as data: saving versions, using them somewhere, what that would do first, and how experiments end.

use chrono::{DateTime, Utc};
use domain::{Cadence, LeadId};
use serde::Serialize;
use store::{ArmScore, CadenceChange, CadenceLine, CadenceUse, Prices, Rival, Transaction, UseScope};

use crate::{Desk, Error, onboard::without_words};

const MOST_CHANGES: u16 = 100;
const LEADS_AT_ONCE: u16 = 500;
const LONGEST_NAME: usize = 40;

/// Where somebody wants a cadence used, in the words of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WantedPlace {
    Everywhere,
    Region(String),
    /// The CRM's id of the shop.
    Location(String),
}

/// What somebody wants used, and where. `what` `None`: nothing of its own, so that what is above it counts there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedUse {
    pub place: WantedPlace,
    pub what: Option<WantedCadence>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedCadence {
    pub cadence: String,
    /// `None`: its newest.
    pub version: Option<i32>,
    pub is_locked: bool,
    pub against: Option<WantedRival>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedRival {
    pub experiment: String,
    pub cadence: String,
    pub percent: u8,
}

/// What a change does, or would do, to the leads that are live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Effect {
    pub leads: u64,
    /// Touches.
    pub kept: u64,
    pub moved: u64,
    pub added: u64,
    pub dropped: u64,
    /// Of those moved and added, that no rule would ever let leave.
    pub never: u64,
}

/// An arm of an experiment with what it has cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmResult {
    #[serde(flatten)]
    pub score: ArmScore,
    /// Millionths of a dollar.
    pub cost_micros: u64,
    /// `None`: nobody has booked.
    pub cost_micros_per_booking: Option<u64>,
}

/// Saves the next version of a cadence. Nobody is written to by it before it is used.
pub async fn save_cadence(desk: &Desk, slug: &str, name: &str, steps: &Cadence, by: &str) -> Result<i32, Error> {
    check_name(name)?;
    let mut tx = desk.store.begin(desk.find(slug).await?).await?;
    let templates = tx.tenants().list_templates().await?;
    if let Some((step, channel)) = without_words(steps.steps(), &templates) {
        return Err(Error::NoSuchTemplate(format!("{} ({})", step.template, channel.as_str())));
    }
    let version = tx.cadences().save(name, steps, by, desk.clock.now()).await?;
    tx.commit().await?;
    Ok(version)
}

fn check_name(name: &str) -> Result<(), Error> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let fits = !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(is_plain);
    if fits { Ok(()) } else { Err(Error::CadenceName(name.chars().take(LONGEST_NAME).collect())) }
}

/// Every version, and where which is used.
pub async fn list_cadences(desk: &Desk, slug: &str) -> Result<(Vec<CadenceLine>, Vec<CadenceUse>), Error> {
    let mut tx = desk.store.begin(desk.find(slug).await?).await?;
    Ok((tx.cadences().list().await?, tx.cadences().list_uses().await?))
}

/// What using it there would do to the leads that are live. Nothing is changed. `progress` hears of each lead.
pub async fn preview_use(
    desk: &Desk,
    slug: &str,
    wanted: &WantedUse,
    mut progress: impl FnMut(u64),
) -> Result<Effect, Error> {
    let now = desk.clock.now();
    let mut tx = desk.store.begin(desk.find(slug).await?).await?;
    // Taken back when the transaction is dropped.
    let scope = put_there(&mut tx, slug, wanted, "nobody", now).await?.0;
    let mut effect = Effect::default();
    let mut after: Option<LeadId> = None;
    loop {
        let leads = tx.cadences().list_live(&scope, after, LEADS_AT_ONCE).await?;
        for lead in &leads {
            if let Some(found) = tx.cadences().find_replan(*lead, now).await? {
                let count = |of: usize| u64::try_from(of).unwrap_or_default();
                effect.leads += 1;
                effect.kept += count(found.replan.kept);
                effect.moved += count(found.replan.moved.len());
                effect.added += count(found.replan.added.len());
                effect.dropped += count(found.replan.dropped.len());
                effect.never += count(found.never);
            }
            progress(effect.leads);
        }
        after = leads.last().copied();
        if after.is_none() {
            return Ok(effect);
        }
    }
}

/// Has it used there: at once for whoever asks from now on, and little by little for the leads that are live. Answers how many those
/// are.
pub async fn use_cadence(desk: &Desk, slug: &str, wanted: &WantedUse, by: &str) -> Result<i64, Error> {
    let now = desk.clock.now();
    let mut tx = desk.store.begin(desk.find(slug).await?).await?;
    let (scope, what) = put_there(&mut tx, slug, wanted, by, now).await?;
    let leads = tx.cadences().start_change(&scope, &what, by, now).await?;
    tx.commit().await?;
    Ok(leads)
}

/// How far changes have come, the newest first.
pub async fn list_cadence_changes(desk: &Desk, slug: &str) -> Result<Vec<CadenceChange>, Error> {
    let mut tx = desk.store.begin(desk.find(slug).await?).await?;
    Ok(tx.cadences().list_changes(MOST_CHANGES).await?)
}

/// What each arm of an experiment has come to, and what a booking has cost in it.
pub async fn score_experiment(desk: &Desk, slug: &str, experiment: &str) -> Result<Vec<ArmResult>, Error> {
    let mut tx = desk.store.begin(desk.find(slug).await?).await?;
    let Prices { text_segment_micros, email_micros, whatsapp_micros } = tx.tenants().settings().await?.prices;
    let scores = tx.cadences().score(experiment).await?;
    if scores.is_empty() {
        return Err(Error::NoSuchExperiment(experiment.to_owned()));
    }
    let result = scores.into_iter().map(|score| {
        let cost_micros = score.text_segments * u64::from(text_segment_micros)
            + score.emails * u64::from(email_micros)
            + score.whatsapp_messages * u64::from(whatsapp_micros);
        let booked = u64::try_from(score.booked).unwrap_or_default();
        ArmResult { cost_micros, cost_micros_per_booking: cost_micros.checked_div(booked), score }
    });
    Ok(result.collect())
}

/// Has it used there, or taken away from there, within the transaction. Answers where, and what that is called.
async fn put_there(
    tx: &mut Transaction,
    slug: &str,
    wanted: &WantedUse,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(UseScope, String), Error> {
    let scope = find_place(tx, slug, &wanted.place).await?;
    let Some(what) = &wanted.what else {
        if !tx.cadences().end_use(&scope).await? {
            return Err(Error::NothingUsed);
        }
        return Ok((scope, "nothing of its own".to_owned()));
    };
    let used = resolve(tx, scope, what).await?;
    tx.cadences().set_use(&used, by, now).await?;
    let what = format!("{}@{}", used.cadence, used.version);
    Ok((used.scope, what))
}

/// Where nothing above is locked: that would count in its place, and nobody would know why.
async fn find_place(tx: &mut Transaction, slug: &str, place: &WantedPlace) -> Result<UseScope, Error> {
    let locations = tx.locations().list().await?;
    let (scope, region) = match place {
        WantedPlace::Everywhere => (UseScope::Tenant, None),
        WantedPlace::Region(name) => {
            if !locations.iter().any(|location| location.region.as_ref() == Some(name)) {
                return Err(Error::NoSuchRegion(name.clone()));
            }
            (UseScope::Region(name.clone()), None)
        }
        WantedPlace::Location(id) => {
            let found = locations.iter().find(|location| location.crm_location_id == *id);
            let found = found.ok_or_else(|| Error::NoSuchShop(slug.to_owned()))?;
            (UseScope::Location(found.id), found.region.clone())
        }
    };
    let is_above = |used: &CadenceUse| match (&used.scope, &scope) {
        (UseScope::Tenant, UseScope::Region(_) | UseScope::Location(_)) => true,
        (UseScope::Region(name), UseScope::Location(_)) => region.as_ref() == Some(name),
        _ => false,
    };
    match tx.cadences().list_uses().await?.into_iter().find(|used| used.is_locked && is_above(used)) {
        Some(lock) => Err(Error::Locked(lock.cadence)),
        None => Ok(scope),
    }
}

async fn resolve(tx: &mut Transaction, scope: UseScope, what: &WantedCadence) -> Result<CadenceUse, Error> {
    let WantedCadence { cadence, version, is_locked, against } = what;
    let no_such = |name: &str| Error::NoSuchCadence(name.to_owned());
    let (version, _) = tx.cadences().find(cadence, *version).await?.ok_or_else(|| no_such(cadence))?;
    let rival = match against {
        None => None,
        Some(WantedRival { experiment, cadence: rival, percent }) => {
            let (rival_version, _) = tx.cadences().find(rival, None).await?.ok_or_else(|| no_such(rival))?;
            if (rival, rival_version) == (cadence, version) {
                return Err(Error::AgainstItself(rival.clone()));
            }
            check_name(experiment)?;
            // Who is in it stays in it, and would be counted for an arm that they never had.
            let (own, other) = (format!("{cadence}@{version}"), format!("{rival}@{rival_version}"));
            if tx.cadences().list_arms(experiment).await?.iter().any(|arm| *arm != own && *arm != other) {
                return Err(Error::OtherArms(experiment.clone()));
            }
            let (experiment, cadence) = (experiment.clone(), rival.clone());
            Some(Rival { experiment, cadence, version: rival_version, percent: *percent })
        }
    };
    Ok(CadenceUse { scope, cadence: cadence.clone(), version, is_locked: *is_locked, rival })
}
