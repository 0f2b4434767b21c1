//! `GET /api/chat/{lead}/stream`: the conversation's live log, as events. An event's id is its place in the log, so whoever was cut off
//! goes on behind what they have, at any replica.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::{BufMut as _, Bytes, BytesMut};
use domain::TurnId;
use events::{LivePart, Stream};
use futures::stream::unfold;
use rand::RngExt as _;
use serde::Deserialize;
use service::{Code, Problem};
use stage::{Behind, Entry, Position};
use tokio::{
    sync::broadcast::Receiver,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    App, Session, database_away,
    live::{read_position, written},
};

/// Before a page that was sent away comes back.
const COMES_BACK_MS: std::ops::Range<u32> = 500..2_000;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    /// As the header of the same name, for a page that was loaded anew.
    last_event_id: Option<String>,
    /// One answer alone, until it is over.
    answer: Option<TurnId>,
}

/// Whoever reads.
struct Reader {
    /// What is already there.
    waiting: VecDeque<Bytes>,
    listening: Receiver<Entry>,
    last: Position,
    /// One answer alone.
    answer: Option<TurnId>,
    ends_at: Instant,
    heartbeat: Duration,
    stopping: CancellationToken,
    is_over: bool,
}

pub(crate) async fn stream(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let wrong = || Problem::new(Code::WrongQuery, "last_event_id is the id of an event, answer that of an answer.");
    let Ok(Query(wanted)) = wanted else { return Err(wrong()) };
    let told = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let last = match told.or(wanted.last_event_id.as_deref()) {
        Some(id) => read_position(id).ok_or_else(wrong)?,
        None => Position { sequence: 0, written_ms: 0 },
    };
    if let Some(answer) = wanted.answer {
        let look_up = async { app.0.store.begin(session.tenant).await?.chats().find_turn(session.lead, answer).await };
        // It is in the history, and nothing more comes.
        if look_up.await.map_err(|error| database_away(&error))?.is_some() {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
    }
    let subject = LivePart::subject(session.tenant, session.lead);
    // First listen, then read: what is written in between comes twice, and is told apart by its place.
    let listening = app.0.listening.listen(&subject);
    let behind = app.0.bus.entries_behind(Stream::ChatLive, &subject, last).await.map_err(|error| {
        tracing::error!(error = error.to_string(), "a live log cannot be read");
        Problem::new(Code::StreamAway, "Please come again in a moment.").retry_after(2)
    })?;
    let retry_ms = rand::rng().random_range(COMES_BACK_MS);
    let mut reader = Reader {
        waiting: VecDeque::from([Bytes::from(format!("retry: {retry_ms}\n: connected\n\n"))]),
        listening,
        last,
        answer: wanted.answer,
        ends_at: Instant::now() + app.0.config.stream_ttl,
        heartbeat: app.0.config.heartbeat,
        stopping: app.0.stopping.clone(),
        is_over: false,
    };
    match behind {
        Behind::Entries(entries) => entries.iter().for_each(|entry| reader.take(entry)),
        // What they have read last is gone, and with it what came after: they read the history anew.
        Behind::Unknown => {
            let newest = app.0.bus.newest(Stream::ChatLive, &subject).await.unwrap_or_default();
            let newest = newest.map(|entry| entry.position);
            reader.last = newest.unwrap_or(Position { sequence: 0, written_ms: 0 });
            let event = event(&written(newest), br#"{"type":"data-resync","data":{}}"#);
            reader.waiting.push_back(event);
        }
    }
    metrics::counter!("chat_streams_total").increment(1);
    let mut response = Response::new(Body::from_stream(unfold(reader, Reader::next)));
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    // Proxies that gather answers are told not to.
    answer.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

impl Reader {
    fn take(&mut self, entry: &Entry) {
        if entry.position.sequence <= self.last.sequence && self.last.sequence > 0 {
            return;
        }
        self.last = entry.position;
        self.waiting.push_back(event(&written(Some(entry.position)), &entry.payload));
        self.is_over |= self.answer.is_some_and(|wanted| match serde_json::from_slice(&entry.payload) {
            Ok(LivePart::Finish { message_id } | LivePart::Abort { message_id, .. }) => message_id == wanted,
            _ => false,
        });
    }

    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some((Ok(event), self));
            }
            if self.is_over || self.stopping.is_cancelled() {
                return None;
            }
            tokio::select! {
                heard = self.listening.recv() => match heard {
                    Ok(entry) => self.take(&entry),
                    // Too slow, or the log was not read for a while: they come again with what they have.
                    Err(_) => return None,
                },
                () = self.stopping.cancelled() => return None,
                () = sleep_until(self.ends_at) => return None,
                () = tokio::time::sleep(self.heartbeat) => self.waiting.push_back(Bytes::from_static(b": still here\n\n")),
            }
        }
    }
}

fn event(id: &str, payload: &[u8]) -> Bytes {
    let mut event = BytesMut::with_capacity(payload.len() + id.len() + 16);
    event.put_slice(b"id: ");
    event.put_slice(id.as_bytes());
    event.put_slice(b"\ndata: ");
    event.put_slice(payload);
    event.put_slice(b"\n\n");
    event.freeze()
}
