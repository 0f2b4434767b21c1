use std::time::Duration;

/// Why a CRM did not answer. Every variant may pass by itself or by an operator's hand, so none of them ends a lead; what does not
/// pass by itself becomes somebody's to look at.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the CRM is limiting us")]
    Limited { retry_after: Duration },
    #[error("the CRM answered {status}{}", request_id.as_ref().map(|id| format!(" (its request id {id})")).unwrap_or_default())]
    Failing { status: u16, request_id: Option<String> },
    #[error("the CRM cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// `check`: where in the CRM somebody finds the right one.
    #[error("the CRM refuses our key ({status}); check it under {check}")]
    KeyRefused { status: u16, check: &'static str },
    #[error("the CRM does not show us this shop ({status}); ask for it to be added to our access")]
    ShopRefused { status: u16 },
    /// What cannot be done through its API.
    #[error("in this CRM that is done by hand, under {place}")]
    ByHand { place: &'static str },
    /// Only where: the parser's own words quote what it read, which is a customer's.
    #[error("the CRM's answer cannot be read: {category:?} error at line {line}, column {column}")]
    Unreadable { category: serde_json::error::Category, line: usize, column: usize },
    #[error("a row of the CRM's is not as we know them: {category:?} error at line {line}, column {column}")]
    UnknownRow { category: serde_json::error::Category, line: usize, column: usize },
    /// It gave rows that were not asked for, so what it left out nobody knows.
    #[error("the CRM does not look for {feed} by when they were {stamp}")]
    FilterIgnored { feed: &'static str, stamp: &'static str },
    #[error("the CRM's address in the credentials cannot be used")]
    Address(#[source] url::ParseError),
}

impl Error {
    pub(crate) fn answer(error: &serde_json::Error) -> Self {
        Self::Unreadable { category: error.classify(), line: error.line(), column: error.column() }
    }

    pub(crate) fn row(error: &serde_json::Error) -> Self {
        Self::UnknownRow { category: error.classify(), line: error.line(), column: error.column() }
    }

    /// How long to leave the CRM alone. `None`: the caller's own backoff will do.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Limited { retry_after } => Some(*retry_after),
            // Somebody has to change the key; asking often would look like guessing.
            Self::KeyRefused { .. } | Self::Address(_) => Some(Duration::from_secs(60)),
            // The account's other shops need its turns.
            Self::ShopRefused { .. } => Some(Duration::from_secs(900)),
            Self::Failing { .. }
            | Self::Unreachable(_)
            | Self::Unreadable { .. }
            | Self::UnknownRow { .. }
            | Self::FilterIgnored { .. }
            | Self::ByHand { .. } => None,
        }
    }
}
