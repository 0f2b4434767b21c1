//! The CRM's limit, which all replicas share, and everything that asks the CRM.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use crm::{
    CalendarEntry, Crm, Error, Feed, Listed, ListedServices, NewAppointment, NewRegistration, Part, Registrations,
    Shop, Stamp, Wanted, Window,
};
use domain::{Appointment, CrmName, Customer, Order, Vehicle};
use limits::{ComeBackAfter, Limiter};
use store::CrmLimit;

/// How long somebody waits for a turn, and who goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// A customer waits for it.
    Lead(Duration),
    /// Nobody waits for it: half of the burst is left to leads that may come.
    Background(Duration),
}

/// The line at one tenant's CRM.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) key: String,
    pub(crate) limit: CrmLimit,
    pub(crate) limiter: Arc<Limiter>,
}

impl Line {
    pub(crate) async fn wait(&self, turns: u32, patience: Patience) -> Result<(), ComeBackAfter> {
        let CrmLimit { per_second, burst } = self.limit;
        let (burst, patience) = match patience {
            Patience::Lead(patience) => (burst, patience),
            Patience::Background(patience) => (burst.div_ceil(2), patience),
        };
        self.limiter.wait(&self.key, per_second, burst, turns, patience).await
    }
}

/// A CRM whose refusals close its line for everybody.
pub(crate) struct Limited {
    pub(crate) crm: Box<dyn Crm>,
    pub(crate) line: Line,
}

impl Limited {
    async fn note<T>(&self, answer: Result<T, Error>) -> Result<T, Error> {
        if let Err(Error::Limited { retry_after }) = &answer {
            self.line.limiter.close(&self.line.key, *retry_after).await;
        }
        answer
    }
}

#[async_trait]
impl Crm for Limited {
    fn name(&self) -> CrmName {
        self.crm.name()
    }

    async fn order(&self, id: &str) -> Result<Option<Order>, Error> {
        self.note(self.crm.order(id).await).await
    }

    async fn customer(&self, id: &str) -> Result<Option<Customer>, Error> {
        self.note(self.crm.customer(id).await).await
    }

    async fn vehicle(&self, id: &str) -> Result<Option<Vehicle>, Error> {
        self.note(self.crm.vehicle(id).await).await
    }

    async fn appointment(&self, id: &str) -> Result<Option<Appointment>, Error> {
        self.note(self.crm.appointment(id).await).await
    }

    fn has_in_it(&self, read_version: i64, read_at: DateTime<Utc>, told_version: i64) -> bool {
        self.crm.has_in_it(read_version, read_at, told_version)
    }

    fn settles_within(&self) -> TimeDelta {
        self.crm.settles_within()
    }

    async fn make_appointment(&self, wanted: &NewAppointment) -> Result<String, Error> {
        self.note(self.crm.make_appointment(wanted).await).await
    }

    async fn find_appointment(&self, wanted: &NewAppointment) -> Result<Option<String>, Error> {
        self.note(self.crm.find_appointment(wanted).await).await
    }

    async fn calendar(&self, location_id: &str, window: Window) -> Result<Vec<CalendarEntry>, Error> {
        self.note(self.crm.calendar(location_id, window).await).await
    }

    async fn shops(&self) -> Result<Vec<Shop>, Error> {
        self.note(self.crm.shops().await).await
    }

    fn lists_by_shop(&self) -> bool {
        self.crm.lists_by_shop()
    }

    fn stamps(&self, feed: Feed) -> &'static [Stamp] {
        self.crm.stamps(feed)
    }

    async fn list(&self, wanted: &Wanted) -> Result<Listed, Error> {
        self.note(self.crm.list(wanted).await).await
    }

    async fn services(&self, location_id: &str, part: Part) -> Result<ListedServices, Error> {
        self.note(self.crm.services(location_id, part).await).await
    }

    async fn webhooks(&self) -> Result<Registrations, Error> {
        self.note(self.crm.webhooks().await).await
    }

    async fn save_webhook(&self, id: Option<&str>, webhook: &NewRegistration) -> Result<(), Error> {
        self.note(self.crm.save_webhook(id, webhook).await).await
    }
}
