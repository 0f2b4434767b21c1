//! WhatsApp, by Meta's Cloud API.

mod client;
mod config;
mod receipts;
mod wire;

pub(crate) use client::{Whatsapp, read_answers};
pub use config::Credentials;
pub(crate) use receipts::read_receipts;

/// The name under which credentials of this vendor are stored.
pub const NAME: &str = "whatsapp";
