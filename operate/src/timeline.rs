//! A lead's story, in words.

use chrono::{DateTime, Utc};
use domain::LeadId;
use serde::Serialize;
use store::Happening;

use crate::{Desk, Error};

/// One line of the story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimelineLine {
    pub at: DateTime<Utc>,
    /// `customer`, `we`, `vendor`, or whoever of the staff it was.
    pub who: String,
    pub what: String,
    /// Who did what, and why, in a sentence.
    pub says: String,
}

/// Everything that happened to a lead, in its order.
pub async fn read_timeline(desk: &Desk, slug: &str, lead: LeadId) -> Result<Vec<TimelineLine>, Error> {
    let mut tx = desk.store.begin(desk.find(slug).await?).await?;
    tx.leads().lookup(lead).await?.ok_or(Error::NoSuchLead(lead))?;
    let story = tx.timeline().list(lead).await?;
    Ok(story.into_iter().map(tell).collect())
}

fn tell(happening: Happening) -> TimelineLine {
    let says = sentence(&happening);
    let Happening { at, who, what, .. } = happening;
    TimelineLine { at, who, what, says }
}

fn is_ours(why: &str) -> bool {
    ["senders_day_is_full", "vendor_away", "held_up"].contains(&why)
}

fn sentence(happening: &Happening) -> String {
    let Happening { who, what, detail, why, moves, .. } = happening;
    let detail = detail.as_deref().unwrap_or_default().replace(['\n', '\r'], " ");
    let because = why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    match what.as_str() {
        "asked" if detail.is_empty() => "The customer asked for a quote".to_owned(),
        "asked" => format!("The customer asked for {detail}"),
        "heard" => format!("We heard of it from {detail}"),
        "planned" => "We planned the follow-up".to_owned(),
        "speaks" if who == "we" => format!("By their own words they are written to in another language ({detail})"),
        "speaks" => format!("{who} has them written to in another language ({detail})"),
        "cadence" => format!("{who} changed the follow-up to {detail}"),
        "sent" => {
            let mut rules: Vec<_> = moves.iter().map(|moved| moved.because.to_string()).collect();
            rules.dedup();
            let moved =
                if rules.is_empty() { String::new() } else { format!(", not earlier because {}", rules.join("; ")) };
            format!("We sent {detail}{moved}")
        }
        // Words of our own: nobody was asked.
        "not_taken" if why.as_deref().is_some_and(is_ours) => format!("{detail} did not leave{because}"),
        "not_taken" if why.as_deref() == Some("lost") => format!("The vendor does not say whether it has {detail}"),
        "not_taken" => format!("The vendor did not take {detail}{because}; we try again"),
        "delivered" => format!("{detail} arrived"),
        "failed" => format!("{detail} did not arrive{because}"),
        "withheld" => format!("We withheld {detail}{because}"),
        "cancelled" => format!("We cancelled {detail}{because}"),
        "wrote" => format!("The customer wrote: {detail}"),
        "opted_out" => format!("Nothing more goes to them by {detail}{because}"),
        "opted_in" => format!("They want messages by {detail} again"),
        "ended" => format!("The follow-up ended{because}"),
        "sla_warning" => "The time to answer was running out".to_owned(),
        "sla_breach" => "Nobody had answered in time".to_owned(),
        "took_it" => format!("{who} took it"),
        "answered" => format!("{who} answered the customer"),
        "told" => format!("We told {detail}"),
        "not_told" => format!("We did not tell {detail}{because}"),
        "unreachable" => format!("Nothing reaches them by {detail}{because}"),
        "reachable" => format!("They wrote by {detail}, so they are reached by it again"),
        "task_added" => format!("To do: {detail}{because}"),
        "task_taken" => format!("{who} does it: {detail}"),
        "task_done" => format!("Done: {detail}"),
        "paused" => format!("{who} paused {detail}{because}"),
        "resumed" => format!("{who} resumed {detail}"),
        "merged" => format!("It is one with lead {detail}{because}"),
        "parted" => format!("It was taken apart from lead {detail}"),
        other => format!("{other} {detail}{because}"),
    }
}
