//! Who asks, and what they may.

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use service::{Code, Problem, telemetry::causes};
use store::ApiKey;

use super::Api;

/// Longer than any key we make; what is longer is not looked up.
const LONGEST_KEY: usize = 128;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    LedgerRead,
    LedgerRecover,
}

impl Scope {
    pub(crate) const ALL: [Self; 2] = [Self::LedgerRead, Self::LedgerRecover];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::LedgerRead => "ledger:read",
            Self::LedgerRecover => "ledger:recover",
        }
    }
}

/// Somebody with a key of ours.
pub(super) struct Caller(ApiKey);

impl Caller {
    /// The tenant's name, if they may do this.
    pub(super) fn may(&self, scope: Scope) -> Result<&str, Problem> {
        if self.0.scopes.iter().any(|has| has == scope.as_str()) {
            return Ok(&self.0.slug);
        }
        let detail = format!("The key {:?} lacks the scope {}.", self.0.name, scope.as_str());
        Err(Problem::new(Code::MissingScope, detail))
    }
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let unknown = || Problem::new(Code::UnknownKey, "Send a key in the header: Authorization: Bearer lo_…");
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = header.and_then(|value| value.split_once(' '));
        // The scheme's name may be written in any letters (RFC 9110).
        let key = key
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, key)| key.trim())
            .ok_or_else(unknown)?;
        if key.len() > LONGEST_KEY {
            return Err(unknown());
        }
        match api.0.desk.store.everywhere().find_api_key(key).await {
            Ok(Some(found)) => Ok(Self(found)),
            Ok(None) => Err(unknown()),
            Err(error) => {
                tracing::error!(error = causes(&error), "an API key could not be looked up");
                Err(Problem::new(Code::DatabaseAway, "Please ask again later.").retry_after(5))
            }
        }
    }
}
