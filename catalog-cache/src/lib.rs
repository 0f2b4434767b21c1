//! What each shop sells, as its CRM has it, behind Redis. Always answers, and says how old its answer is.
//!
//! In the order they are asked: this process's own memory for seconds, Redis for minutes, the CRM. What is stale is answered at
//! once and fetched anew behind the answer, by one replica at a time. With the CRM down the last known answer stands, as old as
//! it is; with Redis down each process remembers for itself; an entry that cannot be read is fetched anew.

mod catalog;
mod catalogs;
mod config;
mod shared;

pub use catalog::{Answer, Catalog};
pub use catalogs::{Catalogs, Error};
pub use config::Config;
