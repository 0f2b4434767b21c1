//! How a fact is packed, named and unpacked.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::TenantId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Names of the headers we set ourselves.
pub mod header {
    /// The stable id of the fact. Unlike `Nats-Msg-Id` it survives a replay.
    pub const EVENT_ID: &str = "Event-Id";
    /// When the door took an inbound request, RFC 3339.
    pub const RECEIVED_AT: &str = "Received-At";
    /// How we came to know of it, unless its sender told us.
    pub const TOLD_BY: &str = "Told-By";
    /// The query string of an inbound request, as it came.
    pub const INBOUND_QUERY: &str = "Inbound-Query";
    /// W3C trace context.
    pub const TRACEPARENT: &str = "traceparent";
}

/// The streams of the design, section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    Inbound,
    Leads,
    Messages,
    Chat,
    ChatLive,
}

impl Stream {
    pub fn name(self) -> &'static str {
        match self {
            Self::Inbound => "INBOUND",
            Self::Leads => "LEADS",
            Self::Messages => "MESSAGES",
            Self::Chat => "CHAT",
            Self::ChatLive => "CHAT_LIVE",
        }
    }
}

/// A fact ready to publish. Two publishes of one `id` are stored once.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub stream: Stream,
    pub subject: String,
    pub id: String,
    pub headers: Vec<(&'static str, String)>,
    pub payload: Bytes,
}

/// A stored message, before anybody has understood it.
#[derive(Debug, Clone, Copy)]
pub struct Raw<'a> {
    pub subject: &'a str,
    pub headers: &'a [(String, String)],
    pub payload: &'a Bytes,
}

impl Raw<'_> {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The tenant of any subject of ours: its second token.
    pub fn tenant(&self) -> Result<TenantId, DecodeError> {
        let subject = || DecodeError::Subject(self.subject.to_owned());
        self.subject.split('.').nth(1).ok_or_else(subject)?.parse().map_err(|_| subject())
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("subject {0:?} is not one of ours")]
    Subject(String),
    #[error("not an envelope we can read")]
    Envelope(#[source] serde_json::Error),
    #[error("expected {expected}, got {got}")]
    Type { expected: &'static str, got: String },
    #[error("{event} version {version} is newer than this program knows ({known})")]
    Version { event: &'static str, version: u32, known: u32 },
}

/// Anything a stage can take as its input.
pub trait Decode: Sized + Send {
    fn decode(raw: &Raw<'_>) -> Result<Self, DecodeError>;
}

/// A fact with a type, a version and a subject.
pub trait Event: Serialize + DeserializeOwned + Send {
    /// `<noun>.<past participle>`, also the subject without its tenant.
    const NAME: &'static str;
    const VERSION: u32;
    const STREAM: Stream;

    fn tenant(&self) -> TenantId;

    /// What makes this fact itself, within its tenant and type: the same input yields the same key.
    fn key(&self) -> String;

    /// Packs the fact. `stage` is who says it; the id is `<tenant>:<stage>:<name>:<key>`.
    fn pack(&self, stage: &str, at: DateTime<Utc>) -> Outgoing {
        let id = format!("{}:{stage}:{}:{}", self.tenant(), Self::NAME, self.key());
        let (noun, verb) = Self::NAME.split_once('.').unwrap_or((Self::NAME, "happened"));
        let envelope = Envelope { event: Self::NAME, version: Self::VERSION, id: &id, at, data: self };
        Outgoing {
            stream: Self::STREAM,
            subject: format!("{noun}.{}.{verb}", self.tenant()),
            payload: serde_json::to_vec(&envelope).unwrap_or_default().into(),
            headers: vec![(header::EVENT_ID, id.clone())],
            id,
        }
    }
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    event: &'a str,
    version: u32,
    id: &'a str,
    at: DateTime<Utc>,
    data: &'a T,
}

#[derive(Deserialize)]
struct Packed {
    event: String,
    version: u32,
    data: Box<serde_json::value::RawValue>,
}

impl<T: Event> Decode for T {
    fn decode(raw: &Raw<'_>) -> Result<Self, DecodeError> {
        let packed: Packed = serde_json::from_slice(raw.payload).map_err(DecodeError::Envelope)?;
        if packed.event != T::NAME {
            return Err(DecodeError::Type { expected: T::NAME, got: packed.event });
        }
        if packed.version > T::VERSION {
            return Err(DecodeError::Version { event: T::NAME, version: packed.version, known: T::VERSION });
        }
        serde_json::from_str(packed.data.get()).map_err(DecodeError::Envelope)
    }
}
