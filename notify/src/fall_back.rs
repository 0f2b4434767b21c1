//! A channel has failed: the same step goes out by the next one that reaches them.

use domain::{MessageId, TenantId};
use events::MessageAwaited;
use stage::{Context, Failure};
use store::{Message, Transaction};
use tracing::info;

use crate::Config;

/// Plans it in the transaction that writes the failure down: a worker that dies has done both or neither.
pub(crate) async fn plan(
    cx: &Context,
    tx: &mut Transaction,
    message: &Message,
    config: &Config,
) -> Result<Option<MessageId>, Failure> {
    let release_at = cx.clock().in_wall(config.claim_lease);
    let planned = tx.messages().fall_back(message, cx.now(), release_at).await?;
    if let Some((other, channel)) = planned {
        info!(message.id = %message.id, other.id = %other, "goes out by {} instead", channel.as_str());
    }
    Ok(planned.map(|(other, _)| other))
}

/// Its row comes up by itself if this is not said.
pub(crate) async fn announce(cx: &Context, tenant: TenantId, planned: Option<MessageId>) -> Result<(), Failure> {
    match planned {
        // Whoever should have heard from us by now does not stand behind what is due.
        Some(message) => cx.announce(&MessageAwaited { tenant, message, release: cx.now() }).await,
        None => Ok(()),
    }
}
