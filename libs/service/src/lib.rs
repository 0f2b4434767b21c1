//! What makes a program a service: configuration, telemetry, lifecycle, the HTTP client, problem+json and health.

pub mod caller;
pub mod config;
pub mod health;
pub mod http;
mod lifecycle;
mod problem;
pub mod telemetry;

pub use lifecycle::Lifecycle;
pub use problem::{Code, Problem};
