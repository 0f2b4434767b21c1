//! `leads demo`: the whole product on private servers, with simulated vendors and customers.

mod check;
mod options;
mod play;
mod presets;
mod progress;
mod seed;
mod site;
mod walk;

pub use check::{Report, report};
pub use options::Options;
pub use play::run;
pub use presets::templates;
pub use seed::{Franchise, LOCATIONS, seed};
pub use site::{Site, SiteOptions};
