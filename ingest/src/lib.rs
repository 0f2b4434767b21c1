//! The only door in: webhooks of a CRM, forms of websites, replies of customers, receipts of vendors; and a look through the
//! CRM for what no webhook told.
//!
//! Every route does the same four things: finds whose door it is, verifies the raw bytes, names the event so that a repeat
//! is recognised, and answers 2xx only when JetStream has said that it is stored. To add a door: a file with the route, a
//! line in `router.rs`, its signature in `signature/`.

mod app;
mod config;
#[doc(hidden)]
pub mod decoders;
mod door;
mod forms;
mod links;
mod poll;
mod refusals;
mod remembered;
mod router;
mod sendgrid;
mod shopmonkey;
mod signature;
mod slack;
mod tekmetric;
mod telegram;
mod twilio;
mod whatsapp;

pub use app::App;
pub use config::{Config, PollConfig};
pub use poll::start as start_polling;
pub use router::router;
pub use whatsapp::secret as whatsapp_secret;

/// Whether this is a key that SendGrid's webhooks can be verified with.
pub fn reads_sendgrid_key(public_key: &str) -> bool {
    signature::sendgrid::point_of(public_key).is_some()
}
