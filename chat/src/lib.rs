//! The conversation: from the link in a message to a booked appointment.
//!
//! What a customer says is an event; any replica answers it (`answer.rs`) into the conversation's live log, and any replica serves that
//! log (`stream.rs`). Whoever answers holds a number, and only the newest number writes. What may be said rests on the shop's own rows
//! (`ground/`); what is booked the customer has pressed themselves (`book.rs`).

mod answer;
mod app;
mod assistant;
mod book;
mod calendar;
mod calendar_file;
mod concierge;
mod config;
mod context;
mod ground;
mod health;
mod history;
mod known;
mod live;
mod message;
mod offer;
mod page;
mod router;
mod session;
mod stop;
mod stream;
mod tell_crm;

pub(crate) use app::database_away;
pub use app::{App, start};
pub use config::Config;
pub use router::router;
pub(crate) use session::Session;
