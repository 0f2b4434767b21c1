//! One request to a CRM, and what every adapter does with the answer.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{RequestBuilder, StatusCode};
use url::Url;

use crate::Error;

/// How long to wait after a 429 that names no time.
const SILENT_LIMIT: Duration = Duration::from_secs(30);

/// Of a list, which is there also when it is empty.
pub(crate) const NO_SUCH_PLACE: Error = Error::Failing { status: 404, request_id: None };

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    request_id: Option<String>,
    retry_after: Option<Duration>,
}

impl Answer {
    /// Whether it is the API's own word. What stands in front of an API speaks HTML.
    pub(crate) fn is_json(&self) -> bool {
        matches!(self.body.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{' | b'['))
    }

    /// What an answer means that an adapter has no word of its own for.
    pub(crate) fn failure(self) -> Error {
        match self.status {
            StatusCode::TOO_MANY_REQUESTS => Error::Limited { retry_after: self.retry_after.unwrap_or(SILENT_LIMIT) },
            status => Error::Failing { status: status.as_u16(), request_id: self.request_id },
        }
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Result<Answer, Error> {
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    let request_id = response.headers().get("x-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let retry_after = service::http::retry_after(response.headers());
    let body = response.bytes().await.map_err(unreachable)?;
    Ok(Answer { status, body, request_id, retry_after })
}

/// An address below a CRM's. An id is an opaque string of somebody else's: as one path segment it cannot leave its place.
pub(crate) fn address(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// The two ids that an address gives another meaning, however they are written.
pub(crate) fn is_a_way_out(id: &str) -> bool {
    matches!(id, "." | "..")
}

/// The address carries ids; an error must not.
fn unreachable(error: reqwest::Error) -> Error {
    Error::Unreachable(error.without_url())
}
