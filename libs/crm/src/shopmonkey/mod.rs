//! Shopmonkey, REST API v3. Rows are read leniently: the vendor adds fields and enum values without notice.

mod client;
mod config;
mod convert;
mod registration;
pub(crate) mod webhook;
mod wire;

pub use client::Shopmonkey;
pub use config::Credentials;
