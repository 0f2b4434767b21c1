//! What really happened, from the simulator's journal and Postgres: nothing lost, nothing twice.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use domain::{LeadId, MessageState};
use serde::Serialize;
use sim::{
    Event,
    play::{Kind, Scene},
};

use crate::demo::Site;

/// What `leads demo --check --json` prints.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub webhooks: usize,
    pub leads: i64,
    /// By reason; an order may have several.
    pub not_leads: BTreeMap<String, i64>,
    pub refused_at_the_door: usize,
    /// Leads whose only webhook was refused, and that were found by looking through the CRM.
    pub found_by_poll: usize,
    /// Leads without a number or an address that may be used.
    pub nobody_to_write_to: usize,
    /// By channel, then by state.
    pub messages: BTreeMap<String, BTreeMap<String, i64>>,
    /// Quotes that should have become a lead and did not, or whose first touch nobody got, each with what is missing.
    pub lost: Vec<String>,
    /// Texts and emails that the same customer got twice.
    pub duplicates: Vec<String>,
    /// Messages to people that safe mode should have kept us from.
    pub to_strangers: usize,
    pub dead_letters: usize,
    /// Messages that were still to be done, in the streams or in hand, when waiting for them was given up.
    pub unsettled: u64,
    pub first_touch: Latency,
}

/// From the first webhook about an order to the vendor's taking of the first message, in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Latency {
    pub count: usize,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

impl Report {
    pub fn is_clean(&self) -> bool {
        self.lost.is_empty()
            && self.duplicates.is_empty()
            && self.to_strangers == 0
            && self.dead_letters == 0
            && self.unsettled == 0
    }
}

/// Looks at everything that was played.
pub async fn report(site: &Site, scenes: &[Scene]) -> anyhow::Result<Report> {
    let entries = site.sim.world.journal.entries();
    let everywhere = site.store.everywhere();
    let mut messages: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for count in everywhere.count_messages_by_state().await? {
        messages.entry(count.channel).or_default().insert(count.state, count.messages);
    }
    let in_hand = messages.values().flat_map(|states| ["claimed", "unknown"].map(|state| states.get(state)));
    let in_hand = in_hand.flatten().sum::<i64>().unsigned_abs();
    let taken = Taken::of(&entries);
    let (mut lost, mut found_by_poll) = (Vec::new(), 0);
    for scene in scenes {
        let missing = what_is_missing(site, scene, &taken).await?;
        found_by_poll += usize::from(scene.kind == Kind::Refused && missing.is_none());
        lost.extend(missing);
    }
    let strangers = |scene: &&Scene| scene.kind == Kind::NotOnTheList;
    let stranger_phones: Vec<_> =
        scenes.iter().filter(strangers).filter_map(|scene| scene.quote.phone.clone()).collect();
    Ok(Report {
        webhooks: count(&entries, |event| matches!(event, Event::WebhookSent { .. })),
        leads: everywhere.count_leads_by_status().await?.iter().map(|(_, leads)| leads).sum(),
        not_leads: everywhere.count_judgements_by_reason().await?.into_iter().collect(),
        refused_at_the_door: count(
            &entries,
            |event| matches!(event, Event::WebhookAnswered { status, .. } if (400..500).contains(status)),
        ),
        found_by_poll,
        nobody_to_write_to: scenes.iter().filter(|scene| scene.kind == Kind::Unreachable).count(),
        messages,
        lost,
        duplicates: taken.twice,
        to_strangers: stranger_phones.iter().filter(|phone| taken.first.contains_key(*phone)).count(),
        unsettled: in_hand,
        dead_letters: everywhere.list_open_dead_letters(1_000).await?.len(),
        first_touch: latency(scenes, &entries, &taken.first),
    })
}

fn count(entries: &[sim::Entry], wanted: impl Fn(&Event) -> bool) -> usize {
    entries.iter().filter(|entry| wanted(&entry.event)).count()
}

/// What vendors took, by recipient.
struct Taken {
    /// When each recipient's first message was taken.
    first: HashMap<String, DateTime<Utc>>,
    twice: Vec<String>,
}

impl Taken {
    fn of(entries: &[sim::Entry]) -> Self {
        let mut taken = Self { first: HashMap::new(), twice: Vec::new() };
        let mut seen = HashMap::new();
        for entry in entries {
            let (to, words) = match &entry.event {
                Event::Text { to, body, .. } => (to, body),
                Event::Email { to, subject, .. } => (to, subject),
                _ => continue,
            };
            taken.first.entry(to.clone()).or_insert(entry.at);
            if seen.insert((to.clone(), words.clone()), entry.at).is_some() {
                taken.twice.push(format!("{to} got twice: {words}"));
            }
        }
        taken
    }
}

async fn what_is_missing(site: &Site, scene: &Scene, taken: &Taken) -> anyhow::Result<Option<String>> {
    if scene.kind == Kind::NotALead {
        return Ok(None);
    }
    let order = &scene.quote.order_id;
    let id = LeadId::of_order(site.franchise.tenant, domain::CrmName::Shopmonkey.as_str(), order);
    let mut tx = site.store.begin(site.franchise.tenant).await?;
    let Some(lead) = tx.leads().lookup(id).await? else {
        return Ok(Some(format!("{order}: no lead")));
    };
    let reached_by = match scene.kind {
        Kind::Texted | Kind::Refused => &scene.quote.phone,
        Kind::Emailed => &scene.quote.email,
        Kind::Unreachable | Kind::NotOnTheList | Kind::NotALead => return Ok(None),
    };
    if lead.planned_at.is_none() {
        return Ok(Some(format!("{order}: lead {id} has no plan")));
    }
    let first = tx.messages().list(id).await?.into_iter().next();
    let state = first.map(|message| message.state);
    if !matches!(state, Some(MessageState::Sent | MessageState::Delivered)) {
        let state = state.map_or("missing", MessageState::as_str);
        return Ok(Some(format!("{order}: the first touch of lead {id} is {state}")));
    }
    let arrived = reached_by.as_ref().is_some_and(|to| taken.first.contains_key(to));
    Ok((!arrived).then(|| format!("{order}: we say lead {id} was written to, and no vendor knows of it")))
}

fn latency(scenes: &[Scene], entries: &[sim::Entry], first: &HashMap<String, DateTime<Utc>>) -> Latency {
    let asked = asked_at(entries);
    let mut waits: Vec<f64> = scenes.iter().filter_map(|scene| wait_ms(scene, &asked, first)).collect();
    waits.sort_by(f64::total_cmp);
    Latency { count: waits.len(), p50_ms: percentile(&waits, 50), p99_ms: percentile(&waits, 99) }
}

/// When the first webhook about each order went out.
fn asked_at(entries: &[sim::Entry]) -> HashMap<&str, DateTime<Utc>> {
    let mut asked = HashMap::new();
    for entry in entries {
        if let Event::WebhookSent { order, .. } = &entry.event {
            asked.entry(order.as_str()).or_insert(entry.at);
        }
    }
    asked
}

fn wait_ms(scene: &Scene, asked: &HashMap<&str, DateTime<Utc>>, first: &HashMap<String, DateTime<Utc>>) -> Option<f64> {
    let to = match scene.kind {
        Kind::Texted => scene.quote.phone.as_ref()?,
        Kind::Emailed => scene.quote.email.as_ref()?,
        Kind::Unreachable | Kind::NotOnTheList | Kind::NotALead | Kind::Refused => return None,
    };
    let wait = *first.get(to)? - *asked.get(scene.quote.order_id.as_str())?;
    Some(wait.as_seconds_f64() * 1_000.0)
}

/// The scene of this kind whose customer waited as long as most did.
pub(super) fn typical<'s>(scenes: &'s [Scene], kind: Kind, entries: &[sim::Entry], p50_ms: f64) -> Option<&'s Scene> {
    let (asked, taken) = (asked_at(entries), Taken::of(entries));
    let distance = |scene: &Scene| wait_ms(scene, &asked, &taken.first).map_or(f64::MAX, |wait| (wait - p50_ms).abs());
    let of_kind = scenes.iter().filter(|scene| scene.kind == kind);
    of_kind.min_by(|one, other| distance(one).total_cmp(&distance(other)))
}

/// Of sorted values, the smallest that at least `percent` of all do not exceed.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    let value = sorted.get(rank).copied().unwrap_or_default();
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "values that occurred, not computed ones")]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!((percentile(&values, 50), percentile(&values, 99)), (100.0, 198.0));
        assert_eq!(percentile(&[], 50), 0.0);
        assert_eq!(percentile(&[7.0], 99), 7.0);
    }
}
