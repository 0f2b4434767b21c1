//! A lead of nobody's, from the door to the last step before a message leaves: whatever the hour, nobody is written to.

use std::{collections::BTreeMap, time::Duration};

use chrono::Utc;
use domain::{LeadId, LocationId, MessageState, StopReason, TenantId, ToldBy, WithheldReason};
use events::{FormSubmission, Inbound, InboundKind, REHEARSAL, Source};
use stage::Bus;
use store::MessageLine;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::preflight::Check;
use crate::{Desk, Error, PATIENCE};

const DONE_WITHIN: Duration = Duration::from_secs(30);
const LOOKS_AGAIN_AFTER: Duration = Duration::from_millis(100);
const WHAT: &str = "test lead";

/// How far it came.
enum Reached {
    Nothing,
    /// It is kept, and nothing is planned for it.
    Lead,
    Planned(chrono::DateTime<Utc>),
    Rehearsed,
    Stuck(String),
}

pub(super) async fn rehearse(desk: &Desk, bus: &Bus, tenant: TenantId, location: LocationId) -> Result<Check, Error> {
    let submission = submission(location, desk.clock.now());
    let lead = LeadId::of_order(tenant, Source::Form.as_str(), &submission.id);
    let body = serde_json::to_vec(&submission).unwrap_or_default();
    let inbound = Inbound {
        tenant,
        source: Source::Form,
        kind: InboundKind::Form,
        key: submission.id,
        told_by: ToldBy::Webhook,
        received_at: desk.clock.wall(),
        query: String::new(),
        body: body.into(),
    };
    bus.publish(&inbound.pack(), PATIENCE).await?;
    let deadline = Instant::now() + DONE_WITHIN;
    let reached = loop {
        let reached = look(desk, tenant, lead).await?;
        if matches!(reached, Reached::Rehearsed | Reached::Stuck(_)) || Instant::now() > deadline {
            break reached;
        }
        if matches!(&reached, Reached::Planned(due) if *due > desk.clock.now()) {
            break reached;
        }
        sleep(LOOKS_AGAIN_AFTER).await;
    };
    let mut tx = desk.store.begin(tenant).await?;
    tx.leads().stop(lead, StopReason::Rehearsal, desk.clock.now()).await?;
    tx.commit().await?;
    let seconds = DONE_WITHIN.as_secs();
    Ok(match reached {
        Reached::Rehearsed => Check::well(WHAT, "came through to its first message, which went to nobody"),
        Reached::Planned(due) if due > desk.clock.now() => {
            Check::well(WHAT, format!("is planned for {}, when messages may leave", due.format("%Y-%m-%d %H:%M UTC")))
        }
        Reached::Nothing => Check::wrong(WHAT, format!("was not read within {seconds} s"), "check that enrich runs"),
        Reached::Lead => Check::wrong(WHAT, format!("was not planned within {seconds} s"), "check that schedule runs"),
        Reached::Planned(_) => Check::wrong(WHAT, format!("was not sent within {seconds} s"), "check that notify runs"),
        Reached::Stuck(why) => {
            Check::wrong(WHAT, format!("its first message was withheld: {why}"), "mend its template")
        }
    })
}

fn submission(location: LocationId, now: chrono::DateTime<Utc>) -> FormSubmission {
    let id = format!("rehearsal-{}", Uuid::new_v4().simple());
    let answers = [
        ("name", "Rehearsal".to_owned()),
        ("email", format!("{id}@rehearsal.invalid")),
        ("service", "Window Tint".to_owned()),
    ];
    FormSubmission {
        id,
        form: REHEARSAL.to_owned(),
        location,
        answers: answers.into_iter().map(|(name, words)| (name.to_owned(), words)).collect(),
        consent: None,
        metadata: BTreeMap::new(),
        is_suspected: false,
        asked_at: now,
    }
}

async fn look(desk: &Desk, tenant: TenantId, lead: LeadId) -> Result<Reached, Error> {
    let mut tx = desk.store.begin(tenant).await?;
    if tx.leads().lookup(lead).await?.is_none() {
        return Ok(Reached::Nothing);
    }
    let messages = tx.messages().list(lead).await?;
    Ok(messages.first().map_or(Reached::Lead, reached))
}

fn reached(first: &MessageLine) -> Reached {
    match (first.state, first.reason.as_deref()) {
        (MessageState::Withheld, Some(why)) if why == WithheldReason::Rehearsal.as_str() => Reached::Rehearsed,
        (MessageState::Withheld, why) => Reached::Stuck(why.unwrap_or("it does not say why").to_owned()),
        _ => Reached::Planned(first.due_at),
    }
}
