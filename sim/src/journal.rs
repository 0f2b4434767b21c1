//! What really happened at the vendors, in order.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One thing that happened at a vendor. Times are the machine's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub at: DateTime<Utc>,
    #[serde(flatten)]
    pub event: Event,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A webhook of the CRM's went out for the first time.
    WebhookSent { order: String, table: String, what: String },
    /// It was answered.
    WebhookAnswered { order: String, status: u16, attempt: u32, what: String },
    /// Twilio took a text.
    Text { sid: String, to: String, body: String, attempt: Option<String> },
    /// SendGrid took an email.
    Email { id: String, to: String, subject: String, body: String, attempt: Option<String> },
    /// The customer wrote back.
    Reply { from: String, body: String },
    /// A vendor was asked what it has.
    LookedUp { vendor: String },
    /// A request was met with a fault, or refused.
    Refused { vendor: String, why: String },
    /// A callback of a vendor's was answered.
    CallbackAnswered { vendor: String, status: u16 },
}

#[derive(Debug, Default)]
pub struct Journal(Mutex<Vec<Entry>>);

impl Journal {
    #[expect(clippy::disallowed_methods, reason = "vendors live in real time")]
    pub(crate) fn write(&self, event: Event) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Entry { at: Utc::now(), event });
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts without copying, for waiting.
    pub fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().filter(|entry| wanted(&entry.event)).count()
    }
}
