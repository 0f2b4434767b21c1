//! A subject's live log: written by one at a time, read by everybody from wherever they left off.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_nats::jetstream::{
    consumer::{DeliverPolicy, pull},
    context::PublishErrorKind,
    message::{PublishMessage, StreamMessage},
    stream::DirectGetErrorKind,
};
use bytes::Bytes;
use events::{Outgoing, Stream};
use futures::StreamExt as _;
use tokio::{
    sync::broadcast,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{Bus, PublishError};

/// Entries that a reader may be behind before it has to come again.
const BEHIND: usize = 128;
/// Of one question to the server.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where an entry lies, and when it was written: a stream that was made anew counts from the beginning again, and times tell its entries
/// from those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub sequence: u64,
    /// Milliseconds since 1970, by the server's clock.
    pub written_ms: i64,
}

impl Position {
    fn of(message: &StreamMessage) -> Self {
        let written_ms = message.time.timestamp_millis();
        Self { sequence: message.sequence, written_ms }
    }
}

/// One entry.
#[derive(Debug, Clone)]
pub struct Entry {
    pub position: Position,
    pub payload: Bytes,
}

#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody else has written since.
    #[error("another entry was written before this one")]
    Overtaken,
    #[error("the log takes no entry")]
    Publish(#[source] PublishError),
}

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the log cannot be read: {0}")]
    Away(String),
}

/// What is behind a position.
#[derive(Debug)]
pub enum Behind {
    Entries(Vec<Entry>),
    /// Nobody can tell: the entry of that position is gone.
    Unknown,
}

impl Bus {
    /// Writes an entry if the subject's newest one is still at `after` (0: it has none). Answers where it lies.
    pub async fn append(&self, out: &Outgoing, after: u64, patience: Duration) -> Result<u64, AppendError> {
        let message = PublishMessage::build()
            .message_id(&out.id)
            .payload(out.payload.clone())
            .expected_last_subject_sequence(after);
        let send = async { self.jetstream.send_publish(out.subject.clone(), message).await?.await };
        match timeout(patience, send).await {
            Ok(Ok(ack)) => Ok(ack.sequence),
            Ok(Err(error)) if error.kind() == PublishErrorKind::WrongLastSequence => Err(AppendError::Overtaken),
            Ok(Err(error)) => Err(AppendError::Publish(PublishError::Refused(error))),
            Err(_) => {
                let late = async_nats::jetstream::context::PublishError::new(PublishErrorKind::TimedOut);
                Err(AppendError::Publish(PublishError::NotConfirmed(patience, late)))
            }
        }
    }

    /// A subject's newest entry. `None`: it has none.
    pub async fn newest(&self, stream: Stream, subject: &str) -> Result<Option<Entry>, ReadError> {
        let stream = self.jetstream.get_stream_no_info(stream.name()).await.map_err(away)?;
        match timeout(PATIENCE, stream.direct_get_last_for_subject(subject)).await.map_err(away)? {
            Ok(message) => Ok(Some(entry(message))),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(away(error)),
        }
    }

    /// A subject's entries behind a position, the oldest first.
    pub async fn entries_behind(&self, stream: Stream, subject: &str, from: Position) -> Result<Behind, ReadError> {
        let stream = self.jetstream.get_stream_no_info(stream.name()).await.map_err(away)?;
        let mut next = from.sequence;
        let mut entries = Vec::new();
        loop {
            let asked = stream.direct_get_next_for_subject(subject, Some(next));
            let message = match timeout(PATIENCE, asked).await.map_err(away)? {
                Ok(message) => message,
                Err(error) if error.kind() == DirectGetErrorKind::NotFound => break,
                Err(error) => return Err(away(error)),
            };
            next = message.sequence + 1;
            let entry = entry(message);
            // The first has to be the very one that was read last; whoever has read nothing begins with what there is.
            let is_anchor = entries.is_empty() && from.sequence > 0 && entry.position.sequence <= from.sequence;
            if is_anchor && entry.position != from {
                return Ok(Behind::Unknown);
            }
            entries.push(entry);
        }
        if from.sequence > 0 {
            match entries.first() {
                Some(first) if first.position == from => drop(entries.remove(0)),
                _ => return Ok(Behind::Unknown),
            }
        }
        Ok(Behind::Entries(entries))
    }
}

fn entry(message: StreamMessage) -> Entry {
    Entry { position: Position::of(&message), payload: message.payload }
}

fn away(error: impl std::fmt::Display) -> ReadError {
    ReadError::Away(error.to_string())
}

/// What is written to a stream of logs from now on, to everybody in this process who listens to one of them. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Listening(Arc<Mutex<HashMap<String, broadcast::Sender<Entry>>>>);

impl Listening {
    /// What is written to this subject from now on. It ends when the reader has to come again.
    pub fn listen(&self, subject: &str) -> broadcast::Receiver<Entry> {
        let mut subjects = self.lock();
        if let Some(sender) = subjects.get(subject) {
            return sender.subscribe();
        }
        let (sender, receiver) = broadcast::channel(BEHIND);
        subjects.insert(subject.to_owned(), sender);
        receiver
    }

    /// Nobody listens to these any more.
    fn forget_unheard(&self) {
        self.lock().retain(|_, sender| sender.receiver_count() > 0);
    }

    /// Something may have been missed: everybody comes again.
    fn send_away(&self) {
        self.lock().clear();
    }

    fn tell(&self, subject: &str, entry: Entry) {
        if let Some(sender) = self.lock().get(subject) {
            let _ = sender.send(entry);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, broadcast::Sender<Entry>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the stream until the program stops.
    pub async fn run(self, bus: Bus, stream: Stream, stopping: CancellationToken) {
        let mut pause = Duration::from_millis(100);
        while !stopping.is_cancelled() {
            let read = self.read(&bus, stream);
            tokio::select! {
                () = stopping.cancelled() => break,
                ended = read => {
                    self.send_away();
                    if let Err(error) = ended {
                        warn!(stream = stream.name(), error = error.to_string(), "the live log is not read; again in a moment");
                    }
                }
            }
            tokio::select! { () = stopping.cancelled() => break, () = sleep(pause) => {} }
            pause = (pause * 2).min(Duration::from_secs(2));
        }
        self.send_away();
    }

    async fn read(&self, bus: &Bus, stream: Stream) -> Result<(), ReadError> {
        let handle = bus.jetstream.get_stream_no_info(stream.name()).await.map_err(away)?;
        let config = pull::OrderedConfig { deliver_policy: DeliverPolicy::New, ..pull::OrderedConfig::default() };
        let consumer = handle.create_consumer(config).await.map_err(away)?;
        let mut messages = consumer.messages().await.map_err(away)?;
        // Whoever began to listen before this was made may have missed something.
        self.send_away();
        info!(stream = stream.name(), "reading the live log");
        let mut last = 0_u64;
        let mut told = 0_u32;
        while let Some(message) = messages.next().await {
            let message = message.map_err(away)?;
            let info = message.info().map_err(away)?;
            // The consumer was made anew, maybe in a stream that was: what lay between nobody knows.
            if info.stream_sequence <= last {
                return Ok(());
            }
            last = info.stream_sequence;
            let written_ms = info.published.timestamp_millis();
            let position = Position { sequence: info.stream_sequence, written_ms };
            self.tell(message.subject.as_str(), Entry { position, payload: message.payload.clone() });
            told += 1;
            if told.is_multiple_of(4_096) {
                self.forget_unheard();
            }
        }
        Ok(())
    }
}
