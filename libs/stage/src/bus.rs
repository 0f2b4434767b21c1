use std::{sync::Arc, time::Duration};

use async_nats::{
    ConnectOptions, Event as ConnectionEvent, HeaderMap,
    connection::State,
    jetstream::{
        self,
        context::{PublishError as JetStreamError, PublishErrorKind},
        message::PublishMessage,
    },
};
use bytes::Bytes;
use events::{Outgoing, header};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use service::telemetry;
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout},
};
use tracing::{info, warn};

use crate::BusConfig;

#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// JetStream did not confirm in time. It may have stored the message all the same; a repeat has the same id.
    #[error("JetStream did not confirm within {0:?}")]
    NotConfirmed(Duration, #[source] JetStreamError),
    /// The stream is full, or refuses this message.
    #[error("JetStream refuses the message")]
    Refused(#[source] JetStreamError),
}

/// Why a batch was not stored, or why nobody knows.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    #[error("JetStream did not confirm a batch")]
    Lost(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("JetStream refuses a batch: {0}")]
    Refused(String),
}

/// The most that a server takes in one batch.
pub const LARGEST_BATCH: usize = 1_000;

#[derive(Deserialize)]
#[serde(untagged)]
enum Committed {
    No { error: Refusal },
    Yes { stream: String, count: usize },
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    description: String,
}

/// Those of one message, with its place in a batch (ADR-50 of NATS).
fn batch_headers(out: &Outgoing, batch: &str, place: usize) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &out.headers {
        headers.insert(*name, value.as_str());
    }
    headers.insert("Nats-Msg-Id", out.id.as_str());
    headers.insert("Nats-Batch-Id", batch);
    headers.insert("Nats-Batch-Sequence", place.to_string());
    headers
}

/// A role's connection to JetStream. Cheap to clone; it connects by itself, for as long as it takes, again and again.
#[derive(Clone)]
pub struct Bus {
    pub(crate) jetstream: jetstream::Context,
    closed: Arc<Notify>,
}

impl Bus {
    pub async fn connect(config: &BusConfig) -> Result<Self, async_nats::ConnectError> {
        let closed = Arc::new(Notify::new());
        let on_event = {
            let (closed, role) = (closed.clone(), config.user.clone());
            move |event| {
                match &event {
                    ConnectionEvent::Closed => closed.notify_one(),
                    ConnectionEvent::Connected => info!(nats.user = role, "connected to NATS"),
                    ConnectionEvent::Draining => {}
                    other => warn!(nats.user = role, "NATS: {other}"),
                }
                std::future::ready(())
            }
        };
        let servers: Vec<&str> = config.url.split(',').map(str::trim).collect();
        let client =
            ConnectOptions::with_user_and_password(config.user.clone(), config.password.expose_secret().into())
                .name(format!("leads-{}", config.user))
                .retry_on_initial_connect()
                .max_reconnects(None)
                // A server that hangs is noticed after three of these.
                .ping_interval(Duration::from_secs(2))
                .request_timeout(Some(Duration::from_secs(5)))
                // Permissions keep every role out of the others' replies.
                .custom_inbox_prefix(format!("_INBOX_{}", config.user))
                .reconnect_delay_callback(|tries| Duration::from_millis((50_u64 << tries.min(6)).min(2_000)))
                .event_callback(on_event)
                .connect(servers)
                .await?;
        let jetstream = jetstream::ContextBuilder::new()
            .timeout(Duration::from_secs(5))
            .ack_timeout(Duration::from_secs(2))
            .max_ack_inflight(1_000)
            .backpressure_on_inflight(true)
            .build(client);
        Ok(Self { jetstream, closed })
    }

    pub fn is_connected(&self) -> bool {
        self.jetstream.client().connection_state() == State::Connected
    }

    /// Stores a message and waits for the proof. Repeats with the same id, which JetStream stores once, for as long as
    /// `patience` lasts. Answers whether it was stored now (`true`) or was there already.
    pub async fn publish(&self, out: &Outgoing, patience: Duration) -> Result<bool, PublishError> {
        let deadline = Instant::now() + patience;
        let mut delay = Duration::from_millis(50);
        loop {
            // Until a server has said how much it takes, the client takes it for less than ours do.
            let knows_server = self.is_connected();
            let error = match self.publish_once(out, deadline).await {
                Ok(stored) => return Ok(stored),
                Err(error) => error,
            };
            // Without a leader, or just reconnecting: passes. A full stream does not pass within our patience.
            let passes = matches!(
                error.kind(),
                PublishErrorKind::TimedOut
                    | PublishErrorKind::StreamNotFound
                    | PublishErrorKind::BrokenPipe
                    | PublishErrorKind::MaxAckPending
            );
            let may_be_taken = error.kind() == PublishErrorKind::MaxPayloadExceeded && !knows_server;
            if !passes && !may_be_taken {
                return Err(PublishError::Refused(error));
            }
            if Instant::now() + delay >= deadline {
                return Err(PublishError::NotConfirmed(patience, error));
            }
            sleep(delay).await;
            delay = (delay * 2).min(Duration::from_secs(1));
        }
    }

    /// Stores messages of one stream, all of them or none, with one flush to the server's disk. Not repeated: whether a batch whose proof
    /// was lost is there nobody knows, and each of its messages published by itself is stored once all the same. Also refused if one of
    /// them is there already.
    pub async fn publish_batch(&self, batch: &[Outgoing], patience: Duration) -> Result<(), BatchError> {
        let Some((last, others)) = batch.split_last() else { return Ok(()) };
        let client = self.jetstream.client();
        let id = format!("{:032x}", rand::random::<u128>());
        for (place, out) in others.iter().enumerate() {
            let headers = batch_headers(out, &id, place + 1);
            client
                .publish_with_headers(out.subject.clone(), headers, out.payload.clone())
                .await
                .map_err(|error| BatchError::Lost(error.into()))?;
        }
        let mut headers = batch_headers(last, &id, batch.len());
        headers.insert("Nats-Batch-Commit", "1");
        let commit = client.request_with_headers(last.subject.clone(), headers, last.payload.clone());
        let answer = tokio::time::timeout(patience, commit).await.map_err(|late| BatchError::Lost(late.into()))?;
        let answer = answer.map_err(|error| BatchError::Lost(error.into()))?;
        match serde_json::from_slice(&answer.payload).map_err(|error| BatchError::Lost(error.into()))? {
            Committed::Yes { stream, count } if count == batch.len() && stream == last.stream.name() => Ok(()),
            Committed::Yes { stream, count } => {
                Err(BatchError::Refused(format!("{stream} took {count} of {}", batch.len())))
            }
            Committed::No { error } => Err(BatchError::Refused(error.description)),
        }
    }

    async fn publish_once(&self, out: &Outgoing, deadline: Instant) -> Result<bool, JetStreamError> {
        let mut message = PublishMessage::build().message_id(&out.id).payload(out.payload.clone());
        for (name, value) in &out.headers {
            message = message.header(*name, value.as_str());
        }
        if let Some(traceparent) = telemetry::traceparent() {
            message = message.header(header::TRACEPARENT, traceparent);
        }
        let send = async { self.jetstream.send_publish(out.subject.clone(), message).await?.await };
        let ack = tokio::time::timeout_at(deadline, send)
            .await
            .unwrap_or_else(|_| Err(JetStreamError::new(PublishErrorKind::TimedOut)))?;
        // Looked at here and not asked of the server: each header is searched for in each message.
        if ack.stream != out.stream.name() {
            let wrong = format!("{} takes what belongs in {}", ack.stream, out.stream.name());
            return Err(JetStreamError::with_source(PublishErrorKind::StreamNotFound, wrong));
        }
        Ok(!ack.duplicate)
    }

    /// Asks a server's API and answers its JSON, for what the client has no words for.
    pub(crate) async fn ask(&self, subject: String, body: Bytes) -> Result<serde_json::Value, anyhow::Error> {
        let answer = self.jetstream.client().request(subject, body).await?;
        Ok(serde_json::from_slice(&answer.payload)?)
    }

    /// Writes out what is buffered and closes. A drain alone returns before the last acks are on the wire.
    pub async fn close(&self) {
        let client = self.jetstream.client();
        let _ = timeout(Duration::from_secs(2), client.flush()).await;
        let _ = client.drain().await;
        let _ = timeout(Duration::from_secs(2), self.closed.notified()).await;
    }
}
