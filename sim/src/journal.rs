//! What really happened at the vendors, in order.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use domain::Clock;
use serde::{Deserialize, Serialize};

/// One thing that happened at a vendor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// By the machine's clock, for measuring.
    pub at: DateTime<Utc>,
    /// What customers and shops saw on theirs.
    pub business_at: DateTime<Utc>,
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
    /// WhatsApp took a message, with a template's words or, in a conversation, any.
    Whatsapp { id: String, to: String, body: String, template: Option<String> },
    /// SendGrid took an email.
    Email { id: String, to: String, subject: String, body: String, attempt: Option<String> },
    /// Slack or Telegram showed the staff something. `button`: what pressing its button says.
    StaffTold { vendor: String, to: String, text: String, button: Option<String> },
    /// The customer wrote back.
    Reply { from: String, body: String },
    /// A vendor was asked what it has.
    LookedUp { vendor: String },
    /// The CRM was asked what a shop sells.
    CatalogAsked { filter: String },
    /// A request was met with a fault, or refused.
    Refused { vendor: String, why: String },
    /// A callback of a vendor's was answered.
    CallbackAnswered { vendor: String, status: u16 },
}

#[derive(Debug)]
pub struct Journal {
    entries: Mutex<Vec<Entry>>,
    clock: Clock,
}

impl Journal {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { entries: Mutex::default(), clock }
    }

    pub(crate) fn write(&self, event: Event) {
        let entry = Entry { at: self.clock.wall(), business_at: self.clock.now(), event };
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts without copying, for waiting.
    pub fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().filter(|entry| wanted(&entry.event)).count()
    }
}
