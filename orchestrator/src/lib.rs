//! The one binary, `leads`: every role and every operator command.
//!
//! The library is what `main`, the tests and the benchmarks share: a program is built the same way in all of them.

pub mod commands;
mod config;
pub mod demo;
mod program;
pub mod supervise;

pub use config::{Config, Role};
pub use domain::Clock;
pub use program::Program;
