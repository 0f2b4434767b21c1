//! Whose door a token opens, remembered for a short while so that a burst of webhooks asks the database once.

use std::{sync::Arc, time::Duration};

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use domain::TenantId;
use events::Source;
use moka::future::Cache;
use secrecy::SecretString;
use service::{Code, Problem};
use store::Store;

use crate::app::refuse;

#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) tenant: TenantId,
    pub(crate) secret: SecretString,
}

pub(crate) struct Doors {
    store: Store,
    known: Cache<(Source, String), Option<Door>>,
}

/// Longer than any token we make; what is longer is not looked up.
const LONGEST_TOKEN: usize = 128;

impl Doors {
    pub(crate) fn new(store: Store, ttl: Duration) -> Self {
        // Unknown tokens are remembered too, and bounded: guessing costs the guesser, not the database.
        Self { store, known: Cache::builder().max_capacity(10_000).time_to_live(ttl).build() }
    }

    pub(crate) async fn open(&self, source: Source, token: &str) -> Result<Door, Problem> {
        let unknown = || refuse(source, Problem::new(Code::UnknownDoor, "Check the last part of the address."));
        if token.len() > LONGEST_TOKEN {
            return Err(unknown());
        }
        let look_up = async {
            let found = self.store.everywhere().find_door(token).await?;
            Ok(found
                .filter(|door| door.source == source.as_str())
                .map(|door| Door { tenant: door.tenant, secret: door.secret }))
        };
        let found = self.known.try_get_with((source, token.to_owned()), look_up).await;
        found
            .map_err(|error: Arc<store::Error>| {
                tracing::error!(
                    source = source.as_str(),
                    error = &error as &dyn std::error::Error,
                    "a door could not be looked up"
                );
                let problem = Problem::new(Code::StreamAway, "Please send this again later.").retry_after(5);
                refuse(source, problem)
            })?
            .ok_or_else(unknown)
    }
}

/// The body, or why it was not read to its end.
pub(crate) fn whole(source: Source, body: Result<Bytes, BytesRejection>) -> Result<Bytes, Problem> {
    body.map_err(|rejection| {
        let problem = if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Problem::new(Code::TooLarge, "A webhook may have 1 MiB.")
        } else {
            Problem::new(Code::NotReadable, "The body ended before it was complete.")
        };
        refuse(source, problem)
    })
}
