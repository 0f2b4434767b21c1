//! A customer wrote back: the follow-up ends, and an opt-out takes effect, in one transaction.

use anyhow::anyhow;
use chrono::TimeDelta;
use domain::{
    CONFIRMED_WITHIN, Channel, E164, Keyword, MessageId, StopReason, TaskId, is_confirmed_by_vendor, keyword,
};
use events::{Inbound, LeadReplied, MessageAwaited, Stream};
use stage::{Context, Failure, Stage};
use store::{NewTask, Reply};
use tracing::info;

/// Before the staff is told that somebody who wrote back has no answer.
const ANSWER_WITHIN: TimeDelta = TimeDelta::minutes(15);

pub(crate) struct Hear;

/// What we read of a reply.
struct Text {
    id: String,
    from: E164,
    body: String,
}

impl Text {
    /// `None`: from a number that nobody can write to, so it answers nothing of ours.
    fn parse(inbound: &Inbound) -> Result<Option<Self>, Failure> {
        let form: Vec<(String, String)> = serde_urlencoded::from_bytes(&inbound.body).map_err(Failure::reject)?;
        let field = |name: &str| {
            let found = form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
            found.ok_or_else(|| Failure::reject(anyhow!("the reply has no {name}")))
        };
        let id = field("MessageSid")?;
        let Ok(from) = E164::parse(&field("From")?) else { return Ok(None) };
        // Postgres has no room for this one character; a customer's words are not lost over it.
        let body = field("Body").unwrap_or_default().replace('\0', " ");
        Ok(Some(Self { id, from, body }))
    }
}

/// Whether it is somebody's answer, for the fuzzers.
pub(crate) fn read(inbound: &Inbound) -> Result<bool, Failure> {
    Text::parse(inbound).map(|text| text.is_some())
}

impl Stage for Hear {
    const NAME: &'static str = "enrich-replies";
    const STREAM: Stream = Stream::Inbound;
    type Input = Inbound;

    async fn handle(&self, cx: &Context, inbound: Inbound) -> Result<(), Failure> {
        let Some(text) = Text::parse(&inbound)? else {
            info!("a text from a short code or a name is nobody's answer; it stays in INBOUND");
            return Ok(());
        };
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
        let by_text = format!("{}:", inbound.source);
        let reason = match keyword(&text.body) {
            Some(Keyword::Stop) => {
                let source = format!("{by_text}{}", text.id);
                tx.replies().suppress(Channel::Sms, text.from.as_str(), &source, inbound.received_at).await?;
                // An opt-out by text ends all marketing to that person, not to that telephone.
                for email in tx.leads().list_emails(&leads).await? {
                    tx.replies().suppress(Channel::Email, &email.folded(), &source, inbound.received_at).await?;
                }
                Some(StopReason::OptedOut)
            }
            Some(Keyword::Start) => {
                tx.replies().lift(Channel::Sms, text.from.as_str(), "", inbound.received_at).await?;
                for email in tx.leads().list_emails(&leads).await? {
                    tx.replies().lift(Channel::Email, &email.folded(), &by_text, inbound.received_at).await?;
                }
                None
            }
            // The vendor answers HELP by itself; it is no answer to us.
            Some(Keyword::Help) => None,
            None => Some(StopReason::Replied),
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
            // One that was heard late is not confirmed any more.
            (Some(StopReason::OptedOut), Some(lead))
                if !is_confirmed_by_vendor(&text.body)
                    && cx.clock().wall() - inbound.received_at < CONFIRMED_WITHIN =>
            {
                // After the stop, which cancels whatever is planned.
                let is_planned = tx.messages().plan_confirmation(*lead, &text.from, now).await?;
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
}
