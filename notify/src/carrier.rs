//! What we need of a vendor that carries messages.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{ApprovedName, AttemptId, ErrorClass, TextSender};
use reqwest::{RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;

/// A message as it leaves.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) attempt: AttemptId,
    /// Whether we want to hear what becomes of it.
    pub(crate) reports: bool,
    /// When a vendor that has not sent it should not any more. `None`: whenever.
    pub(crate) valid_for: Option<TimeDelta>,
    pub(crate) to: String,
    /// Of a text. `None`: the tenant's own.
    pub(crate) sender: Option<TextSender>,
    /// Where whoever gets it leaves with one press. `None`: its vendor has a way of its own.
    pub(crate) unsubscribe: Option<String>,
    /// Of an email.
    pub(crate) subject: Option<String>,
    /// Of an email, its text part.
    pub(crate) body: String,
    /// Of an email.
    pub(crate) html: Option<String>,
    /// Of a WhatsApp message to somebody who has not written within a day.
    pub(crate) approved: Option<Approved>,
    /// Of an email.
    pub(crate) attachment: Option<Attachment>,
}

/// A file beside an email.
#[derive(Debug, Clone)]
pub(crate) struct Attachment {
    pub(crate) name: &'static str,
    /// As in `text/calendar`.
    pub(crate) media_type: &'static str,
    pub(crate) content: String,
}

/// Words that WhatsApp has approved, and what stands in them.
#[derive(Debug, Clone)]
pub(crate) struct Approved {
    pub(crate) name: ApprovedName,
    pub(crate) parameters: Vec<String>,
}

impl Letter {
    /// Of no words yet, to nobody: what is left out is left out.
    pub(crate) fn plain(attempt: AttemptId) -> Self {
        Self {
            attempt,
            reports: true,
            valid_for: None,
            to: String::new(),
            sender: None,
            unsubscribe: None,
            subject: None,
            body: String::new(),
            html: None,
            approved: None,
            attachment: None,
        }
    }
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted {
        provider_id: String,
    },
    /// It will never be taken as it is.
    Refused {
        code: String,
        class: ErrorClass,
    },
    /// The vendor says it did nothing, or the call never left.
    NotProcessed {
        code: String,
        retry_after: Option<Duration>,
    },
    /// The call went out and no answer came that says what happened.
    Ambiguous {
        why: String,
    },
}

/// A vendor's record of a message that may be ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) provider_id: String,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupError {
    #[error("the vendor could not be asked")]
    Unreachable(#[source] reqwest::Error),
    #[error("the vendor answered {0} to a question about a message")]
    Failing(u16),
}

#[async_trait]
pub(crate) trait Carrier: Send + Sync {
    async fn send(&self, letter: &Letter) -> Answer;

    /// Where the vendor is, by which its outages are known.
    fn vendor(&self) -> &str;

    /// Whose messages carriers count together, among all accounts. `own`: a sender of the shop's.
    fn sender(&self, own: Option<&TextSender>) -> String;

    /// Whether the account could send: what is well, or what is wrong, in words. Nothing is sent.
    async fn standing(&self) -> Result<String, String>;

    /// Everything the vendor has that could be this letter, sent at or after `since` (the vendor's clock).
    async fn look_up(&self, letter: &Letter, since: DateTime<Utc>) -> Result<Vec<Trace>, LookupError>;

    /// Whether the vendor answers at all, however it likes the question. Asked of one that cannot tell what it sent, for which a message is
    /// no way to find out.
    async fn answers(&self) -> bool {
        true
    }

    /// Whether one that [`look_up`](Self::look_up) does not find was never taken. Otherwise nobody can tell, and it is never sent again.
    fn knows_what_it_sent(&self) -> bool {
        true
    }
}

/// A vendor's answer to a question, or what is wrong with it in words.
pub(crate) async fn ask<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, String> {
    let response = request.send().await.map_err(|error| service::telemetry::causes(&error.without_url()))?;
    match response.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(format!("it refuses the key ({})", response.status().as_u16()))
        }
        status if !status.is_success() => Err(format!("it answered {}", status.as_u16())),
        _ => response.json().await.map_err(|_| "its answer cannot be read".to_owned()),
    }
}

/// What a failed call says about whether the vendor may have the message: only a connection that was never made is safe.
pub(crate) fn answer_of(error: &reqwest::Error) -> Answer {
    if error.is_connect() || error.is_builder() {
        Answer::NotProcessed { code: "unreachable".into(), retry_after: None }
    } else if error.is_timeout() {
        Answer::Ambiguous { why: "timed out".into() }
    } else {
        Answer::Ambiguous { why: "connection lost".into() }
    }
}
