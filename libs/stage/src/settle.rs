//! What happens to a message after its handler.

use std::{collections::BTreeMap, time::Duration};

use domain::{Clock, DeadLetterId};
use store::{NewDeadLetter, NewParked, Store};
use tracing::error;
use uuid::Uuid;

use crate::{Failure, StageConfig, delivery::Delivery};

/// Whoever waits longer waits as a row. In the stream it would hold one of the places that the consumer has for everybody.
const A_MOMENT: Duration = Duration::from_secs(2);

/// It is done: its stream, or what kept it, forgets it.
pub(crate) async fn done(store: &Store, stage: &'static str, delivery: &Delivery) -> Result<(), store::Error> {
    if let Some(place) = delivery.parked_place(stage) {
        store.everywhere().forget_parked(place).await?;
    }
    delivery.ack().await;
    Ok(())
}

/// It is in hand for as long again.
pub(crate) async fn hold(store: &Store, clock: &Clock, stage: &'static str, delivery: &Delivery, lease: Duration) {
    match delivery.parked_place(stage) {
        // Should this fail, somebody else may take it, too, and finds its work done.
        Some(place) => {
            let until = clock.wall() + lease;
            let _ = store.everywhere().wake_parked_at(place, delivery.deliveries, until, None).await;
        }
        None => delivery.is_in_hand().await,
    }
}

/// How long it waits until it is handled again: longer with each time, and not less than `after`.
pub(crate) fn delay(config: &StageConfig, deliveries: u64, after: Option<Duration>) -> Duration {
    backoff(config, deliveries).max(after.unwrap_or_default())
}

/// Gives the message back, to come again after `delay`.
pub(crate) async fn put_off(
    store: &Store,
    clock: &Clock,
    stage: &'static str,
    delivery: &Delivery,
    delay: Duration,
    cause: &anyhow::Error,
) -> Result<(), store::Error> {
    let now = clock.wall();
    let reason = Failure::chain(cause).join(": ");
    if let Some(place) = delivery.parked_place(stage) {
        return store.everywhere().wake_parked_at(place, delivery.deliveries, now + delay, Some(&reason)).await;
    }
    let Some(tenant) = delivery.tenant().filter(|_| delay > A_MOMENT) else {
        delivery.give_back(delay).await;
        return Ok(());
    };
    let new = NewParked {
        stage,
        stream: delivery.stream,
        sequence: delivery.sequence,
        event_id: delivery.event_id(),
        tenant,
        subject: &delivery.subject,
        headers: delivery.own_headers(),
        payload: &delivery.payload,
        deliveries: delivery.deliveries,
        reason: &reason,
        parked_at: now,
        wake_at: now + delay,
    };
    store.everywhere().park(&new).await?;
    delivery.ack().await;
    Ok(())
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
    delivery: &Delivery,
    cause: &anyhow::Error,
) -> Result<(), store::Error> {
    let reasons = Failure::chain(cause);
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let headers: BTreeMap<String, String> = delivery.own_headers().into_iter().map(owned).collect();
    let letter = NewDeadLetter {
        tenant: delivery.tenant(),
        stage,
        stream: delivery.stream,
        sequence: delivery.sequence,
        subject: delivery.subject.clone(),
        headers,
        payload: delivery.payload.to_vec(),
        reasons: reasons.clone(),
        deliveries: delivery.deliveries,
        died_at: clock.wall(),
    };
    let id = DeadLetterId::new(Uuid::new_v5(
        &Uuid::NAMESPACE_OID,
        format!("{stage}:{}:{}", delivery.stream, delivery.sequence).as_bytes(),
    ));
    if store.everywhere().bury(id, &letter).await? {
        metrics::counter!("stage_dead_letters_total", "stage" => stage).increment(1);
        error!(
            stage,
            dead_letter.id = %id,
            subject = delivery.subject,
            reasons = reasons.join(": "),
            "a message became a dead letter; see: leads dead list"
        );
    }
    if let Some(place) = delivery.parked_place(stage) {
        store.everywhere().forget_parked(place).await?;
    }
    delivery.end(reasons.first().map(String::as_str).unwrap_or_default()).await;
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
