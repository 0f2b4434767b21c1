//! What came from outside: the verified request, byte for byte, with what names it beside it.

use std::{fmt, str::FromStr};

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use domain::{CrmName, TenantId, ToldBy};

use crate::{Decode, DecodeError, Outgoing, Raw, Stream, header};

/// Who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    Crm(CrmName),
    Twilio,
    Sendgrid,
    Whatsapp,
    Slack,
    Telegram,
    /// A form on a website.
    Form,
    /// A lead's own link.
    Link,
}

impl Source {
    pub const ALL: [Self; 9] = [
        Self::Crm(CrmName::Shopmonkey),
        Self::Crm(CrmName::Tekmetric),
        Self::Twilio,
        Self::Sendgrid,
        Self::Whatsapp,
        Self::Slack,
        Self::Telegram,
        Self::Form,
        Self::Link,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Crm(crm) => crm.as_str(),
            Self::Twilio => "twilio",
            Self::Sendgrid => "sendgrid",
            Self::Whatsapp => "whatsapp",
            Self::Slack => "slack",
            Self::Telegram => "telegram",
            Self::Form => "form",
            Self::Link => "link",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|source| source.as_str() == text).ok_or_else(|| format!("unknown source {text:?}"))
    }
}

/// What it is about; the last token of its subject, by which stages choose what they read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InboundKind {
    /// An order of the CRM was made, changed or deleted.
    Order,
    /// An appointment of the CRM was made, changed or deleted.
    Appointment,
    /// A customer of the CRM was made, changed or deleted.
    Customer,
    /// A service of a shop's catalog was made, changed or deleted.
    Service,
    /// Somebody filled in a form.
    Form,
    /// Any other row of the CRM.
    Other,
    /// A customer wrote back.
    Reply,
    /// A vendor tells what became of a message.
    Receipt,
    /// Somebody of the staff took what they were told of.
    Acknowledgement,
    /// Somebody left by the link in a message.
    Unsubscribe,
}

impl InboundKind {
    pub const ALL: [Self; 10] = [
        Self::Order,
        Self::Appointment,
        Self::Customer,
        Self::Service,
        Self::Form,
        Self::Other,
        Self::Reply,
        Self::Receipt,
        Self::Acknowledgement,
        Self::Unsubscribe,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Appointment => "appointment",
            Self::Customer => "customer",
            Self::Service => "service",
            Self::Form => "form",
            Self::Other => "other",
            Self::Reply => "reply",
            Self::Receipt => "receipt",
            Self::Acknowledgement => "acknowledgement",
            Self::Unsubscribe => "unsubscribe",
        }
    }
}

/// A verified request from outside. The payload is the body itself, so that what operators replay is what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    pub tenant: TenantId,
    pub source: Source,
    pub kind: InboundKind,
    /// What the sender would call "the same thing again": a row and its version, a message and its status.
    pub key: String,
    pub told_by: ToldBy,
    pub received_at: DateTime<Utc>,
    pub query: String,
    pub body: Bytes,
}

impl Inbound {
    /// Whether what is about this number of the sender's is for the door that it came by: one application may have several.
    pub fn is_of_number(&self, number: Option<&str>) -> bool {
        let wanted = self.query.strip_prefix("number=").filter(|wanted| !wanted.is_empty());
        wanted.is_none_or(|wanted| number == Some(wanted))
    }

    pub fn pack(&self) -> Outgoing {
        let id = format!("{}:ingest:{}:{}:{}", self.tenant, self.source, self.kind.as_str(), self.key);
        let mut headers = vec![
            (header::EVENT_ID, id.clone()),
            (header::RECEIVED_AT, self.received_at.to_rfc3339_opts(SecondsFormat::Millis, true)),
        ];
        if self.told_by != ToldBy::Webhook {
            headers.push((header::TOLD_BY, self.told_by.to_string()));
        }
        if !self.query.is_empty() {
            headers.push((header::INBOUND_QUERY, self.query.clone()));
        }
        Outgoing {
            stream: Stream::Inbound,
            subject: format!("inbound.{}.{}.{}", self.tenant, self.source, self.kind.as_str()),
            id,
            headers,
            payload: self.body.clone(),
        }
    }
}

impl Decode for Inbound {
    fn decode(raw: &Raw<'_>) -> Result<Self, DecodeError> {
        let unknown = || DecodeError::Subject(raw.subject.to_owned());
        let tenant = raw.tenant()?;
        let mut tokens = raw.subject.split('.').skip(2);
        let source = tokens.next().and_then(|token| token.parse().ok()).ok_or_else(unknown)?;
        let kind = tokens.next().ok_or_else(unknown)?;
        let kind = InboundKind::ALL.into_iter().find(|known| known.as_str() == kind).ok_or_else(unknown)?;
        let id = raw.header(header::EVENT_ID).unwrap_or_default();
        Ok(Self {
            tenant,
            source,
            kind,
            key: id.splitn(5, ':').nth(4).unwrap_or_default().to_owned(),
            told_by: raw.header(header::TOLD_BY).and_then(|by| by.parse().ok()).unwrap_or(ToldBy::Webhook),
            received_at: raw
                .header(header::RECEIVED_AT)
                .and_then(|at| DateTime::parse_from_rfc3339(at).ok())
                .map(|at| at.to_utc())
                .unwrap_or_default(),
            query: raw.header(header::INBOUND_QUERY).unwrap_or_default().to_owned(),
            body: raw.payload.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_comes_out_of_the_stream_as_it_went_in() {
        let inbound = Inbound {
            tenant: TenantId::new(uuid::Uuid::from_u128(7)),
            source: Source::Twilio,
            kind: InboundKind::Receipt,
            key: "SM1:delivered".into(),
            told_by: ToldBy::Poll,
            received_at: "2026-03-02T15:04:05.120Z".parse().unwrap(),
            query: "attempt=1".into(),
            body: Bytes::from_static(b"MessageSid=SM1&MessageStatus=delivered"),
        };
        let out = inbound.pack();
        assert_eq!(out.subject, "inbound.00000000-0000-0000-0000-000000000007.twilio.receipt");
        let headers: Vec<_> = out.headers.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
        let raw = Raw { subject: &out.subject, headers: &headers, payload: &out.payload };
        assert_eq!(Inbound::decode(&raw).unwrap(), inbound);
    }
}
