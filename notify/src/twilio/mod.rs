//! Twilio Programmable Messaging, API 2010-04-01.

mod client;
mod config;
mod receipts;
mod wire;

pub(crate) use client::{Twilio, read_answers};
pub use config::Credentials;
pub(crate) use receipts::read_receipt;

/// The name under which credentials of this vendor are stored.
pub const NAME: &str = "twilio";
