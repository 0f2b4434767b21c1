//! Why there is no answer, and what follows from it.

use std::time::Duration;

/// Why a vendor takes no prompt from us now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unavailable {
    /// It is away, or too busy, for everybody.
    Away,
    /// We asked too often.
    TooMany,
    /// Our key, or our money: until somebody mends it.
    OurAccount,
}

#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error("the model's vendor could not be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("the model's vendor did not answer within {0:?}")]
    NoAnswer(Duration),
    #[error("the model's vendor answered {status}: {says}")]
    Unavailable { status: u16, why: Unavailable, says: String, retry_after: Option<Duration> },
    /// It will not take this prompt, whoever asks: our own mistake.
    #[error("the model's vendor refuses the prompt ({status}): {says}")]
    WrongPrompt { status: u16, says: String },
    #[error("the model said nothing for {0:?}")]
    Silent(Duration),
    #[error("the model took longer than {0:?}")]
    TooLong(Duration),
    #[error("the answer ended in the middle")]
    CutOff,
    #[error("the answer cannot be read: {0}")]
    NotReadable(String),
    #[error("the vendor ended the answer: {0}")]
    Ended(String),
    /// By its vendor's policy. What was asked must not be asked again.
    #[error("the model refuses to answer")]
    Refused,
}

impl Failed {
    /// A word for each, for metrics and for what is kept of a call.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::NoAnswer(_) => "no_answer",
            Self::Unavailable { why: Unavailable::Away, .. } => "away",
            Self::Unavailable { why: Unavailable::TooMany, .. } => "too_many",
            Self::Unavailable { why: Unavailable::OurAccount, .. } => "our_account",
            Self::WrongPrompt { .. } => "wrong_prompt",
            Self::Silent(_) => "silent",
            Self::TooLong(_) => "too_long",
            Self::CutOff => "cut_off",
            Self::NotReadable(_) => "not_readable",
            Self::Ended(_) => "ended",
            Self::Refused => "refused",
        }
    }
}
