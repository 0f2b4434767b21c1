//! What the Cloud API takes and answers, and what its webhooks say of messages.

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Serialize)]
pub(super) struct Message<'a> {
    pub messaging_product: &'static str,
    pub recipient_type: &'static str,
    pub to: &'a str,
    #[serde(flatten)]
    pub content: Content<'a>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Content<'a> {
    Text { text: Text<'a> },
    Template { template: Template<'a> },
}

#[derive(Debug, Serialize)]
pub(super) struct Text<'a> {
    pub body: &'a str,
    pub preview_url: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Template<'a> {
    pub name: &'a str,
    pub language: LanguageCode<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct LanguageCode<'a> {
    pub code: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct Component<'a> {
    pub r#type: &'static str,
    pub parameters: Vec<Parameter<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Parameter<'a> {
    pub r#type: &'static str,
    pub text: &'a str,
}

#[derive(Debug, Deserialize)]
pub(super) struct Accepted {
    pub messages: Vec<AcceptedMessage>,
}

#[derive(Debug, Deserialize)]
pub(super) struct AcceptedMessage {
    pub id: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Problem {
    pub error: Error,
}

#[derive(Debug, Deserialize)]
pub(super) struct Error {
    pub code: Option<i64>,
}

/// A number, as `standing` asks for it.
#[derive(Debug, Deserialize)]
pub(super) struct Number {
    pub verified_name: Option<String>,
    pub display_phone_number: Option<String>,
    pub quality_rating: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Webhook {
    #[serde(default)]
    pub entry: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    #[serde(default)]
    pub changes: Vec<Change>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Change {
    /// Each by itself: one that cannot be read does not keep the others from being read.
    #[serde(default)]
    pub value: Value,
}

#[derive(Debug, Deserialize)]
pub(super) struct Status {
    pub id: String,
    pub status: String,
    /// In seconds, as a text.
    pub timestamp: Option<String>,
    pub recipient_id: Option<String>,
    #[serde(default)]
    pub errors: Vec<Error>,
}
