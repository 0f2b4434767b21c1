use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use domain::{Appointment, Customer, Order, Vehicle};
use reqwest::{RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json, value::RawValue};
use tracing::{Instrument as _, info_span};
use url::Url;

use super::{Credentials, convert, registration, wire};
use crate::{Crm, Error, Feed, Listed, ListedServices, NewRegistration, Registration, Row, Stamp, Window};

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
        // An id is an opaque string of somebody else's: as one path segment it cannot leave its place.
        let answer = self.ask(table, self.http.get(self.address(&["v3", table, id]))).await?;
        let row = answer.map(|answer| serde_json::from_str(answer.data.get()).map_err(|error| Error::row(&error)));
        row.transpose()
    }

    fn address(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    async fn ask(&self, table: &'static str, request: RequestBuilder) -> Result<Option<wire::Answer>, Error> {
        let call = async {
            let response = request.bearer_auth(&self.api_key).send().await.map_err(unreachable)?;
            let status = response.status();
            let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
            let request_id = header("x-request-id");
            let retry_after = service::http::retry_after(response.headers());
            let body = response.bytes().await.map_err(unreachable)?;
            let is_json = matches!(body.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{'));
            match status {
                // What stands in front of the API may answer with JSON too; only what is in `data` is theirs.
                StatusCode::OK | StatusCode::CREATED => {
                    serde_json::from_slice(&body).map(Some).map_err(|error| Error::answer(&error))
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

/// Of a list, which is there also when it is empty.
const NO_SUCH_PLACE: Error = Error::Failing { status: 404, request_id: None };

/// A page has no more, whatever one asks for.
const LARGEST_PAGE: usize = 100;

fn table_of(feed: Feed) -> &'static str {
    match feed {
        Feed::Orders => "order",
        Feed::Appointments => "appointment",
        Feed::Customers => "customer",
    }
}

/// Operators are bare words: one that the vendor does not know, such as `$gte`, is ignored without a word.
fn filter(stamp: Stamp, window: Window) -> String {
    let field = match stamp {
        Stamp::Created => "createdDate",
        Stamp::Updated => "updatedDate",
    };
    json!({field: within(window)}).to_string()
}

fn within(window: Window) -> Value {
    let date = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    json!({"gte": date(window.from()), "lt": date(window.until())})
}

/// A row as a list has it. One without an id is nobody's to read again.
fn listed(table: &'static str, raw: &RawValue) -> Option<Row> {
    let row: wire::ListedRow = serde_json::from_str(raw.get()).ok()?;
    let body = format!(r#"{{"apiVersion":"3","operation":"UPDATE","table":"{table}","data":{raw}}}"#);
    Some(Row {
        version: convert::version(row.meta, row.updated_date),
        location_id: row.location_id,
        created_at: row.created_date,
        changed_at: row.updated_date,
        webhook: body.into(),
        id: row.id,
    })
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

    async fn list(&self, feed: Feed, stamp: Stamp, window: Window) -> Result<Listed, Error> {
        let table = table_of(feed);
        let mut url = self.address(&["v3", table]);
        url.query_pairs_mut()
            .append_pair("limit", &LARGEST_PAGE.to_string())
            .append_pair("where", &filter(stamp, window));
        let answer = self.ask(table, self.http.get(url)).await?.ok_or(NO_SUCH_PLACE)?;
        let raw: Vec<Box<RawValue>> = serde_json::from_str(answer.data.get()).map_err(|error| Error::row(&error))?;
        let is_whole = answer.meta.unwrap_or_default().is_whole(raw.len(), LARGEST_PAGE);
        let all = raw.len();
        let rows: Vec<_> = raw
            .iter()
            .filter_map(|row| listed(table, row))
            .filter(|row| match stamp {
                Stamp::Created => row.created_at.is_some_and(|at| window.holds(at)),
                Stamp::Updated => row.changed_at.is_some_and(|at| window.holds(at)),
            })
            .collect();
        if !is_whole && rows.len() < all {
            return Err(Error::FilterIgnored { feed: feed.as_str(), stamp: stamp.as_str() });
        }
        Ok(Listed { rows, is_whole })
    }

    async fn services(&self, location_id: &str, added: Option<Window>) -> Result<ListedServices, Error> {
        let mut wanted = json!({"locationId": location_id});
        if let Some(window) = added {
            wanted["createdDate"] = within(window);
        }
        let mut url = self.address(&["v3", "canned_service"]);
        url.query_pairs_mut().append_pair("limit", &LARGEST_PAGE.to_string()).append_pair("where", &wanted.to_string());
        let answer = self.ask("canned_service", self.http.get(url)).await?.ok_or(NO_SUCH_PLACE)?;
        let raw: Vec<Box<RawValue>> = serde_json::from_str(answer.data.get()).map_err(|error| Error::row(&error))?;
        let is_whole = answer.meta.unwrap_or_default().is_whole(raw.len(), LARGEST_PAGE);
        let mut services = Vec::new();
        for row in &raw {
            let Ok(row) = serde_json::from_str::<wire::CannedService>(row.get()) else { continue };
            let is_ours = row.location_id.as_deref() == Some(location_id)
                && added.is_none_or(|window| row.created_date.is_some_and(|at| window.holds(at)));
            if is_ours {
                services.extend(convert::service(row));
            } else if !is_whole {
                return Err(Error::FilterIgnored { feed: "services", stamp: "created, or by their shop" });
            }
        }
        Ok(ListedServices { services, is_whole })
    }

    async fn webhooks(&self) -> Result<Vec<Registration>, Error> {
        let mut url = self.address(&["v3", "webhook"]);
        url.query_pairs_mut().append_pair("limit", &LARGEST_PAGE.to_string());
        let answer = self.ask("webhook", self.http.get(url)).await?.ok_or(NO_SUCH_PLACE)?;
        let rows: Vec<wire::Webhook> = serde_json::from_str(answer.data.get()).map_err(|error| Error::row(&error))?;
        Ok(rows.into_iter().map(registration::read).collect())
    }

    /// Which names the account's triggers have is not known: those that were seen to work first, then those of the documentation.
    async fn save_webhook(&self, id: Option<&str>, webhook: &NewRegistration) -> Result<(), Error> {
        let mut last = NO_SUCH_PLACE;
        for triggers in registration::vocabularies() {
            let body = registration::write(webhook, &triggers);
            let request = match id {
                Some(id) => self.http.put(self.address(&["v3", "webhook", id])).json(&body),
                None => self.http.post(self.address(&["v3", "webhook"])).json(&body),
            };
            match self.ask("webhook", request).await {
                Ok(Some(_)) => return Ok(()),
                Ok(None) => return Err(NO_SUCH_PLACE),
                Err(error @ Error::Failing { status: 400, .. }) => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_asked_for_with_bare_operators_and_milliseconds() {
        let at = |text: &str| text.parse().unwrap();
        let window = Window::new(at("2026-03-02T15:00:00Z"), at("2026-03-02T15:04:05.12Z")).unwrap();
        assert_eq!(
            filter(Stamp::Updated, window),
            r#"{"updatedDate":{"gte":"2026-03-02T15:00:00.000Z","lt":"2026-03-02T15:04:05.120Z"}}"#
        );
    }

    #[test]
    fn a_row_of_a_list_is_told_as_its_webhook_would() {
        let row =
            r#"{"id":"a","locationId":"l","createdDate":"2026-03-02T15:04:05.120Z","meta":{"version":3},"labels":{}}"#;
        let row = listed("order", &RawValue::from_string(row.to_owned()).unwrap()).unwrap();
        let told = crate::shopmonkey::webhook::Webhook::parse(&row.webhook).unwrap();
        assert_eq!((told.table.as_str(), told.id.as_str(), told.row_version), ("order", "a", Some(3)));
        assert_eq!((row.version, row.changed_at), (3, None));
        assert!(listed("order", &RawValue::from_string("{}".to_owned()).unwrap()).is_none());
    }
}
