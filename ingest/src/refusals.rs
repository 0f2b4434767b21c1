//! A bounded log of what was turned away: for an operator who asks why a vendor's webhooks do not arrive.
//!
//! It must cost a stranger more than us: of what nobody's door was asked for only a little is kept, everything waits in memory
//! and is written once a second, and what does not fit is counted and forgotten.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};
use chrono::{DateTime, Utc};
use domain::Clock;
use events::Source;
use service::{Code, Lifecycle};
use store::{NewRefusal, Store, token_hash};
use tokio::time::{interval, timeout};
use tracing::warn;

use crate::{App, door::LONGEST_TOKEN, forms};

const BETWEEN_WRITES: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(5);
/// What waits to be written.
const MOST: usize = 500;
/// Of those, the ones that came to a door that is nobody's.
const MOST_OF_STRANGERS: usize = 20;

const MOST_HEADERS: usize = 40;
const LONGEST_VALUE: usize = 200;
/// What says who called, and which delivery it was. Every other header may carry a secret or somebody's data.
const SHOWN: [&str; 11] = [
    "content-type",
    "content-length",
    "user-agent",
    "webhook-id",
    "webhook-timestamp",
    "webhook-version",
    "x-attempt",
    "x-request-id",
    "origin",
    "i-twilio-idempotency-token",
    "x-twilio-email-event-webhook-timestamp",
];

#[derive(Clone, Default)]
pub(crate) struct Refusals(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    refusals: VecDeque<NewRefusal>,
    of_strangers: usize,
}

impl Refusals {
    fn note(&self, code: Code, refusal: NewRefusal) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_strangers = !is_behind_a_door(code);
        if waiting.refusals.len() >= MOST || (is_strangers && waiting.of_strangers >= MOST_OF_STRANGERS) {
            metrics::counter!("ingest_refusals_forgotten_total").increment(1);
            return;
        }
        waiting.of_strangers += usize::from(is_strangers);
        waiting.refusals.push_back(refusal);
    }

    fn take(&self) -> Vec<NewRefusal> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.of_strangers = 0;
        std::mem::take(&mut waiting.refusals).into()
    }

    /// Writes what is noted, until the program stops, and once more then. What cannot be written is forgotten: the refusals
    /// themselves were counted and logged.
    pub(crate) fn write_to(&self, store: Store, lifecycle: &Lifecycle) {
        let (refusals, stopping) = (self.clone(), lifecycle.stopping());
        lifecycle.spawn("refusals", async move {
            let mut tick = interval(BETWEEN_WRITES);
            loop {
                let is_last = tokio::select! { () = stopping.cancelled() => true, _ = tick.tick() => false };
                let batch = refusals.take();
                if !batch.is_empty() {
                    let written = timeout(PATIENCE, store.everywhere().keep_refusals(&batch)).await;
                    if !matches!(written, Ok(Ok(()))) {
                        let forgotten = u64::try_from(batch.len()).unwrap_or(u64::MAX);
                        metrics::counter!("ingest_refusals_forgotten_total").increment(forgotten);
                        warn!(refusals = forgotten, "the log of what was refused could not be written");
                    }
                }
                if is_last {
                    return;
                }
            }
        });
    }
}

/// Notes what the routes turn away.
pub(crate) async fn note(State(app): State<App>, request: Request, next: Next) -> Response {
    let known = door_of(request.uri().path()).or_else(|| Some((Source::Form, forms::key_of(&request)?)));
    let Some((source, token)) = known else { return next.run(request).await };
    let headers = request.headers().clone();
    let response = next.run(request).await;
    // What a visitor has filled in wrongly is told to the visitor.
    if let Some(code) = response.extensions().get::<Code>().filter(|code| **code != Code::InvalidFields) {
        let clock: &Clock = &app.0.clock;
        app.0.refusals.note(*code, describe(source, &token, *code, &headers, clock.wall()));
    }
    response
}

/// Whether only somebody who knows a door is told this.
fn is_behind_a_door(code: Code) -> bool {
    matches!(
        code,
        Code::BadSignature
            | Code::StaleTimestamp
            | Code::NotReadable
            | Code::TooLarge
            | Code::StreamAway
            | Code::OriginRefused
    )
}

/// `/webhooks/<source>/<token>…`.
fn door_of(path: &str) -> Option<(Source, String)> {
    let mut parts = path.strip_prefix("/webhooks/")?.split('/');
    let source = parts.next()?.parse().ok()?;
    Some((source, parts.next()?.chars().take(LONGEST_TOKEN).collect()))
}

fn describe(source: Source, token: &str, code: Code, headers: &HeaderMap, refused_at: DateTime<Utc>) -> NewRefusal {
    let size = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    NewRefusal {
        refused_at,
        source: source.as_str().to_owned(),
        token_hash: token_hash(token),
        status: code.status().as_u16(),
        code: code.as_str(),
        size_bytes: size,
        headers: redact(headers),
    }
}

fn redact(headers: &HeaderMap) -> BTreeMap<String, String> {
    let shown = |name: &str, value: &axum::http::HeaderValue| match value.to_str() {
        Ok(text) if SHOWN.contains(&name) => text.chars().take(LONGEST_VALUE).collect(),
        _ => format!("({} bytes)", value.len()),
    };
    let named = headers.iter().take(MOST_HEADERS);
    named
        .map(|(name, value)| (name.as_str().chars().take(LONGEST_VALUE).collect(), shown(name.as_str(), value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn refusal(code: Code) -> NewRefusal {
        describe(Source::Crm(domain::CrmName::Shopmonkey), "token", code, &HeaderMap::new(), DateTime::default())
    }

    #[test]
    fn what_may_carry_a_secret_is_not_shown() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("Bearer example"));
        headers.insert("webhook-signature", HeaderValue::from_static("v1,example"));
        headers.insert("x-forwarded-for", HeaderValue::from_static("192.0.2.1"));
        headers.insert("user-agent", HeaderValue::from_str(&"x".repeat(1_000)).unwrap());
        headers.insert("webhook-id", HeaderValue::from_static("id-1"));
        let shown = redact(&headers);
        assert_eq!(shown["authorization"], "(14 bytes)");
        assert_eq!(shown["webhook-signature"], "(10 bytes)");
        assert_eq!(shown["x-forwarded-for"], "(9 bytes)");
        assert_eq!(shown["user-agent"].len(), LONGEST_VALUE);
        assert_eq!(shown["webhook-id"], "id-1");
    }

    #[test]
    fn strangers_leave_room_for_the_others_and_everybody_has_an_end() {
        let refusals = Refusals::default();
        let note = |code| refusals.note(code, refusal(code));
        for code in [Code::UnknownDoor, Code::WrongMethod, Code::NotFound, Code::DatabaseAway] {
            for _ in 0..MOST {
                note(code);
            }
        }
        note(Code::BadSignature);
        let noted = refusals.take();
        assert_eq!(noted.len(), MOST_OF_STRANGERS + 1);
        assert_eq!(noted.last().unwrap().code, "bad-signature");
        for _ in 0..2 * MOST {
            note(Code::BadSignature);
        }
        assert_eq!(refusals.take().len(), MOST);
        assert!(refusals.take().is_empty());
    }

    #[test]
    fn only_doors_are_noted() {
        assert!(door_of("/webhooks/shopmonkey/abc").is_some_and(|(_, token)| token == "abc"));
        assert!(door_of("/webhooks/twilio/abc/status").is_some_and(|(_, token)| token == "abc"));
        for path in ["/", "/webhooks/", "/webhooks/shopmonkey", "/webhooks/wordpress/abc", "/health"] {
            assert!(door_of(path).is_none(), "{path}");
        }
    }
}
