//! Slack, for the staff: `chat.postMessage` with a button.

mod client;
mod config;

pub(crate) use client::Slack;
pub use config::Credentials;

/// The name under which credentials of this vendor are stored.
pub const NAME: &str = "slack";
