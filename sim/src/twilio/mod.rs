//! Twilio: texts, their receipts, and customers who write back.

mod api;
mod callbacks;

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Mutex, PoisonError},
};

pub use api::router;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// An account that exists nowhere else.
pub const ACCOUNT_SID: &str = "AC00000000000000000000000000000001";
pub const AUTH_TOKEN: &str = "example-twilio-token";
pub const MESSAGING_SERVICE_SID: &str = "MG00000000000000000000000000000001";
/// The number a text comes from.
pub const FROM: &str = "+15125550100";

#[derive(Debug, Default)]
pub struct Twilio {
    messages: Mutex<Vec<Message>>,
    /// Recipients that opted out at the vendor.
    blocked: Mutex<BTreeSet<String>>,
    reply_url: Mutex<Option<String>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) sid: String,
    pub(crate) to: String,
    pub(crate) body: String,
    pub(crate) status: String,
    pub(crate) created_at: DateTime<Utc>,
}

impl Twilio {
    /// The vendor refuses this number from now on, as after an opt-out we never heard of.
    pub fn block(&self, number: &str) {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner).insert(number.to_owned());
    }

    /// Where customers' replies are posted to.
    pub fn set_reply_url(&self, url: String) {
        *self.reply_url.lock().unwrap_or_else(PoisonError::into_inner) = Some(url);
    }

    /// How often each text (recipient and words) was taken; more than once is what must never happen.
    pub fn repeated_texts(&self) -> Vec<(String, String)> {
        let mut seen = HashSet::new();
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        messages
            .iter()
            .filter(|message| message.status != "failed")
            .map(|message| (message.to.clone(), message.body.clone()))
            .filter(|text| !seen.insert(text.clone()))
            .collect()
    }
}
