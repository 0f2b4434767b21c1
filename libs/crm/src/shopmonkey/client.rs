use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use domain::{Appointment, CrmName, Customer, Order, Vehicle};
use reqwest::{RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json, value::RawValue};
use tracing::{Instrument as _, info_span};
use url::Url;

use super::{Credentials, convert, registration, wire};
use crate::{
    CalendarEntry, Crm, Error, Feed, Listed, ListedServices, NewAppointment, NewRegistration, Part, Registrations, Row,
    Shop, Stamp, Wanted, Window,
    http::{NO_SUCH_PLACE, address, is_a_way_out, send},
    lenient::{kept, plain},
};

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
        if is_a_way_out(id) {
            return Ok(None);
        }
        let answer = self.ask(table, self.http.get(self.address(&["v3", table, id]))).await?;
        let row = answer.map(|answer| serde_json::from_str(answer.data.get()).map_err(|error| Error::row(&error)));
        row.transpose()
    }

    fn address(&self, segments: &[&str]) -> Url {
        address(&self.base, segments)
    }

    async fn ask(&self, table: &'static str, request: RequestBuilder) -> Result<Option<wire::Answer>, Error> {
        let call = async {
            let answer = send(request.bearer_auth(&self.api_key)).await?;
            match answer.status {
                // What stands in front of the API may answer with JSON too; only what is in `data` is theirs.
                StatusCode::OK | StatusCode::CREATED => {
                    serde_json::from_slice(&answer.body).map(Some).map_err(|error| Error::answer(&error))
                }
                StatusCode::NOT_FOUND if answer.is_json() => Ok(None),
                // A challenge page of the edge is HTML and passes; a refusal by the API is JSON and does not.
                status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) if answer.is_json() => {
                    Err(Error::KeyRefused { status: status.as_u16(), check: API_KEYS })
                }
                _ => Err(answer.failure()),
            }
        };
        call.instrument(info_span!("shopmonkey", crm.table = table)).await
    }

    async fn rows(&self, table: &'static str, url: Url) -> Result<(Vec<Box<RawValue>>, bool), Error> {
        let answer = self.ask(table, self.http.get(url)).await?.ok_or(NO_SUCH_PLACE)?;
        let rows: Vec<Box<RawValue>> = serde_json::from_str(answer.data.get()).map_err(|error| Error::row(&error))?;
        let is_whole = answer.meta.unwrap_or_default().is_whole(rows.len(), LARGEST_PAGE);
        Ok((rows, is_whole))
    }

    fn list_of(&self, table: &str, filter: Option<String>) -> Url {
        let mut url = self.address(&["v3", table]);
        url.query_pairs_mut().append_pair("limit", &LARGEST_PAGE.to_string());
        if let Some(filter) = filter {
            url.query_pairs_mut().append_pair("where", &filter);
        }
        url
    }
}

/// Where somebody finds our key.
const API_KEYS: &str = "Settings > Integration > API Keys";

/// Of a calendar: more is none that a shop could have in some weeks.
const MOST_PAGES: u32 = 40;
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
fn filter(wanted: &Wanted) -> String {
    let field = match wanted.stamp {
        Stamp::Created => "createdDate",
        Stamp::Updated => "updatedDate",
        Stamp::Deleted => "deletedDate",
    };
    let mut filter = json!({field: within(wanted.window)});
    if let Some(shop) = &wanted.shop {
        filter["locationId"] = shop.as_str().into();
    }
    filter.to_string()
}

fn within(window: Window) -> Value {
    let date = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    json!({"gte": date(window.from()), "lt": date(window.until())})
}

/// A row as a list has it. One without an id is nobody's to read again.
pub(super) fn listed(table: &'static str, raw: &RawValue) -> Option<Row> {
    let row: wire::ListedRow = serde_json::from_str(raw.get()).ok()?;
    let body = format!(r#"{{"apiVersion":"3","operation":"UPDATE","table":"{table}","data":{raw}}}"#);
    Some(Row {
        id: kept(Some(row.id))?,
        version: convert::version(row.meta, row.updated_date),
        location_id: row.location_id,
        created_at: row.created_date,
        changed_at: row.updated_date,
        deleted_at: None,
        webhook: body.into(),
    })
}

#[async_trait]
impl Crm for Shopmonkey {
    fn name(&self) -> CrmName {
        CrmName::Shopmonkey
    }

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

    async fn make_appointment(&self, wanted: &NewAppointment) -> Result<String, Error> {
        let date = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
        // Whoever leaves the last ones out has the vendor write to the customer, too.
        let body = json!({
            "name": wanted.title, "color": "blue", "startDate": date(wanted.slot.starts_at), "endDate": date(wanted.slot.ends_at),
            "locationId": wanted.location_id, "orderId": wanted.order_id, "customerId": wanted.customer_id,
            "note": wanted.note(), "allDay": false, "sendConfirmation": false, "sendReminder": false, "useSMS": false,
            "useEmail": false
        });
        let request = self.http.post(self.address(&["v3", "appointment"])).json(&body);
        let answer = self.ask("appointment", request).await?.ok_or(NO_SUCH_PLACE)?;
        let made: wire::Appointment = serde_json::from_str(answer.data.get()).map_err(|error| Error::row(&error))?;
        Ok(made.id)
    }

    async fn find_appointment(&self, wanted: &NewAppointment) -> Result<Option<String>, Error> {
        let from = wanted.slot.starts_at;
        let Some(window) = Window::new(from, from + TimeDelta::minutes(1)) else { return Ok(None) };
        let filter = json!({"locationId": wanted.location_id, "startDate": within(window)}).to_string();
        let (rows, is_whole) = self.rows("appointment", self.list_of("appointment", Some(filter))).await?;
        let made = rows.iter().filter_map(|row| serde_json::from_str::<wire::Appointment>(row.get()).ok());
        let found = made.into_iter().find(|row| row.note.as_deref().is_some_and(|note| note.contains(&wanted.mark)));
        match found {
            None if !is_whole => Err(Error::FilterIgnored { feed: "appointments", stamp: "due, at one time" }),
            found => Ok(found.map(|row| row.id)),
        }
    }

    /// A window of which there is more than a page is asked for in halves, because pages are not the same from one request to the next.
    async fn calendar(&self, location_id: &str, window: Window) -> Result<Vec<CalendarEntry>, Error> {
        let (mut ahead, mut entries) = (vec![window], Vec::new());
        let mut pages = 0;
        while let Some(window) = ahead.pop() {
            pages += 1;
            let filter = json!({"locationId": location_id, "startDate": within(window)}).to_string();
            let (raw, is_whole) = self.rows("appointment", self.list_of("appointment", Some(filter))).await?;
            let rows = raw.iter().filter_map(|row| serde_json::from_str::<wire::Appointment>(row.get()).ok());
            let found: Vec<_> = rows.filter_map(|row| convert::calendar_entry(row, location_id, window)).collect();
            match window.halve() {
                Some((earlier, later)) if !is_whole => {
                    if pages > MOST_PAGES {
                        return Err(Error::FilterIgnored { feed: "appointments", stamp: "due" });
                    }
                    ahead.extend([later, earlier]);
                }
                _ => entries.extend(found),
            }
        }
        Ok(entries)
    }

    async fn shops(&self) -> Result<Vec<Shop>, Error> {
        let (rows, _) = self.rows("location", self.list_of("location", None)).await?;
        let shops = rows.iter().filter_map(|row| serde_json::from_str::<wire::Location>(row.get()).ok());
        Ok(shops.map(|shop| Shop { id: shop.id, name: plain(shop.name.unwrap_or_default()) }).collect())
    }

    fn lists_by_shop(&self) -> bool {
        false
    }

    /// That the first of these filters works everywhere is not known, and the date of a change may be missing. What is deleted is
    /// not listed.
    fn stamps(&self, feed: Feed) -> &'static [Stamp] {
        match feed {
            Feed::Orders => &[Stamp::Updated, Stamp::Created],
            Feed::Appointments | Feed::Customers => &[Stamp::Updated],
        }
    }

    async fn list(&self, wanted: &Wanted) -> Result<Listed, Error> {
        let table = table_of(wanted.feed);
        let (raw, is_whole) = self.rows(table, self.list_of(table, Some(filter(wanted)))).await?;
        let rows = raw.iter().filter_map(|row| listed(table, row)).collect();
        Listed::of(wanted, rows, raw.len(), is_whole)
    }

    /// A catalog that one page does not hold is read in windows of when its services were added: the pages of a list are not the
    /// same from one request to the next.
    async fn services(&self, location_id: &str, part: Part) -> Result<ListedServices, Error> {
        let added = match part {
            Part::Added(window) => Some(window),
            Part::Whole | Part::Page(_) => None,
        };
        let mut filter = json!({"locationId": location_id});
        if let Some(window) = added {
            filter["createdDate"] = within(window);
        }
        let (raw, is_whole) =
            self.rows("canned_service", self.list_of("canned_service", Some(filter.to_string()))).await?;
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
        let rest = match added {
            _ if is_whole => Vec::new(),
            None => Window::always().map(Part::Added).into_iter().collect(),
            Some(window) => {
                window.halve().map(|(one, other)| [one, other].map(Part::Added)).into_iter().flatten().collect()
            }
        };
        Ok(ListedServices { services, rest })
    }

    async fn webhooks(&self) -> Result<Registrations, Error> {
        let answer = self.ask("webhook", self.http.get(self.list_of("webhook", None))).await?.ok_or(NO_SUCH_PLACE)?;
        let rows: Vec<wire::Webhook> = serde_json::from_str(answer.data.get()).map_err(|error| Error::row(&error))?;
        Ok(Registrations::Listed(rows.into_iter().map(registration::read).collect()))
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
            filter(&Wanted { feed: Feed::Orders, stamp: Stamp::Updated, shop: None, window }),
            r#"{"updatedDate":{"gte":"2026-03-02T15:00:00.000Z","lt":"2026-03-02T15:04:05.120Z"}}"#
        );
    }

    #[test]
    fn a_row_of_a_list_is_told_as_its_webhook_would() {
        let row =
            r#"{"id":"a","locationId":"l","createdDate":"2026-03-02T15:04:05.120Z","meta":{"version":3},"labels":{}}"#;
        let row = listed("order", &RawValue::from_string(row.to_owned()).unwrap()).unwrap();
        let told = crate::shopmonkey::webhook::parse(&row.webhook).unwrap();
        assert_eq!((told.about, told.id.as_str(), told.row_version), (crate::About::Order, "a", Some(3)));
        assert_eq!((row.version, row.changed_at), (3, None));
        assert!(listed("order", &RawValue::from_string("{}".to_owned()).unwrap()).is_none());
    }
}
