//! What happens to a message after its handler.

use std::{collections::BTreeMap, time::Duration};

use async_nats::jetstream::{AckKind, Message};
use domain::{Clock, DeadLetterId};
use store::{NewDeadLetter, Store};
use tracing::{error, warn};
use uuid::Uuid;

use crate::{Failure, StageConfig};

/// Where a message lies, copied out of it once.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) stream: &'static str,
    pub(crate) sequence: u64,
    pub(crate) deliveries: u64,
}

/// Acks without waiting for the answer: a lost ack costs one delivery more, which finds its work done (ADR 12).
pub(crate) async fn ack(message: &Message) {
    // An error means that the client was closed: then too it comes again.
    let _ = message.ack().await;
}

/// Gives the message back, to come again after a delay that grows with its deliveries.
pub(crate) async fn give_back(message: &Message, config: &StageConfig, deliveries: u64, after: Option<Duration>) {
    let delay = backoff(config, deliveries).max(after.unwrap_or_default());
    // A lost nak costs the ack wait, nothing else.
    let _ = message.ack_with(AckKind::Nak(Some(delay))).await;
}

fn backoff(config: &StageConfig, deliveries: u64) -> Duration {
    let doublings = u32::try_from(deliveries.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
    let delay = config.first_delay.saturating_mul(1 << doublings).min(config.longest_delay);
    // A quarter of jitter, so that what failed together does not come back together.
    delay.mul_f64(1.0 + rand::random::<f64>() / 4.0)
}

/// Copies the message into the dead letters, then tells the server never to deliver it again. A crash in between
/// delivers it once more, and the second copy changes nothing.
pub(crate) async fn bury(
    store: &Store,
    clock: &Clock,
    stage: &'static str,
    message: &Message,
    place: &Place,
    cause: &anyhow::Error,
) -> Result<(), store::Error> {
    let reasons = Failure::chain(cause);
    let headers: BTreeMap<String, String> = message
        .headers
        .iter()
        .flat_map(async_nats::HeaderMap::iter)
        // The server's own headers belong to the first publish; a copy that kept them would be refused or dropped.
        .filter(|(name, _)| !name.to_string().starts_with("Nats-"))
        .filter_map(|(name, values)| Some((name.to_string(), values.first()?.to_string())))
        .collect();
    let letter = NewDeadLetter {
        tenant: message.subject.split('.').nth(1).and_then(|token| token.parse().ok()),
        stage,
        stream: place.stream,
        sequence: place.sequence,
        subject: message.subject.to_string(),
        headers,
        payload: message.payload.to_vec(),
        reasons: reasons.clone(),
        deliveries: place.deliveries,
        died_at: clock.wall(),
    };
    let id = DeadLetterId::new(Uuid::new_v5(
        &Uuid::NAMESPACE_OID,
        format!("{stage}:{}:{}", place.stream, place.sequence).as_bytes(),
    ));
    if store.everywhere().bury(id, &letter).await? {
        metrics::counter!("stage_dead_letters_total", "stage" => stage).increment(1);
        error!(
            stage,
            dead_letter.id = %id,
            subject = %message.subject,
            reasons = reasons.join(": "),
            "a message became a dead letter; see: leads dead list"
        );
    }
    if let Some(reply) = message.reply.clone() {
        // The client's Term carries no reason; the server's advisory shows this one.
        let reason = reasons.first().map(String::as_str).unwrap_or_default();
        if let Err(error) = message.context.client().publish(reply, format!("+TERM {reason}").into()).await {
            warn!(stage, error = service::telemetry::causes(&error), "could not end a dead letter's deliveries");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_a_limit_and_never_overflow() {
        let config = StageConfig::default();
        assert!(backoff(&config, 1) >= Duration::from_millis(200));
        assert!(backoff(&config, 2) >= Duration::from_millis(400));
        for deliveries in [12, 40, u64::MAX] {
            let delay = backoff(&config, deliveries);
            assert!(delay >= config.longest_delay && delay <= config.longest_delay.mul_f64(1.25), "{delay:?}");
        }
    }
}
