//! What SendGrid takes and answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize)]
pub(super) struct Mail<'a> {
    pub personalizations: [Personalization<'a>; 1],
    pub from: Address<'a>,
    pub subject: &'a str,
    /// Text before HTML.
    pub content: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<&'static str, String>,
    pub tracking_settings: Tracking,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachments: Option<[Attachment<'a>; 1]>,
}

#[derive(Debug, Serialize)]
pub(super) struct Attachment<'a> {
    /// Base64.
    pub content: String,
    pub r#type: &'a str,
    pub filename: &'a str,
    pub disposition: &'static str,
}

/// One recipient: the arguments come back with every event about this mail.
#[derive(Debug, Serialize)]
pub(super) struct Personalization<'a> {
    pub to: [Address<'a>; 1],
    pub custom_args: BTreeMap<&'static str, String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Address<'a> {
    pub email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
}

#[derive(Debug, Serialize)]
pub(super) struct Content<'a> {
    pub r#type: &'static str,
    pub value: &'a str,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Tracking {
    pub click_tracking: Switch,
    pub open_tracking: Switch,
    pub subscription_tracking: Subscription,
}

/// The vendor puts a link under the email and one-click headers into it, and tells us with an `unsubscribe` event: for emails that have no
/// link of ours.
#[derive(Debug, Serialize)]
pub(super) struct Subscription {
    pub enable: bool,
    pub text: &'static str,
    pub html: &'static str,
}

impl Default for Subscription {
    fn default() -> Self {
        Self {
            enable: true,
            text: "To get no more of these emails: <% %>",
            html: "<p>To get no more of these emails: <% unsubscribe %></p>",
        }
    }
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Switch {
    pub enable: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct LogsQuery {
    pub query: String,
    pub limit: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct Logs {
    #[serde(default)]
    pub messages: Vec<LogEntry>,
}

#[derive(Debug, Deserialize)]
pub(super) struct LogEntry {
    pub sg_message_id: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Log {
    #[serde(default)]
    pub custom_args: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Event {
    pub event: String,
    pub email: Option<String>,
    pub timestamp: Option<i64>,
    pub sg_message_id: Option<String>,
    pub attempt_id: Option<String>,
    /// Of a bounce: `bounce` or `blocked`.
    pub r#type: Option<String>,
    pub status: Option<String>,
    pub reason: Option<String>,
}

/// What a key may do.
#[derive(Debug, Deserialize)]
pub(super) struct Scopes {
    #[serde(default)]
    pub(super) scopes: Vec<String>,
}
