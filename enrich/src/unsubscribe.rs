//! Somebody left by the link in a message: nothing goes to them any more, by any channel, in one transaction.

use std::collections::BTreeSet;

use domain::{Channel, E164, LeadId, StopReason};
use events::{Inbound, LeadClosed, Stream};
use serde::Deserialize;
use stage::{Context, Failure, Stage};
use tracing::info;

pub(crate) struct Unsubscribe;

#[derive(Deserialize)]
pub(crate) struct Left {
    pub(crate) lead: LeadId,
}

impl Stage for Unsubscribe {
    const NAME: &'static str = "enrich-unsubscribes";
    const STREAM: Stream = Stream::Inbound;
    type Input = Inbound;

    async fn handle(&self, cx: &Context, inbound: Inbound) -> Result<(), Failure> {
        let Left { lead } = serde_json::from_slice(&inbound.body).map_err(Failure::reject)?;
        let tenant = inbound.tenant;
        let source = format!("{}:{lead}", inbound.source);
        let mut tx = cx.begin(tenant).await?;
        let mut leads = BTreeSet::from([lead]);
        for (channel, address) in tx.links().list_addresses(lead).await? {
            tx.replies().suppress(channel, &address, &source, inbound.received_at).await?;
            // Whatever else they asked for is about the same person.
            if channel == Channel::Sms
                && let Ok(phone) = E164::parse(&address)
            {
                leads.extend(tx.leads().find_by_phone(&phone).await?);
            }
        }
        let leads: Vec<_> = leads.into_iter().collect();
        for lead in &leads {
            tx.leads().stop(*lead, StopReason::OptedOut, cx.now()).await?;
        }
        // An opt-out ends all marketing to that person, whichever address they left by.
        for email in tx.leads().list_emails(&leads).await? {
            tx.replies().suppress(Channel::Email, &email.folded(), &source, inbound.received_at).await?;
        }
        cx.commit(tx).await?;
        info!(lead.id = %lead, leads = leads.len(), "somebody left by the link; nothing goes to them any more");
        for lead in leads {
            cx.announce(&LeadClosed { tenant, lead, reason: StopReason::OptedOut }).await?;
        }
        Ok(())
    }
}
