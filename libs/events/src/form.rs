use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::LocationId;
use serde::{Deserialize, Serialize};

/// The form by which the way of a lead is tried before a tenant goes live; nobody has it on a website.
pub const REHEARSAL: &str = "rehearsal";

/// What somebody filled in on a website, read and judged fit at the door: the body of an inbound form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormSubmission {
    /// The same for a repeat of the same submission.
    pub id: String,
    /// The form's name.
    pub form: String,
    pub location: LocationId,
    /// By the field's name.
    pub answers: BTreeMap<String, String>,
    pub consent: Option<Consent>,
    /// Where they came from and with what: `utm_source`, `referrer`, `page`, `device`, `country`, `language`.
    pub metadata: BTreeMap<String, String>,
    /// A field that no person sees was filled in.
    #[serde(default)]
    pub is_suspected: bool,
    /// Business time.
    pub asked_at: DateTime<Utc>,
}

/// Somebody agreed to be texted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// What they were shown.
    pub words: String,
    pub given_at: DateTime<Utc>,
}
