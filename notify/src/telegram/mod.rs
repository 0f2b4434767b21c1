//! Telegram, for the staff: `sendMessage` with a button.

mod client;
mod config;

pub(crate) use client::Telegram;
pub use config::Credentials;

/// The name under which credentials of this vendor are stored.
pub const NAME: &str = "telegram";
