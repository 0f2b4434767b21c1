//! One file for each command.

pub mod dead;
pub mod doctor;
pub mod migrate;
pub mod nats;
pub mod run;
