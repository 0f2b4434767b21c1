//! HTTP errors as RFC 9457 problem+json: one place, stable codes, each with a page in `docs/errors/`.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:ident, $retry:literal, $title:literal;)*) => {
        /// What can be wrong with a request. The code is stable; its page says what to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// Whether the same request, sent again later, may succeed.
            pub fn retry(self) -> bool {
                match self { $(Self::$name => $retry,)* }
            }

            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    BadSignature = "bad-signature", UNAUTHORIZED, false, "The signature does not match";
    StaleTimestamp = "stale-timestamp", UNAUTHORIZED, false, "The request was signed at another time than ours";
    UnknownDoor = "unknown-door", NOT_FOUND, false, "Nothing listens at this address";
    TooLarge = "too-large", PAYLOAD_TOO_LARGE, false, "The body is too large";
    NotReadable = "not-readable", BAD_REQUEST, false, "The body cannot be read";
    WrongQuery = "wrong-query", BAD_REQUEST, false, "The address asks for something that cannot be";
    NotFound = "not-found", NOT_FOUND, false, "There is no such page";
    WrongMethod = "wrong-method", METHOD_NOT_ALLOWED, false, "This address takes another method";
    InvalidFields = "invalid-fields", UNPROCESSABLE_ENTITY, false, "Some fields are wrong";
    OriginRefused = "origin-refused", FORBIDDEN, false, "This website may not use this form";
    TooMany = "too-many", TOO_MANY_REQUESTS, true, "Too many at once";
    UnknownKey = "unknown-key", UNAUTHORIZED, false, "No key of ours came with this";
    MissingScope = "missing-scope", FORBIDDEN, false, "The key may not do this";
    CrmAway = "crm-away", SERVICE_UNAVAILABLE, true, "The CRM cannot be asked just now";
    TooSlow = "too-slow", REQUEST_TIMEOUT, true, "The request did not arrive in time";
    DatabaseAway = "database-away", SERVICE_UNAVAILABLE, true, "We cannot look up this address just now";
    StreamAway = "stream-away", SERVICE_UNAVAILABLE, true, "We cannot store this safely just now";
    NoSession = "no-session", UNAUTHORIZED, false, "This conversation is not open to you";
    SlotGone = "slot-gone", CONFLICT, false, "That time is not kept any more";
    Internal = "internal", INTERNAL_SERVER_ERROR, true, "Something went wrong on our side";
}

/// An answer that says what is wrong, and whether trying again is safe.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: String,
    retry_after_s: Option<u32>,
    /// A member of its own beside the usual ones.
    more: Option<(&'static str, serde_json::Value)>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'a str,
    retry: bool,
    #[serde(flatten)]
    more: serde_json::Map<String, serde_json::Value>,
}

impl Problem {
    /// `detail` is for whoever sent the request: what was wrong with it and what to do, never their data.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), retry_after_s: None, more: None }
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Adds a member of its own, such as what is wrong with each field.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: serde_json::Value) -> Self {
        self.more = Some((name, value));
        self
    }

    pub fn code(&self) -> Code {
        self.code
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let body = Body {
            r#type: format!("urn:lead-orchestrator:error:{}", self.code.as_str()),
            title: self.code.title(),
            status: status.as_u16(),
            code: self.code.as_str(),
            detail: &self.detail,
            retry: self.code.retry(),
            more: self.more.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        };
        let mut response = (status, serde_json::to_string(&body).unwrap_or_default()).into_response();
        // For whoever stands around the routes.
        response.extensions_mut().insert(self.code);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_page() {
        for code in Code::ALL {
            let page = format!("{}/../../docs/errors/{}.md", env!("CARGO_MANIFEST_DIR"), code.as_str());
            assert!(std::path::Path::new(&page).exists(), "docs/errors/{}.md is missing", code.as_str());
        }
    }
}
