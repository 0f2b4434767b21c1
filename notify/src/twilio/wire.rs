//! What Twilio answers. Numbers come as strings, and anything may be null.

use chrono::{DateTime, Utc};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub sid: String,
    pub body: Option<String>,
    pub direction: Option<String>,
    pub date_created: Option<String>,
}

impl Message {
    pub(super) fn created_at(&self) -> Option<DateTime<Utc>> {
        let text = self.date_created.as_deref()?;
        DateTime::parse_from_rfc2822(text).ok().map(|at| at.to_utc())
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub messages: Vec<Message>,
    pub next_page_uri: Option<String>,
}

/// Both forms of an error: the old one and RFC 9457.
#[derive(Debug, Deserialize)]
pub(super) struct Problem {
    pub code: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Account {
    pub(super) status: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Numbers {
    #[serde(default)]
    pub(super) incoming_phone_numbers: Vec<Number>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Number {
    capabilities: Option<Capabilities>,
}

#[derive(Debug, Deserialize)]
struct Capabilities {
    sms: Option<bool>,
}

impl Number {
    pub(super) fn can_text(&self) -> bool {
        self.capabilities.as_ref().is_some_and(|capabilities| capabilities.sms == Some(true))
    }
}
