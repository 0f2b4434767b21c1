//! Rows as they come. Only what we read; every field may be missing or null.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::lenient::{Moment, id, moment, or_default};

/// A page of a list, as Spring writes them.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub content: Vec<Box<RawValue>>,
    pub last: Option<bool>,
}

impl Page {
    /// Whether there are no more rows behind it.
    pub(super) fn is_last(&self, largest: usize) -> bool {
        self.content.is_empty() || self.last.unwrap_or(self.content.len() < largest)
    }
}

/// When a row was made, changed and deleted.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dates {
    #[serde(default, deserialize_with = "moment")]
    created_date: Option<Moment>,
    #[serde(default, deserialize_with = "moment")]
    updated_date: Option<Moment>,
    #[serde(default, deserialize_with = "moment")]
    deleted_date: Option<Moment>,
}

impl Dates {
    pub(super) fn created_at(self) -> Option<DateTime<Utc>> {
        self.created_date.map(Moment::utc)
    }

    /// By this they are listed.
    pub(super) fn updated_at(self) -> Option<DateTime<Utc>> {
        self.updated_date.map(Moment::utc)
    }

    /// Nobody says whether a deletion counts as a change.
    pub(super) fn changed_at(self) -> Option<DateTime<Utc>> {
        self.updated_date.map(Moment::utc).max(self.deleted_at())
    }

    pub(super) fn deleted_at(self) -> Option<DateTime<Utc>> {
        self.deleted_date.map(Moment::utc)
    }

    /// There is no count of changes; the time of the last one stands in.
    pub(super) fn version(self) -> Option<i64> {
        self.changed_at().or(self.created_at()).map(|at| at.timestamp_millis())
    }
}

/// What every row of a list has, whatever it is about.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedRow {
    #[serde(default, deserialize_with = "id")]
    pub id: Option<String>,
    #[serde(default, deserialize_with = "id")]
    pub shop_id: Option<String>,
    #[serde(flatten)]
    pub dates: Dates,
}

/// `{id, code, name}`, of which any may be missing.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Coded {
    pub id: Option<i64>,
    pub code: Option<String>,
    pub name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RepairOrder {
    #[serde(default, deserialize_with = "id")]
    pub id: Option<String>,
    #[serde(default, deserialize_with = "id")]
    pub shop_id: Option<String>,
    pub repair_order_status: Option<Coded>,
    pub repair_order_label: Option<Coded>,
    pub repair_order_custom_label: Option<Coded>,
    #[serde(default, deserialize_with = "moment")]
    pub appointment_start_time: Option<Moment>,
    #[serde(default, deserialize_with = "id")]
    pub customer_id: Option<String>,
    #[serde(default, deserialize_with = "id")]
    pub vehicle_id: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub jobs: Vec<Job>,
    #[serde(default, deserialize_with = "or_default")]
    pub customer_concerns: Vec<Concern>,
    #[serde(default, deserialize_with = "or_default")]
    pub amount_paid: f64,
    #[serde(default, deserialize_with = "or_default")]
    pub total_sales: f64,
    #[serde(flatten)]
    pub dates: Dates,
}

#[derive(Debug, Deserialize)]
pub(super) struct Job {
    pub name: Option<String>,
    /// Not decided yet, where it is null.
    pub authorized: Option<bool>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Concern {
    pub concern: Option<String>,
}

/// As it is read: an address is a text, and telephones are under `phone`. Writing one takes other names.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Customer {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub contact_first_name: Option<String>,
    pub contact_last_name: Option<String>,
    pub email: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub phone: Vec<Phone>,
    pub customer_type: Option<Coded>,
    pub address: Option<Address>,
    pub ok_for_marketing: Option<bool>,
    #[serde(flatten)]
    pub dates: Dates,
}

#[derive(Debug, Deserialize)]
pub(super) struct Phone {
    pub number: Option<String>,
    pub r#type: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub primary: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Address {
    pub state: Option<String>,
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
    #[serde(default, deserialize_with = "id")]
    pub id: Option<String>,
    #[serde(default, deserialize_with = "id")]
    pub shop_id: Option<String>,
    #[serde(default, deserialize_with = "id")]
    pub customer_id: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    pub start_time: Option<Moment>,
    /// `NONE`, `ARRIVED`, `NO_SHOW`, `CANCELED`.
    pub appointment_status: Option<String>,
    #[serde(flatten)]
    pub dates: Dates,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CannedJob {
    #[serde(default, deserialize_with = "id")]
    pub id: Option<String>,
    pub name: Option<String>,
    pub note: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub total_cost: f64,
    pub job_category_code: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub labor: Vec<Labor>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Labor {
    #[serde(default, deserialize_with = "or_default")]
    pub hours: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Shop {
    #[serde(default, deserialize_with = "id")]
    pub id: Option<String>,
    pub name: Option<String>,
}
