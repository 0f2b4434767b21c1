//! Who is asking, about which car, for which shop; a lead or not, and why. And who is answering.

mod admit;
mod app;
mod book;
mod change;
mod config;
mod contact;
#[doc(hidden)]
pub mod decoders;
mod hear;
mod judge;
mod meet;
mod restock;
mod tenants;
mod unsubscribe;
mod written;

pub use app::start;
pub use config::Config;
