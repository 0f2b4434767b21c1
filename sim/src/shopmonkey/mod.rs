//! Shopmonkey: rows by id and in lists, and signed webhooks about them.

mod api;
mod registrations;
mod rows;
mod services;
mod webhooks;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

pub use api::router;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
pub use webhooks::WebhookTarget;

/// The key the simulator takes. An example of a key, and of no use anywhere else.
pub const API_KEY: &str = "example-shopmonkey-key";

#[derive(Debug, Default)]
pub struct Shopmonkey {
    tables: Mutex<HashMap<String, BTreeMap<String, Value>>>,
    deaf_to: Mutex<Vec<String>>,
    entities_alone: Mutex<bool>,
}

impl Shopmonkey {
    pub fn row(&self, table: &str, id: &str) -> Option<Value> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).get(table)?.get(id).cloned()
    }

    /// From now on filters by this field are ignored without a word.
    pub fn ignore_filter(&self, field: &str) {
        self.deaf_to.lock().unwrap_or_else(PoisonError::into_inner).push(field.to_owned());
    }

    /// From now on triggers are called by their entities alone.
    pub fn know_entities_alone(&self) {
        *self.entities_alone.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    pub(crate) fn knows_entities_alone(&self) -> bool {
        *self.entities_alone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn deaf_to(&self) -> Vec<String> {
        self.deaf_to.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The rows that pass, without a copy of the others.
    pub(crate) fn rows_where(&self, table: &str, passes: impl Fn(&Value) -> bool) -> Vec<Value> {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = tables.get(table).into_iter().flat_map(BTreeMap::values);
        rows.filter(|row| passes(row)).cloned().collect()
    }

    pub fn rows(&self, table: &str) -> Vec<Value> {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.get(table).map(|rows| rows.values().cloned().collect()).unwrap_or_default()
    }

    pub fn put(&self, table: &str, id: &str, row: Value) {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.entry(table.to_owned()).or_default().insert(id.to_owned(), row);
    }

    /// Changes fields of a row; its version grows, as with every write there, and its date of change.
    pub fn change(&self, table: &str, id: &str, fields: &Value, now: DateTime<Utc>) -> Option<Value> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let row = tables.get_mut(table)?.get_mut(id)?;
        for (name, value) in fields.as_object().into_iter().flatten() {
            row[name] = value.clone();
        }
        row["updatedDate"] = rows::date(now).into();
        let version = row["meta"]["version"].as_i64().unwrap_or_default() + 1;
        row["meta"]["version"] = version.into();
        Some(row.clone())
    }

    /// A new appointment, whose date its order shows from now on.
    pub(crate) fn put_appointment(&self, id: &str, fields: &Value, now: DateTime<Utc>) -> Value {
        let mut row = json!({
            "createdDate": rows::date(now), "updatedDate": rows::date(now),
            "id": id, "publicId": format!("p-{id}"), "companyId": "6123456789abcdef01234567", "note": "", "color": "blue",
            "allDay": false, "customerId": null, "vehicleId": null, "orderId": null, "confirmationStatus": "NoResponse",
            "cancellationNote": null, "origin": "Shop", "attributionSource": "Manual", "rruleset": null, "meta": {"version": 1}
        });
        for (name, value) in fields.as_object().into_iter().flatten() {
            row[name] = value.clone();
        }
        if let Some(order) = row["orderId"].as_str() {
            self.change("order", order, &json!({"appointmentDates": [row["startDate"]]}), now);
        }
        self.put("appointment", id, row.clone());
        row
    }

    pub fn remove(&self, table: &str, id: &str) -> Option<Value> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).get_mut(table)?.remove(id)
    }
}
