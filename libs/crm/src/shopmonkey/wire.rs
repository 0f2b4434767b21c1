//! Rows as they come. Only what we read; every field may be missing or null.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

use crate::lenient::or_default;

#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    pub data: Box<serde_json::value::RawValue>,
    /// Of a list.
    pub meta: Option<ListMeta>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListMeta {
    #[serde(default, deserialize_with = "or_default")]
    pub has_more: bool,
    pub total: Option<usize>,
}

impl ListMeta {
    /// Whether the rows that came with it are all there are, on a page of at most `largest`. One that is full and does not say how
    /// many there are may be cut off.
    pub(super) fn is_whole(&self, rows: usize, largest: usize) -> bool {
        !self.has_more && self.total.map_or(rows < largest, |total| total <= rows)
    }
}

/// What every row of a list has, whatever it is about.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedRow {
    pub id: String,
    pub location_id: Option<String>,
    pub created_date: Option<DateTime<Utc>>,
    pub updated_date: Option<DateTime<Utc>>,
    pub meta: Option<Meta>,
}

/// What is a date of a list; an entry that is none keeps nobody from reading the row.
fn dates<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<DateTime<Utc>>, D::Error> {
    let entries: Vec<Option<String>> = or_default(from)?;
    Ok(entries.into_iter().flatten().filter_map(|entry| entry.parse().ok()).collect())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Order {
    pub id: String,
    pub location_id: Option<String>,
    pub name: Option<String>,
    pub coalesced_name: Option<String>,
    pub generated_name: Option<String>,
    pub complaint: Option<String>,
    pub recommendation: Option<String>,
    pub status: Option<String>,
    pub workflow_status_id: Option<String>,
    pub customer_id: Option<String>,
    pub vehicle_id: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub authorized: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub invoiced: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub paid: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub archived: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub deleted: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub message_count: i64,
    #[serde(default, deserialize_with = "dates")]
    pub appointment_dates: Vec<DateTime<Utc>>,
    #[serde(default, deserialize_with = "or_default")]
    pub total_cost_cents: f64,
    pub created_date: Option<DateTime<Utc>>,
    pub updated_date: Option<DateTime<Utc>>,
    pub meta: Option<Meta>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Meta {
    pub version: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Customer {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub state: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub emails: Vec<Email>,
    #[serde(default, deserialize_with = "or_default")]
    pub phone_numbers: Vec<PhoneNumber>,
    pub updated_date: Option<DateTime<Utc>>,
    pub meta: Option<Meta>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Email {
    pub email: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub primary: bool,
    pub subscribed: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PhoneNumber {
    pub number: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub primary: bool,
    /// The embedded form may leave it out; only an explicit `false` refuses.
    pub opt_in: Option<bool>,
    pub r#type: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Vehicle {
    pub year: Option<i32>,
    pub make: Option<String>,
    pub model: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Appointment {
    pub id: String,
    pub order_id: Option<String>,
    pub customer_id: Option<String>,
    pub start_date: Option<DateTime<Utc>>,
    pub end_date: Option<DateTime<Utc>>,
    pub location_id: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub all_day: bool,
    /// `Confirmed`, `Declined`, `NoResponse`.
    pub confirmation_status: Option<String>,
    pub cancellation_note: Option<String>,
    pub note: Option<String>,
    pub created_date: Option<DateTime<Utc>>,
    pub updated_date: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "or_default")]
    pub deleted: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Webhook {
    pub id: String,
    pub name: Option<String>,
    pub url: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub triggers: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub enabled: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub error: bool,
    pub error_message: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CannedService {
    pub id: String,
    pub location_id: Option<String>,
    pub name: Option<String>,
    pub note: Option<String>,
    /// `FixedPrice`, `LineItem`.
    pub pricing: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub fixed_price_cents: f64,
    #[serde(default, deserialize_with = "or_default")]
    pub total_cents: f64,
    #[serde(default, deserialize_with = "or_default")]
    pub bookable: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub deleted: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub labels: Vec<Label>,
    #[serde(default, deserialize_with = "or_default")]
    pub labors: Vec<Labor>,
    pub created_date: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Label {
    pub name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Labor {
    #[serde(default, deserialize_with = "or_default")]
    pub hours: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Location {
    pub id: String,
    pub name: Option<String>,
}
