//! A customer wrote back: the follow-up ends, and an opt-out takes effect, in one transaction.

use chrono::TimeDelta;
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

const ON_TELEPHONES: [Channel; 2] = [Channel::Sms, Channel::Whatsapp];

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
    tx.replies().add(&reply).await?;
    if text.channel == Channel::Whatsapp {
        // For a day they may be answered freely.
        let heard_at = text.written_at.unwrap_or(inbound.received_at).min(inbound.received_at);
        tx.replies().note_heard(text.channel, text.from.as_str(), heard_at).await?;
    }
    let reason = match keyword(&text.body) {
        Some(Keyword::Stop) => {
            opt_out(&mut tx, inbound, text, &leads).await?;
            Some(StopReason::OptedOut)
        }
        Some(Keyword::Start) => {
            opt_in(&mut tx, inbound, text, &leads).await?;
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
        (Some(StopReason::OptedOut), Some(lead)) if is_ours_to_confirm(cx, inbound, text) => {
            // After the stop, which cancels whatever is planned.
            let is_planned = tx.messages().plan_confirmation(*lead, text.channel, &text.from, now).await?;
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
fn is_ours_to_confirm(cx: &Context, inbound: &Inbound, text: &Text) -> bool {
    let is_fresh = cx.clock().wall() - inbound.received_at < CONFIRMED_WITHIN;
    is_fresh && !(text.channel == Channel::Sms && is_confirmed_by_vendor(&text.body))
}

/// An opt-out by a message ends all marketing to that person, by every channel.
async fn opt_out(tx: &mut Transaction, inbound: &Inbound, text: &Text, leads: &[LeadId]) -> Result<(), Failure> {
    let source = format!("{}:{}", inbound.source, text.id);
    for channel in ON_TELEPHONES {
        tx.replies().suppress(channel, text.from.as_str(), &source, inbound.received_at).await?;
    }
    for email in tx.leads().list_emails(leads).await? {
        tx.replies().suppress(Channel::Email, &email.folded(), &source, inbound.received_at).await?;
    }
    Ok(())
}

/// Whoever wants messages again by this channel, and by the others as far as they were ended from here.
async fn opt_in(tx: &mut Transaction, inbound: &Inbound, text: &Text, leads: &[LeadId]) -> Result<(), Failure> {
    let from_here = format!("{}:", inbound.source);
    for channel in ON_TELEPHONES {
        let of_source = if channel == text.channel { "" } else { &from_here };
        tx.replies().lift(channel, text.from.as_str(), of_source, inbound.received_at).await?;
    }
    for email in tx.leads().list_emails(leads).await? {
        tx.replies().lift(Channel::Email, &email.folded(), &from_here, inbound.received_at).await?;
    }
    Ok(())
}
