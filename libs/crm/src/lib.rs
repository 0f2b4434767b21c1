//! What we need of a CRM, and one adapter for each. `docs/adding-a-crm.md` walks through a new one.
//!
//! Nothing above this crate knows a vendor's words.

mod change;
#[doc(hidden)]
pub mod decoders;
mod error;
mod http;
mod lenient;
mod list;
mod registration;
pub mod shopmonkey;
pub mod tekmetric;

use async_trait::async_trait;
pub use change::{About, Change, UnreadableChange};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Appointment, CrmName, Customer, Order, Slot, Vehicle};
pub use error::Error;
pub use list::{Feed, Listed, ListedServices, Part, Row, Stamp, Wanted, Window};
pub use registration::{NewRegistration, Registration, Registrations};

/// A CRM as the pipeline sees it. `Ok(None)`: the CRM has no such row.
#[async_trait]
pub trait Crm: Send + Sync {
    fn name(&self) -> CrmName;

    async fn order(&self, id: &str) -> Result<Option<Order>, Error>;
    async fn customer(&self, id: &str) -> Result<Option<Customer>, Error>;
    async fn vehicle(&self, id: &str) -> Result<Option<Vehicle>, Error>;
    async fn appointment(&self, id: &str) -> Result<Option<Appointment>, Error>;

    /// Whether what was read of a row at some time, in some version, is what a change to this version told of.
    fn has_in_it(&self, read_version: i64, _read_at: DateTime<Utc>, told_version: i64) -> bool {
        read_version >= told_version
    }

    /// How late a change may show up in its lists.
    fn settles_within(&self) -> TimeDelta {
        TimeDelta::zero()
    }

    /// The shops that our key shows us.
    async fn shops(&self) -> Result<Vec<Shop>, Error>;

    /// Whether a list is of one shop, which has to be named, and not of all of them.
    fn lists_by_shop(&self) -> bool;

    /// The dates by which these are to be looked through, so that nothing that happened to them is overlooked.
    fn stamps(&self, feed: Feed) -> &'static [Stamp];

    /// The rows whose date lies within a window: none from outside it, and all of them if it says so. An adapter looks at each
    /// row's date itself, because a CRM may ignore a filter without a word.
    async fn list(&self, wanted: &Wanted) -> Result<Listed, Error>;

    /// Makes an appointment. Whoever does not hear how that ended looks for it before they ask again.
    async fn make_appointment(&self, wanted: &NewAppointment) -> Result<String, Error>;

    /// An appointment that [`make_appointment`](Self::make_appointment) may have made, by its mark.
    async fn find_appointment(&self, wanted: &NewAppointment) -> Result<Option<String>, Error>;

    /// What a shop's calendar has that begins within a window; what was called off is not in it.
    async fn calendar(&self, location_id: &str, window: Window) -> Result<Vec<CalendarEntry>, Error>;

    /// What a shop sells, in as many parts as the CRM gives it: none of another shop's.
    async fn services(&self, location_id: &str, part: Part) -> Result<ListedServices, Error>;

    /// The webhooks that this account has registered.
    async fn webhooks(&self) -> Result<Registrations, Error>;

    /// Registers a webhook, or makes the one with this id what it should be and switches it on.
    async fn save_webhook(&self, id: Option<&str>, webhook: &NewRegistration) -> Result<(), Error>;
}

/// An appointment that a customer has made, as the CRM is to have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAppointment {
    /// The CRM's id of the shop.
    pub location_id: String,
    pub order_id: Option<String>,
    pub customer_id: Option<String>,
    pub slot: Slot,
    /// What the shop's calendar shows.
    pub title: String,
    /// By which it is found again: it stands in the note.
    pub mark: String,
}

/// How the note of an appointment begins that we have made.
const OUR_NOTE: &str = "Booked by the customer in the chat";

impl NewAppointment {
    fn note(&self) -> String {
        format!("{OUR_NOTE} ({})", self.mark)
    }
}

/// A time at which a shop has somebody in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarEntry {
    pub id: String,
    pub slot: Slot,
    /// We have made it, whether or not we know its id already.
    pub is_ours: bool,
}

/// A shop as the CRM has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shop {
    pub id: String,
    pub name: String,
}
