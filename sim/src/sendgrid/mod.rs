//! SendGrid: emails, their events, and the logs.

mod api;
mod webhook;

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

pub use api::router;
use serde::{Deserialize, Serialize};
pub use webhook::public_key;

pub const API_KEY: &str = "SG.example-sendgrid-key";

#[derive(Debug, Default)]
pub struct Sendgrid {
    mails: Mutex<Vec<Mail>>,
    event_url: Mutex<Option<String>>,
    /// By recipient, of the newest alone: that is what a person looks at.
    html: Mutex<HashMap<String, String>>,
    /// The newest file beside an email to somebody: its name, and what is in it.
    files: Mutex<HashMap<String, (String, String)>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Mail {
    pub(crate) id: String,
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) body: String,
    pub(crate) attempt: Option<String>,
    /// Where a mailbox posts to when its reader presses "unsubscribe".
    #[serde(default)]
    pub(crate) one_click: Option<String>,
    pub(crate) created_at: chrono::DateTime<chrono::Utc>,
}

impl Sendgrid {
    /// Where events are posted to.
    pub fn set_event_url(&self, url: String) {
        *self.event_url.lock().unwrap_or_else(PoisonError::into_inner) = Some(url);
    }

    /// How the newest email to this address looks in a mailbox.
    pub fn newest_file(&self, to: &str) -> Option<(String, String)> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).get(to).cloned()
    }

    pub fn newest_html(&self, to: &str) -> Option<String> {
        self.html.lock().unwrap_or_else(PoisonError::into_inner).get(to).cloned()
    }
}
