//! Shopmonkey, REST API v3. Rows are read leniently: the vendor adds fields and enum values without notice.

mod client;
mod config;
mod convert;
mod registration;
pub mod webhook;
mod wire;

pub use client::Shopmonkey;
pub use config::Credentials;

/// The name under which orders, leads and credentials of this CRM are stored.
pub const NAME: &str = "shopmonkey";
