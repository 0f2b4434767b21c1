//! A customer wrote back: the follow-up ends, and an opt-out takes effect, in one transaction.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    CONFIRMED_WITHIN, Channel, Keyword, LeadId, MessageId, StopReason, TaskId, is_confirmed_by_vendor, keyword,
};
use events::{Inbound, LeadReplied, MessageAwaited, Stream};
use stage::{Context, Failure, Stage};
use store::{NewTask, Reply, Transaction};
use tracing::info;

use crate::written::{self, Text};

/// Before the staff is told that somebody who wrote back has no answer.
const ANSWER_WITHIN: TimeDelta = TimeDelta::minutes(15);

pub(crate) struct Hear;

/// Whether it is somebody's answer, for the fuzzers.
pub(crate) fn read(inbound: &Inbound) -> Result<bool, Failure> {
    written::read(inbound).map(|texts| !texts.is_empty())
}

impl Stage for Hear {
    const NAME: &'static str = "enrich-replies";
    const STREAM: Stream = Stream::Inbound;
    type Input = Inbound;

    async fn handle(&self, cx: &Context, inbound: Inbound) -> Result<(), Failure> {
        let texts = written::read(&inbound)?;
        if texts.is_empty() {
            info!("a message from a short code or a name is nobody's answer; it stays in INBOUND");
        }
        // Each by itself: a repeat finds what was done, and does the rest.
        for text in &texts {
            hear(cx, &inbound, text).await?;
        }
        Ok(())
    }
}

async fn hear(cx: &Context, inbound: &Inbound, text: &Text) -> Result<(), Failure> {
    let now = cx.now();
    let mut tx = cx.begin(inbound.tenant).await?;
    let leads = tx.leads().find_by_phone(&text.from).await?;
    let reply = Reply {
        source: inbound.source.as_str(),
        provider_id: &text.id,
        lead: leads.first().copied(),
        body: &text.body,
        received_at: now,
    };
    let is_new = tx.replies().add(&reply).await?;
    // The vendor's clock knows whole seconds: what came within the same one was said when it came.
    let by_their_clock = text.written_at.map(|at| at + TimeDelta::milliseconds(999));
    let said_at = by_their_clock.unwrap_or(inbound.received_at).min(inbound.received_at);
    if text.channel == Channel::Whatsapp {
        // For a day they may be answered freely.
        tx.replies().note_heard(text.channel, text.from.as_str(), said_at).await?;
    }
    // Whoever writes there is reached there.
    tx.replies().note_reachable(text.channel, text.from.as_str(), said_at).await?;
    let reason = match keyword(&text.body) {
        Some(Keyword::Stop) => {
            opt_out(&mut tx, inbound, text, said_at, &leads).await?;
            Some(StopReason::OptedOut)
        }
        // What was heard before has been done, and what happened since may be newer.
        _ if !is_new => None,
        Some(Keyword::Start) => {
            opt_in(&mut tx, inbound, text, said_at, &leads).await?;
            None
        }
        // The vendor answers HELP by itself; it is no answer to us.
        Some(Keyword::Help) if text.channel == Channel::Sms => None,
        Some(Keyword::Help) | None => Some(StopReason::Replied),
    };
    if let Some(reason) = reason {
        for lead in &leads {
            tx.leads().stop(*lead, reason, now).await?;
        }
    }
    if let (Some(StopReason::Replied), Some(lead)) = (reason, leads.first()) {
        // Whoever wrote back waits for a person.
        let task = NewTask {
            id: TaskId::of_reply(*lead, &text.id),
            lead: *lead,
            title: "Answer what they wrote",
            due_at: now + ANSWER_WITHIN,
            assignee: None,
            created_by: "reply",
        };
        tx.tasks().add(&task, now).await?;
    }
    let confirmed = match (reason, leads.first()) {
        (Some(StopReason::OptedOut), Some(lead)) if is_ours_to_confirm(cx, said_at, text) => {
            // After the stop, which cancels whatever is planned; by business time they said it so long ago as by the wall's.
            let said_at = now - (cx.clock().wall() - said_at);
            let is_planned = tx.messages().plan_confirmation(*lead, text.channel, &text.from, now, said_at).await?;
            is_planned.then(|| MessageId::of_confirmation(*lead))
        }
        _ => None,
    };
    cx.commit(tx).await?;
    let what = reason.map_or("goes on".to_owned(), |reason| format!("ends: {}", reason.as_str()));
    info!(leads = leads.len(), "a customer wrote back; the follow-up {what}");
    if let Some(message) = confirmed {
        cx.announce(&MessageAwaited { tenant: inbound.tenant, message, release: now }).await?;
    }
    for lead in leads {
        cx.announce(&LeadReplied { tenant: inbound.tenant, lead, reply: text.id.clone() }).await?;
    }
    Ok(())
}

/// One that was heard late is not confirmed any more, and to its own words the vendor of texts has answered.
fn is_ours_to_confirm(cx: &Context, said_at: DateTime<Utc>, text: &Text) -> bool {
    let is_fresh = cx.clock().wall() - said_at < CONFIRMED_WITHIN;
    is_fresh && !(text.channel == Channel::Sms && is_confirmed_by_vendor(&text.body))
}

/// An opt-out by a message ends all marketing to that person, by every channel.
async fn opt_out(
    tx: &mut Transaction,
    inbound: &Inbound,
    text: &Text,
    said_at: DateTime<Utc>,
    leads: &[LeadId],
) -> Result<(), Failure> {
    let source = format!("{}:{}", inbound.source, text.id);
    for channel in text.channel.of_same_address() {
        tx.replies().suppress(*channel, text.from.as_str(), &source, said_at).await?;
    }
    for email in tx.leads().list_emails(leads).await? {
        tx.replies().suppress(Channel::Email, &email.folded(), &source, said_at).await?;
    }
    Ok(())
}

/// Whoever wants messages again by this channel, and by the others as far as they were ended from here.
async fn opt_in(
    tx: &mut Transaction,
    inbound: &Inbound,
    text: &Text,
    said_at: DateTime<Utc>,
    leads: &[LeadId],
) -> Result<(), Failure> {
    let from_here = format!("{}:", inbound.source);
    for channel in text.channel.of_same_address() {
        let of_source = if *channel == text.channel { "" } else { &from_here };
        tx.replies().lift(*channel, text.from.as_str(), of_source, said_at).await?;
    }
    for email in tx.leads().list_emails(leads).await? {
        tx.replies().lift(Channel::Email, &email.folded(), &from_here, said_at).await?;
    }
    Ok(())
}
