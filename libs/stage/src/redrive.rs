use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{Clock, DeadLetterId};
use events::{Outgoing, Stream, header};
use store::Store;

use crate::{Bus, PublishError};

/// What we wrote ourselves and a second publish keeps.
const KNOWN_HEADERS: [&str; 4] = [header::EVENT_ID, header::RECEIVED_AT, header::INBOUND_QUERY, header::TRACEPARENT];

#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    #[error("there is no dead letter {0}")]
    Unknown(DeadLetterId),
    #[error("dead letter {0} was published again at {1} already; if it failed again it is in the list under a new id")]
    Done(DeadLetterId, DateTime<Utc>),
    #[error("dead letter {0} lay in stream {1}, which is not one of ours")]
    UnknownStream(DeadLetterId, String),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("it is not sure that the message was published again; ask for it once more")]
    Publish(#[from] PublishError),
}

/// Gives a dead letter another chance: publishes it again where it lay, byte for byte, then marks it. Every consumer of its
/// subject sees it again and finds its own work done; only the stage that gave up has something left to do.
pub async fn redrive(bus: &Bus, store: &Store, clock: &Clock, id: DeadLetterId) -> Result<(), RedriveError> {
    let letter = store.everywhere().lookup_dead_letter(id).await?.ok_or(RedriveError::Unknown(id))?;
    if let Some(at) = letter.redriven_at {
        return Err(RedriveError::Done(id, at));
    }
    let stream = [Stream::Inbound, Stream::Leads, Stream::Messages]
        .into_iter()
        .find(|stream| stream.name() == letter.stream)
        .ok_or_else(|| RedriveError::UnknownStream(id, letter.stream.clone()))?;
    let out = Outgoing {
        stream,
        subject: letter.subject,
        // Asked twice at once, or again after a crash before the mark, it is published once.
        id: format!("redrive:{id}"),
        headers: letter
            .headers
            .into_iter()
            .filter_map(|(name, value)| {
                KNOWN_HEADERS.into_iter().find(|known| *known == name).map(|name| (name, value))
            })
            .collect(),
        payload: letter.payload.into(),
    };
    bus.publish(&out, Duration::from_secs(10)).await?;
    store.everywhere().mark_redriven(id, clock.wall()).await?;
    Ok(())
}
