//! What we need of a CRM, and one adapter for each.
//!
//! To add a CRM: a folder with the same files as `shopmonkey/` (`config client wire convert registration webhook`), and an arm in
//! `accounts`, where a tenant's CRM is chosen. Nothing above this crate knows a vendor's words.

mod error;
mod list;
mod registration;
pub mod shopmonkey;

use async_trait::async_trait;
use domain::{Appointment, Customer, Order, Vehicle};
pub use error::Error;
pub use list::{Feed, Listed, ListedServices, Row, Stamp, Window};
pub use registration::{NewRegistration, Registration};

/// A CRM as the pipeline sees it. `Ok(None)`: the CRM has no such row.
#[async_trait]
pub trait Crm: Send + Sync {
    async fn order(&self, id: &str) -> Result<Option<Order>, Error>;
    async fn customer(&self, id: &str) -> Result<Option<Customer>, Error>;
    async fn vehicle(&self, id: &str) -> Result<Option<Vehicle>, Error>;
    async fn appointment(&self, id: &str) -> Result<Option<Appointment>, Error>;

    /// The rows that were made, or changed, within a window: none from outside it, and all of them if it says so. An adapter looks
    /// at each row's date itself, because a CRM may ignore a filter without a word.
    async fn list(&self, feed: Feed, stamp: Stamp, window: Window) -> Result<Listed, Error>;

    /// What a shop sells: of what was added within a window, or of everything. None of another shop's, and all of them if it
    /// says so.
    async fn services(&self, location_id: &str, added: Option<Window>) -> Result<ListedServices, Error>;

    /// The webhooks that this account has registered.
    async fn webhooks(&self) -> Result<Vec<Registration>, Error>;

    /// Registers a webhook, or makes the one with this id what it should be and switches it on.
    async fn save_webhook(&self, id: Option<&str>, webhook: &NewRegistration) -> Result<(), Error>;
}
