use std::{error::Error, time::Duration};

/// Why a message was not handled, and what that means for it. Said once, where the error arises.
#[derive(Debug)]
pub enum Failure {
    /// Something is away or busy. Tried again for as long as that lasts; never a dead letter.
    Retry { after: Option<Duration>, cause: anyhow::Error },
    /// Trying again would only repeat it. Becomes a dead letter at once.
    Reject { cause: anyhow::Error },
}

impl Failure {
    pub fn retry(cause: impl Into<anyhow::Error>) -> Self {
        Self::Retry { after: None, cause: cause.into() }
    }

    /// Retry, not before `after`.
    pub fn retry_after(after: Duration, cause: impl Into<anyhow::Error>) -> Self {
        Self::Retry { after: Some(after), cause: cause.into() }
    }

    pub fn reject(cause: impl Into<anyhow::Error>) -> Self {
        Self::Reject { cause: cause.into() }
    }

    pub fn into_cause(self) -> anyhow::Error {
        match self {
            Self::Retry { cause, .. } | Self::Reject { cause } => cause,
        }
    }

    /// The chain of causes, outermost first.
    pub(crate) fn chain(cause: &anyhow::Error) -> Vec<String> {
        cause.chain().map(|cause: &(dyn Error + 'static)| cause.to_string()).collect()
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        if error.is_outage() { Self::retry(error) } else { Self::reject(error) }
    }
}
