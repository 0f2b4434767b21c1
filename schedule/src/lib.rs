//! Plans the touches, releases what is due, gives up on leads that never answer, and keeps the clocks of the staff.
//!
//! What must happen later is a row with a time in Postgres, never a timer: rows survive, can be counted, moved and
//! cancelled in the transaction that makes them pointless.

mod acknowledge;
mod app;
mod change;
mod config;
mod give_up;
mod plan;
mod release;
mod resume;
mod run_out;
mod watch;

pub use app::start;
pub use config::Config;
