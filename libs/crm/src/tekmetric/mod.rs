//! Tekmetric, REST API v1. Rows are read leniently: what the vendor's reference says and what its API does are not always the same.

mod client;
mod config;
mod convert;
mod token;
pub(crate) mod webhook;
mod wire;

pub use client::Tekmetric;
pub use config::Credentials;
use serde_json::value::RawValue;
pub use token::Tokens;

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
        convert::appointment(row, chrono_tz::America::Chicago);
    }
    if let Ok(row) = serde_json::from_slice(bytes) {
        convert::service(row);
    }
    if let Ok(raw) = serde_json::from_slice::<&RawValue>(bytes)
        && let Some(row) = client::listed(raw)
    {
        assert!(webhook::parse(&row.webhook).is_ok(), "what is told of a row can be read");
    }
    let _ = serde_json::from_slice::<token::Granted>(bytes);
    let _ = serde_json::from_slice::<wire::Page>(bytes);
    let _ = serde_json::from_slice::<wire::Shop>(bytes);
}
