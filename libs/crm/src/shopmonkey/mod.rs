//! Shopmonkey, REST API v3. Rows are read leniently: the vendor adds fields and enum values without notice.

mod client;
mod config;
mod convert;
mod registration;
pub(crate) mod webhook;
mod wire;

pub use client::Shopmonkey;
pub use config::Credentials;
use serde_json::value::RawValue;

/// An answer of the API's as whatever it could be, for the fuzzers.
pub(crate) fn read_anything(bytes: &[u8]) {
    if let Ok(row) = serde_json::from_slice(bytes) {
        convert::order(row);
    }
    if let Ok(row) = serde_json::from_slice(bytes) {
        convert::customer(row);
    }
    if let Ok(row) = serde_json::from_slice::<wire::Vehicle>(bytes) {
        convert::vehicle(row).title();
    }
    if let Ok(row) = serde_json::from_slice(bytes) {
        convert::appointment(row);
    }
    if let Ok(row) = serde_json::from_slice(bytes) {
        convert::service(row);
    }
    if let Ok(row) = serde_json::from_slice(bytes) {
        registration::read(row);
    }
    if let Ok(raw) = serde_json::from_slice::<&RawValue>(bytes)
        && let Some(row) = client::listed("order", raw)
    {
        assert!(webhook::parse(&row.webhook).is_ok_and(|told| told.id == row.id), "what is told of a row can be read");
    }
    let _ = serde_json::from_slice::<wire::Location>(bytes);
    let _ = serde_json::from_slice::<wire::Answer>(bytes);
}
