//! Every message that leaves: consent, legal window, template, channel, receipt.
//!
//! Two promises are kept here. A message is sent at most once: an attempt is written down before the vendor is called, and
//! an attempt whose end nobody knows is looked up at the vendor before anything else happens. And nothing leaves that the
//! customer, the law or the operator has forbidden: that is asked again in the transaction that claims the message.
//!
//! To add a vendor: a folder with the same files as `twilio/` (`config client wire receipts`), an arm in `tenants.rs`.

mod app;
mod appointment_words;
mod breaker;
mod carrier;
mod config;
mod decide;
#[doc(hidden)]
pub mod decoders;
mod fall_back;
mod find_out;
mod receive;
mod recorded;
mod send;
mod senders;
pub mod sendgrid;
pub mod slack;
mod standing;
pub mod telegram;
mod tell_staff;
mod tenants;
pub mod twilio;
pub mod whatsapp;
mod write;

pub use app::start;
pub use config::Config;
pub use standing::{Standing, look_at_carriers, try_sendgrid, try_slack, try_telegram, try_twilio, try_whatsapp};
