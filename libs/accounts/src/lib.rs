//! A tenant's account at its CRM, for everybody who asks it something: `enrich`, the poller, the operators' commands.
//!
//! To add a CRM: an arm in [`Accounts::open`], where a tenant's CRM is chosen.

mod account;
mod config;
mod door;
mod limited;
mod walk;

pub use account::{Account, Accounts, Error};
pub use config::Config;
pub use door::{door_address, find_ours, random_token};
pub use limited::Patience;
pub use walk::{Step, Walk};
