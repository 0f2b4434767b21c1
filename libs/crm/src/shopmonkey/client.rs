use std::time::Duration;

use async_trait::async_trait;
use domain::{Appointment, Customer, Order, Vehicle};
use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use tracing::{Instrument as _, info_span};
use url::Url;

use super::{Credentials, convert, wire};
use crate::{Crm, Error};

/// How long to wait after a 429 that names no time: the vendor's edge sends those.
const SILENT_LIMIT: Duration = Duration::from_secs(30);

pub struct Shopmonkey {
    http: reqwest::Client,
    base: Url,
    api_key: String,
}

impl Shopmonkey {
    pub fn new(http: reqwest::Client, credentials: Credentials) -> Result<Self, Error> {
        let base = Url::parse(&credentials.base_url).map_err(Error::Address)?;
        Ok(Self { http, base, api_key: credentials.api_key })
    }

    async fn get<T: DeserializeOwned>(&self, table: &'static str, id: &str) -> Result<Option<T>, Error> {
        // The two that an address gives another meaning, however they are written.
        if matches!(id, "." | "..") {
            return Ok(None);
        }
        let mut url = self.base.clone();
        // An id is an opaque string of somebody else's: as one path segment it cannot leave its place.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["v3", table, id]);
        }
        let call = async {
            let response = self.http.get(url).bearer_auth(&self.api_key).send().await.map_err(unreachable)?;
            let status = response.status();
            let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
            let request_id = header("x-request-id");
            let retry_after = service::http::retry_after(response.headers());
            let body = response.bytes().await.map_err(unreachable)?;
            let is_json = matches!(body.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{'));
            match status {
                StatusCode::OK => {
                    // What stands in front of the API may answer with JSON too; only what is in `data` is a row of theirs.
                    let answer: wire::Answer = serde_json::from_slice(&body).map_err(|error| Error::answer(&error))?;
                    let row = serde_json::from_str(answer.data.get()).map_err(|error| Error::row(&error))?;
                    Ok(Some(row))
                }
                StatusCode::NOT_FOUND if is_json => Ok(None),
                StatusCode::TOO_MANY_REQUESTS => {
                    Err(Error::Limited { retry_after: retry_after.unwrap_or(SILENT_LIMIT) })
                }
                // A challenge page of the edge is HTML and passes; a refusal by the API is JSON and does not.
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if is_json => {
                    Err(Error::KeyRefused { status: status.as_u16() })
                }
                _ => Err(Error::Failing { status: status.as_u16(), request_id }),
            }
        };
        call.instrument(info_span!("shopmonkey", crm.table = table)).await
    }
}

/// The address carries ids; an error must not.
fn unreachable(error: reqwest::Error) -> Error {
    Error::Unreachable(error.without_url())
}

#[async_trait]
impl Crm for Shopmonkey {
    async fn order(&self, id: &str) -> Result<Option<Order>, Error> {
        Ok(self.get::<wire::Order>("order", id).await?.map(convert::order))
    }

    async fn customer(&self, id: &str) -> Result<Option<Customer>, Error> {
        Ok(self.get::<wire::Customer>("customer", id).await?.map(convert::customer))
    }

    async fn vehicle(&self, id: &str) -> Result<Option<Vehicle>, Error> {
        Ok(self.get::<wire::Vehicle>("vehicle", id).await?.map(convert::vehicle))
    }

    async fn appointment(&self, id: &str) -> Result<Option<Appointment>, Error> {
        Ok(self.get::<wire::Appointment>("appointment", id).await?.map(convert::appointment))
    }
}
