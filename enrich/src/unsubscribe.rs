//! Somebody left by the link in a message: nothing goes to them any more, by any channel, in one transaction.

use domain::{LeadId, StopReason};
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
        let leads = tx.people().opt_out(lead, &source, inbound.received_at, cx.now()).await?;
        cx.commit(tx).await?;
        info!(lead.id = %lead, leads = leads.len(), "somebody left by the link; nothing goes to them any more");
        for lead in leads {
            cx.announce(&LeadClosed { tenant, lead, reason: StopReason::OptedOut }).await?;
        }
        Ok(())
    }
}
