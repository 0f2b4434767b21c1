//! What vendors report about messages, in any order and any number of times.

use domain::{AttemptId, Channel, MessageState, Receipt, StopReason, TenantId};
use events::{Inbound, MessageOutcome, Outcome, Source, Stream};
use stage::{Context, Failure, Stage};
use store::{NewReceipt, Reported, Transaction};
use tracing::{info, warn};

use crate::{send::SPEAKER, sendgrid, twilio};

pub(crate) struct Receive;

/// One thing one vendor said about one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) channel: Channel,
    /// The vendor's id of the message.
    pub(crate) provider_id: String,
    /// The attempt's id, where the vendor gives back what we gave it.
    pub(crate) attempt: Option<AttemptId>,
    /// What makes this report itself; a repeat has the same.
    pub(crate) key: String,
    pub(crate) receipt: Receipt,
    /// The recipient will get nothing more by this channel.
    pub(crate) opted_out: bool,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0} sends no receipts")]
    NoReceipts(Source),
}

impl Stage for Receive {
    const NAME: &'static str = "notify-receipts";
    const STREAM: Stream = Stream::Inbound;
    type Input = Inbound;

    async fn handle(&self, cx: &Context, inbound: Inbound) -> Result<(), Failure> {
        let reports = match inbound.source {
            Source::Twilio => twilio::read_receipt(&inbound).map_err(Failure::reject)?,
            Source::Sendgrid => sendgrid::read_receipts(&inbound.body).map_err(Failure::reject)?,
            other @ Source::Shopmonkey => return Err(Failure::reject(Error::NoReceipts(other))),
        };
        let mut news = Vec::new();
        let mut tx = cx.begin(inbound.tenant).await?;
        for report in &reports {
            news.extend(take_in(cx, &mut tx, inbound.tenant, inbound.source, report).await?);
        }
        cx.commit(tx).await?;
        for event in news {
            cx.publish(&event.pack(SPEAKER, cx.now())).await?;
        }
        Ok(())
    }
}

async fn take_in(
    cx: &Context,
    tx: &mut Transaction,
    tenant: TenantId,
    source: Source,
    report: &Report,
) -> Result<Vec<MessageOutcome>, Failure> {
    let (kind, code) = match &report.receipt {
        Receipt::Accepted => ("accepted", None),
        Receipt::Delivered => ("delivered", None),
        Receipt::Failed { code } => ("failed", code.as_deref()),
    };
    let receipt = NewReceipt {
        source: source.as_str(),
        key: &report.key,
        channel: report.channel,
        provider_id: &report.provider_id,
        attempt: report.attempt,
        kind,
        code,
        received_at: cx.now(),
    };
    let found = tx.attempts().add_receipt(&receipt).await?;
    let Some(Reported { attempt, message, lead, recipient, accepted, state }) = found else {
        // Kept all the same. Somebody else's message through the same account, or one from before a restore.
        warn!(source = source.as_str(), "a receipt for a message we do not know");
        return Ok(Vec::new());
    };
    // A repeat finds it all recorded; whether it was also announced, only the id of the announcement knows.
    let again = cx.deliveries() > 1;
    let mut outcomes = Vec::new();
    // A report can be faster than the answer to the call, or all that is left of it when the worker died.
    let is_news = !accepted || state.is_open();
    if (is_news && tx.attempts().accept(attempt, message, &report.provider_id, cx.now()).await?) || again {
        outcomes.push(Outcome::Sent);
    }
    let last = match &report.receipt {
        Receipt::Accepted => None,
        Receipt::Delivered => Some((MessageState::Delivered, Outcome::Delivered)),
        Receipt::Failed { .. } => Some((MessageState::Failed, Outcome::Failed)),
    };
    if let Some((wanted, outcome)) = last
        && (tx.messages().finish(message, wanted, code, cx.now()).await? || (again && state == wanted))
    {
        info!(message.id = %message, lead.id = %lead, "{}", wanted.as_str());
        outcomes.push(outcome);
    }
    if report.opted_out {
        let address = recipient.to_lowercase();
        tx.replies().suppress(report.channel, &address, source.as_str(), cx.clock().wall()).await?;
        tx.leads().stop(lead, StopReason::OptedOut, cx.now()).await?;
    }
    Ok(outcomes.into_iter().map(|outcome| MessageOutcome { tenant, lead, message, outcome }).collect())
}
