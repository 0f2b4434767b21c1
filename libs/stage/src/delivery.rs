//! A message in hand: out of its stream, or after it had to wait for longer than a moment.

use std::{collections::BTreeMap, time::Duration};

use async_nats::jetstream::{AckKind, Message};
use bytes::Bytes;
use domain::TenantId;
use events::{Raw, Stream, header};
use store::{Parked, ParkedPlace};

pub(crate) struct Delivery {
    pub(crate) stream: &'static str,
    pub(crate) sequence: u64,
    /// This one included.
    pub(crate) deliveries: u64,
    pub(crate) subject: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) payload: Bytes,
    origin: Origin,
}

enum Origin {
    Stream(Box<Message>),
    Parked { event_id: String },
}

impl Delivery {
    /// `None`: not a message of a consumer's.
    pub(crate) fn of_stream(stream: Stream, message: Message) -> Option<Self> {
        let (sequence, deliveries) = {
            let info = message.info().ok()?;
            (info.stream_sequence, u64::try_from(info.delivered).unwrap_or(1))
        };
        let headers = message.headers.iter().flat_map(async_nats::HeaderMap::iter);
        Some(Self {
            stream: stream.name(),
            sequence,
            deliveries,
            subject: message.subject.to_string(),
            headers: headers
                .filter_map(|(name, values)| Some((name.to_string(), values.first()?.to_string())))
                .collect(),
            payload: message.payload.clone(),
            origin: Origin::Stream(Box::new(message)),
        })
    }

    pub(crate) fn of_parked(stream: Stream, parked: Parked) -> Self {
        Self {
            stream: stream.name(),
            sequence: parked.sequence,
            deliveries: parked.deliveries,
            subject: parked.subject,
            headers: parked.headers.into_iter().collect(),
            payload: parked.payload.into(),
            origin: Origin::Parked { event_id: parked.event_id },
        }
    }

    pub(crate) fn raw(&self) -> Raw<'_> {
        Raw { subject: &self.subject, headers: &self.headers, payload: &self.payload }
    }

    pub(crate) fn event_id(&self) -> &str {
        let id = self.headers.iter().find(|(name, _)| name == header::EVENT_ID);
        id.map(|(_, id)| id.as_str()).unwrap_or_default()
    }

    /// `None`: it lies in its stream.
    pub(crate) fn parked_place<'a>(&'a self, stage: &'a str) -> Option<ParkedPlace<'a>> {
        let Origin::Parked { event_id } = &self.origin else { return None };
        Some(ParkedPlace { stage, stream: self.stream, sequence: self.sequence, event_id })
    }

    pub(crate) fn tenant(&self) -> Option<TenantId> {
        self.raw().tenant().ok()
    }

    /// Those that a copy of it keeps: the server's own belong to the first publish, and a copy that had them would be refused or
    /// dropped.
    pub(crate) fn own_headers(&self) -> BTreeMap<&str, &str> {
        let own = self.headers.iter().filter(|(name, _)| !name.starts_with("Nats-"));
        own.map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// Tells its stream that it is still in hand.
    pub(crate) async fn is_in_hand(&self) {
        if let Origin::Stream(message) = &self.origin {
            let _ = message.ack_with(AckKind::Progress).await;
        }
    }

    /// Tells its stream that this is over, without waiting for the answer: a lost word costs one delivery more, which finds its work
    /// done (ADR 12).
    pub(crate) async fn ack(&self) {
        if let Origin::Stream(message) = &self.origin {
            // An error means that the client was closed: then too it comes again.
            let _ = message.ack().await;
        }
    }

    /// Has its stream deliver it again. A lost word costs the ack wait, nothing else; a parked one comes up when its lease ends.
    pub(crate) async fn give_back(&self, delay: Duration) {
        if let Origin::Stream(message) = &self.origin {
            let _ = message.ack_with(AckKind::Nak(Some(delay))).await;
        }
    }

    /// Has its stream deliver it no more, and say why.
    pub(crate) async fn end(&self, reason: &str) {
        if let Origin::Stream(message) = &self.origin
            && let Some(reply) = message.reply.clone()
        {
            // The client's Term carries no reason; the server's advisory shows this one.
            let _ = message.context.client().publish(reply, format!("+TERM {reason}").into()).await;
        }
    }
}
