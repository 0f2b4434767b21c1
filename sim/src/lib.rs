//! Every vendor we talk to, over HTTP: stateful, faithful in status codes, headers, error bodies and callbacks, and rude on
//! demand. It imports neither `crm` nor `notify`: it is the other side of the wire, written from the vendors' side.
//!
//! Whatever reaches a vendor is in the [`Journal`], which is what tests and the demo assert on: what was really received,
//! not what we believe to have sent.

#![recursion_limit = "256"]

pub mod anthropic;
mod connection;
mod control;
mod delivery;
mod faults;
mod journal;
mod page;
pub mod play;
mod quote;
pub mod sendgrid;
pub mod shopmonkey;
pub mod slack;
pub mod tekmetric;
pub mod telegram;
pub mod twilio;
pub mod whatsapp;
mod world;

pub use delivery::Manners;
pub use faults::{Fault, FaultKind, Vendor};
pub use journal::{Entry, Event, Journal};
pub use quote::Quote;
pub use world::{Settings, Sim, World};
