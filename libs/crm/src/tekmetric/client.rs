use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::{Appointment, CrmName, Customer, Order, Vehicle};
use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tracing::{Instrument as _, info_span};
use url::Url;

use super::{Credentials, Tokens, convert, wire};
use crate::{
    CalendarEntry, Crm, Error, Feed, Listed, ListedServices, NewAppointment, NewRegistration, Part, Registrations, Row,
    Shop, Stamp, Wanted, Window,
    http::{Answer, NO_SUCH_PLACE, address, is_a_way_out, send},
    lenient::{kept, plain},
};

pub struct Tekmetric {
    http: reqwest::Client,
    base: Url,
    credentials: Credentials,
    tokens: Tokens,
    zones: HashMap<String, Tz>,
}

/// Where somebody finds what our access is; there is no page for it in the shop's settings.
pub(super) const API_ACCESS: &str = "the API access that Tekmetric granted, its client id and secret";

/// Where somebody notes an appointment.
const CALENDAR: &str = "Calendar";
/// Where a shop adds a webhook.
const WEBHOOKS: &str = "Settings > Integrations > Webhooks";

/// A page has no more, whatever one asks for.
const LARGEST_PAGE: usize = 100;

/// What stands in the address of its list.
fn place_of(feed: Feed) -> &'static str {
    match feed {
        Feed::Orders => "repair-orders",
        Feed::Appointments => "appointments",
        Feed::Customers => "customers",
    }
}

/// The filters of a window's beginning and end. The list of one date alone: with two of them it answers only what is deleted.
fn filters(feed: Feed, stamp: Stamp) -> (&'static str, &'static str) {
    match (stamp, feed) {
        (Stamp::Created, Feed::Orders) => ("start", "end"),
        // Only orders are listed by when they were made; nobody asks it of the others.
        (Stamp::Created | Stamp::Updated, _) => ("updatedDateStart", "updatedDateEnd"),
        (Stamp::Deleted, _) => ("deletedDateStart", "deletedDateEnd"),
    }
}

impl Tekmetric {
    /// `zones`: the shops' time zones by the CRM's ids of them, for times that say none.
    pub fn new(
        http: reqwest::Client,
        credentials: Credentials,
        tokens: Tokens,
        zones: HashMap<String, Tz>,
    ) -> Result<Self, Error> {
        let base = Url::parse(&credentials.base_url).map_err(Error::Address)?;
        Ok(Self { http, base, credentials, tokens, zones })
    }

    async fn get<T: DeserializeOwned>(&self, table: &'static str, id: &str) -> Result<Option<T>, Error> {
        if is_a_way_out(id) {
            return Ok(None);
        }
        let Some(answer) = self.ask(table, address(&self.base, &["api", "v1", table, id])).await? else {
            return Ok(None);
        };
        let row: Box<RawValue> = serde_json::from_slice(&answer.body).map_err(|error| Error::answer(&error))?;
        serde_json::from_str(row.get()).map(Some).map_err(|error| Error::row(&error))
    }

    async fn page(&self, table: &'static str, filters: &[(&str, &str)], page: u32) -> Result<wire::Page, Error> {
        let mut url = address(&self.base, &["api", "v1", table]);
        url.query_pairs_mut()
            .extend_pairs(filters)
            .append_pair("size", &LARGEST_PAGE.to_string())
            .append_pair("page", &page.to_string());
        let answer = self.ask(table, url).await?.ok_or(NO_SUCH_PLACE)?;
        serde_json::from_slice(&answer.body).map_err(|error| Error::answer(&error))
    }

    /// `None`: there is no such row.
    async fn ask(&self, table: &'static str, url: Url) -> Result<Option<Answer>, Error> {
        let call = async {
            let Self { http, base, credentials, tokens, .. } = self;
            let ask_with =
                async |token: &super::token::Token| send(http.get(url.clone()).bearer_auth(token.expose())).await;
            let token = tokens.find(http, base, credentials).await?;
            let mut answer = ask_with(&token).await?;
            // A revoked token is asked for again once; the same one again would be refused again.
            if answer.status == StatusCode::UNAUTHORIZED
                && let Some(newer) = tokens.renew(http, base, credentials, &token).await?
            {
                answer = ask_with(&newer).await?;
            }
            match answer.status {
                StatusCode::OK => Ok(Some(answer)),
                // Its body is empty, the edge's is a page.
                StatusCode::UNAUTHORIZED if answer.body.is_empty() || answer.is_json() => {
                    Err(Error::KeyRefused { status: 401, check: API_ACCESS })
                }
                StatusCode::FORBIDDEN if answer.is_json() => Err(Error::ShopRefused { status: 403 }),
                StatusCode::NOT_FOUND if answer.body.is_empty() || answer.is_json() => Ok(None),
                _ => Err(answer.failure()),
            }
        };
        call.instrument(info_span!("tekmetric", crm.table = table)).await
    }
}

/// A row as a list has it. One without an id is nobody's to read again.
pub(super) fn listed(raw: &RawValue) -> Option<Row> {
    let row: wire::ListedRow = serde_json::from_str(raw.get()).ok()?;
    Some(Row {
        id: kept(row.id)?,
        version: row.dates.version().unwrap_or_default(),
        location_id: row.shop_id,
        created_at: row.dates.created_at(),
        changed_at: row.dates.updated_at(),
        deleted_at: row.dates.deleted_at(),
        webhook: format!(r#"{{"event":"Found by looking","data":{raw}}}"#).into(),
    })
}

fn date(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[async_trait]
impl Crm for Tekmetric {
    fn name(&self) -> CrmName {
        CrmName::Tekmetric
    }

    async fn order(&self, id: &str) -> Result<Option<Order>, Error> {
        Ok(self.get::<wire::RepairOrder>("repair-orders", id).await?.and_then(convert::order))
    }

    async fn customer(&self, id: &str) -> Result<Option<Customer>, Error> {
        Ok(self.get::<wire::Customer>("customers", id).await?.map(convert::customer))
    }

    async fn vehicle(&self, id: &str) -> Result<Option<Vehicle>, Error> {
        Ok(self.get::<wire::Vehicle>("vehicles", id).await?.map(convert::vehicle))
    }

    async fn appointment(&self, id: &str) -> Result<Option<Appointment>, Error> {
        let Some(row) = self.get::<wire::Appointment>("appointments", id).await? else { return Ok(None) };
        let zone = row.shop_id.as_ref().and_then(|shop| self.zones.get(shop)).copied().unwrap_or(Tz::UTC);
        Ok(convert::appointment(row, zone))
    }

    async fn make_appointment(&self, _: &NewAppointment) -> Result<String, Error> {
        Err(Error::ByHand { place: CALENDAR })
    }

    async fn find_appointment(&self, _: &NewAppointment) -> Result<Option<String>, Error> {
        Err(Error::ByHand { place: CALENDAR })
    }

    async fn calendar(&self, _: &str, _: Window) -> Result<Vec<CalendarEntry>, Error> {
        Err(Error::ByHand { place: CALENDAR })
    }

    /// A version is a second, in which a row may change twice: what was read within that second may not be the last of it.
    fn has_in_it(&self, read_version: i64, read_at: DateTime<Utc>, told_version: i64) -> bool {
        let is_over = read_at.timestamp_millis() >= told_version + 1_000;
        read_version > told_version || (read_version == told_version && is_over)
    }

    fn settles_within(&self) -> TimeDelta {
        TimeDelta::hours(1)
    }

    async fn shops(&self) -> Result<Vec<Shop>, Error> {
        let answer = self.ask("shops", address(&self.base, &["api", "v1", "shops"])).await?.ok_or(NO_SUCH_PLACE)?;
        // A bare array, unlike every other list.
        let rows: Vec<Box<RawValue>> = serde_json::from_slice(&answer.body).map_err(|error| Error::answer(&error))?;
        let shops = rows.iter().filter_map(|row| serde_json::from_str::<wire::Shop>(row.get()).ok());
        Ok(shops
            .filter_map(|shop| Some(Shop { id: kept(shop.id)?, name: plain(shop.name.unwrap_or_default()) }))
            .collect())
    }

    fn lists_by_shop(&self) -> bool {
        true
    }

    /// What is deleted is in a list of its own.
    fn stamps(&self, feed: Feed) -> &'static [Stamp] {
        match feed {
            Feed::Orders => &[Stamp::Updated, Stamp::Deleted],
            Feed::Appointments | Feed::Customers => &[Stamp::Updated],
        }
    }

    async fn list(&self, wanted: &Wanted) -> Result<Listed, Error> {
        let (start, end) = filters(wanted.feed, wanted.stamp);
        // Whether a row of the very end is in the list nobody says; the one a millisecond before is.
        let (from, until) = (date(wanted.window.from()), date(wanted.window.until() - TimeDelta::milliseconds(1)));
        let mut filters = vec![(start, from.as_str()), (end, until.as_str())];
        if let Some(shop) = &wanted.shop {
            filters.push(("shop", shop));
        }
        let page = self.page(place_of(wanted.feed), &filters, 0).await?;
        let rows = page.content.iter().filter_map(|row| listed(row)).collect();
        Listed::of(wanted, rows, page.content.len(), page.is_last(LARGEST_PAGE))
    }

    /// Canned jobs have no dates to look for them by, so they are read page by page.
    async fn services(&self, location_id: &str, part: Part) -> Result<ListedServices, Error> {
        let number = match part {
            Part::Page(number) => number,
            Part::Whole | Part::Added(_) => 0,
        };
        let page = self.page("canned-jobs", &[("shop", location_id)], number).await?;
        let rows = page.content.iter().filter_map(|row| serde_json::from_str::<wire::CannedJob>(row.get()).ok());
        let services = rows.filter_map(convert::service).collect();
        let rest = if page.is_last(LARGEST_PAGE) { Vec::new() } else { vec![Part::Page(number + 1)] };
        Ok(ListedServices { services, rest })
    }

    async fn webhooks(&self) -> Result<Registrations, Error> {
        Ok(Registrations::ByHand { place: WEBHOOKS })
    }

    async fn save_webhook(&self, _: Option<&str>, _: &NewRegistration) -> Result<(), Error> {
        Err(Error::ByHand { place: WEBHOOKS })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_a_list_is_told_as_its_webhook_would() {
        let row = r#"{"id":700123,"repairOrderNumber":4312,"shopId":77,"updatedDate":"2026-03-02T15:04:05Z"}"#;
        let row = listed(&RawValue::from_string(row.to_owned()).unwrap()).unwrap();
        let told = crate::tekmetric::webhook::parse(&row.webhook).unwrap();
        assert_eq!(
            (told.about, told.id.as_str(), told.row_version),
            (crate::About::Order, "700123", Some(row.version))
        );
        assert!(listed(&RawValue::from_string("{}".to_owned()).unwrap()).is_none());
    }
}
