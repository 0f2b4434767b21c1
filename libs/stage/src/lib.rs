//! The consumer loop: acks, retries, dead letters, tracing. The only crate that speaks JetStream.
//!
//! A stage implements [`Stage`] and says what happens; everything else of the contract (design, section 5) is here. To add
//! a stage: its durable as a file in `nats/consumers/`, its subjects in `nats/server/users.conf`, one `impl Stage`, one
//! [`run`] where its role is built.

mod bus;
mod config;
mod context;
mod declared;
mod delivery;
mod failure;
mod faults;
mod live;
mod pull;
mod redrive;
mod settle;
mod wake;

pub use bus::{BatchError, Bus, LARGEST_BATCH, PublishError};
pub use config::{BusConfig, StageConfig};
pub use context::Context;
pub use declared::{Change, Declared, DeclaredError, apply, check_server, count_unsettled, diff, say_what_differs};
pub use failure::Failure;
pub use faults::{Faults, Step};
pub use live::{AppendError, Behind, Entry, Listening, Position, ReadError};
pub use pull::{Runtime, Stage, run};
pub use redrive::{RedriveError, redrive};
