//! Tekmetric, REST API v1. Rows are read leniently: what the vendor's reference says and what its API does are not always the same.

mod client;
mod config;
mod convert;
mod token;
pub(crate) mod webhook;
mod wire;

pub use client::Tekmetric;
pub use config::Credentials;
pub use token::Tokens;
