//! What vendors report about messages, in any order and any number of times.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::{AttemptId, Channel, ErrorClass, MessageId, MessageState, Receipt, StopReason, TaskId, TenantId};
use events::{Inbound, Outcome, Source, Stream};
use stage::{Context, Failure, Stage};
use store::{NewReceipt, Reported};
use tracing::{error, info, warn};

use crate::{Config, fall_back, recorded::Recorded, send::announce, sendgrid, twilio, whatsapp};

/// In a burst, a customer who waits for a first text comes before a receipt; but a receipt is a proof, and whoever looks for a
/// lost answer needs it within minutes (ADR 11).
const MAY_WAIT: Duration = Duration::from_secs(15);

pub(crate) struct Receive {
    pub(crate) config: Arc<Config>,
    pub(crate) recorded: Recorded,
}

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
    /// What follows from a failure, where the vendor's code is known.
    pub(crate) class: Option<ErrorClass>,
    /// Who the report is about, where it says so.
    pub(crate) address: Option<String>,
    /// By the vendor's clock, where it says so.
    pub(crate) said_at: Option<DateTime<Utc>>,
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
        let mut reports = match inbound.source {
            Source::Twilio => twilio::read_receipt(&inbound).map_err(Failure::reject)?,
            Source::Sendgrid => sendgrid::read_receipts(&inbound.body).map_err(Failure::reject)?,
            Source::Whatsapp => whatsapp::read_receipts(&inbound).map_err(Failure::reject)?,
            other @ (Source::Crm(_) | Source::Form | Source::Link | Source::Slack | Source::Telegram) => {
                return Err(Failure::reject(Error::NoReceipts(other)));
            }
        };
        reports.retain(|report| is_news(report, report.attempt.is_some_and(|attempt| self.recorded.knows(attempt))));
        // Somebody who wants nothing more gets nothing more from now on, not in fifteen seconds.
        if !reports.is_empty() && !reports.iter().any(|report| report.opted_out) {
            cx.give_way(inbound.received_at, MAY_WAIT).await;
        }
        for report in &reports {
            take_in(cx, &inbound, report, &self.config).await?;
        }
        Ok(())
    }
}

/// Whether there is anything to do, where `is_recorded` says that we wrote down ourselves that the vendor has the message.
fn is_news(report: &Report, is_recorded: bool) -> bool {
    !is_recorded || report.opted_out || report.receipt != Receipt::Accepted
}

/// Each report by itself: a repeat finds what was done and does the rest.
async fn take_in(cx: &Context, inbound: &Inbound, report: &Report, config: &Config) -> Result<(), Failure> {
    let Inbound { tenant, source, received_at, .. } = *inbound;
    let (last, code) = match &report.receipt {
        Receipt::Accepted => (None, None),
        Receipt::Delivered => (Some((MessageState::Delivered, Outcome::Delivered)), None),
        Receipt::Failed { code } => (Some((MessageState::Failed, Outcome::Failed)), Some(code.as_str())),
    };
    let attempt = match report.attempt {
        Some(attempt) => Some(attempt),
        None => open_attempt(cx, tenant, report).await?,
    };
    let receipt = NewReceipt {
        source: source.as_str(),
        key: &report.key,
        channel: report.channel,
        provider_id: &report.provider_id,
        attempt,
        kind: match last {
            Some((state, _)) => state.as_str(),
            None if report.opted_out => "opted_out",
            None => "accepted",
        },
        code,
        received_at: cx.now(),
    };
    let found = if report.opted_out {
        take_opt_out(cx, tenant, report, &receipt, received_at).await?
    } else {
        cx.at_once(cx.once(tenant).take_receipt(&receipt)).await?
    };
    let Some(Reported { message, lead, recipient, state, is_sent, is_finished }) = found else {
        // Kept all the same. Somebody else's message through the same account, or one from before a restore.
        warn!(source = source.as_str(), "a receipt for a message we do not know");
        return Ok(());
    };
    // A repeat finds it all recorded; whether it was also announced, only the id of the announcement knows.
    let again = cx.deliveries() > 1;
    if again || (is_sent && state == MessageState::Failed) {
        // Nobody has to ask any more.
        let mut tx = cx.begin(tenant).await?;
        tx.tasks().complete(TaskId::of_unknown(message), "receipt", cx.now()).await?;
        cx.commit(tx).await?;
    }
    // A report can be faster than the answer to the call, or all that is left of it when the worker died.
    if is_sent || again {
        announce(cx, tenant, lead, message, Outcome::Sent).await?;
    }
    if let Some((wanted, outcome)) = last
        && (is_finished || (again && state == wanted))
    {
        info!(message.id = %message, lead.id = %lead, "{}", wanted.as_str());
        if wanted == MessageState::Failed
            && go_on(cx, report, &receipt, (message, &recipient), inbound, config).await? == Next::PlannedAgain
        {
            return Ok(());
        }
        announce(cx, tenant, lead, message, outcome).await?;
    }
    Ok(())
}

/// A vendor that gives nothing back of what we gave it says to whom the message went, and when: that is enough to know it by while
/// nobody knows how its call ended.
async fn open_attempt(cx: &Context, tenant: TenantId, report: &Report) -> Result<Option<AttemptId>, Failure> {
    let (Channel::Whatsapp, Some(address), Some(said_at)) = (report.channel, &report.address, report.said_at) else {
        return Ok(None);
    };
    let mut tx = cx.begin(tenant).await?;
    let is_known =
        !tx.attempts().list_known(report.channel, std::slice::from_ref(&report.provider_id)).await?.is_empty();
    if is_known {
        return Ok(None);
    }
    Ok(tx.attempts().find_unanswered(report.channel, address, said_at).await?)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// It has failed.
    Over,
    /// It never left its vendor.
    PlannedAgain,
}

/// It will not arrive by this channel as it was sent: what follows from why. A repeat finds it done.
async fn go_on(
    cx: &Context,
    report: &Report,
    receipt: &NewReceipt<'_>,
    (failed, recipient): (MessageId, &str),
    inbound: &Inbound,
    config: &Config,
) -> Result<Next, Failure> {
    let Inbound { tenant, received_at, .. } = *inbound;
    let mut tx = cx.begin(tenant).await?;
    let Some(failed) = tx.messages().lock(failed, cx.now()).await? else { return Ok(Next::Over) };
    match report.class {
        Some(ErrorClass::BadAddress) => {
            let source = format!("{}:{}", receipt.source, receipt.code.unwrap_or_default());
            // When it was said: they may have written since.
            tx.replies()
                .note_unreachable(report.channel, recipient, &source, report.said_at.unwrap_or(received_at))
                .await?;
        }
        // The vendor threw it away unsent, because its time was over: when it may leave is decided anew.
        Some(ErrorClass::Expired) => {
            // Once, however often the vendor says so: by the attempt, and not by the message, which may have left since.
            if tx.attempts().expire(failed.id, &report.provider_id, receipt.code.unwrap_or_default()).await? {
                tx.messages().plan_again(failed.id, cx.now()).await?;
                cx.commit(tx).await?;
            }
            return Ok(Next::PlannedAgain);
        }
        Some(ErrorClass::SetUp) => {
            let code = receipt.code.unwrap_or_default();
            error!(message.id = %failed.id, code, "the vendor cannot send for this tenant as it is set up: an operator has to mend it");
            metrics::counter!("notify_set_up_errors_total").increment(1);
        }
        Some(ErrorClass::Filtered) => {
            error!(message.id = %failed.id, template = failed.template, "a carrier took a text for unwanted: look at its words");
            metrics::counter!("notify_filtered_total").increment(1);
        }
        _ => {}
    }
    let other = fall_back::plan(cx, &mut tx, &failed, config).await?;
    cx.commit(tx).await?;
    fall_back::announce(cx, tenant, other).await?;
    Ok(Next::Over)
}

/// The receipt, the opt-out and the end of the follow-up, all or nothing.
async fn take_opt_out(
    cx: &Context,
    tenant: TenantId,
    report: &Report,
    receipt: &NewReceipt<'_>,
    opted_out_at: DateTime<Utc>,
) -> Result<Option<Reported>, Failure> {
    let mut tx = cx.begin(tenant).await?;
    let found = tx.attempts().take_receipt(receipt).await?;
    // Also of a message that we do not know, such as one from before a restore: the word is about the person.
    let address = found.as_ref().map(|reported| &reported.recipient).or(report.address.as_ref());
    if let Some(address) = address {
        for channel in report.channel.of_same_address() {
            tx.replies().suppress(*channel, address, receipt.source, opted_out_at).await?;
        }
    }
    if let Some(Reported { lead, .. }) = &found {
        tx.leads().stop(*lead, StopReason::OptedOut, cx.now()).await?;
    }
    cx.commit(tx).await?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_that_the_vendor_has_what_we_know_it_has_is_no_news() {
        let report = |receipt, opted_out| Report {
            channel: Channel::Sms,
            provider_id: "SM1".into(),
            attempt: None,
            key: "SM1:sent".into(),
            receipt,
            opted_out,
            class: None,
            address: None,
            said_at: None,
        };
        assert!(!is_news(&report(Receipt::Accepted, false), true));
        assert!(is_news(&report(Receipt::Accepted, false), false));
        assert!(is_news(&report(Receipt::Accepted, true), true));
        assert!(is_news(&report(Receipt::Delivered, false), true));
        assert!(is_news(&report(Receipt::Failed { code: "30008".into() }, false), true));
    }
}
