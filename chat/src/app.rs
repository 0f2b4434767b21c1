use std::{sync::Arc, time::Duration};

use accounts::Accounts;
use catalog_cache::Catalogs;
use chrono::{DateTime, Utc};
use domain::{Clock, LeadId};
use events::Stream;
use limits::Limiter;
use moka::future::Cache;
use service::{Code, Problem};
use stage::{Bus, Listening, Runtime};
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::{Config, answer::Answer, assistant::Models, calendar::Calendars, tell_crm};

/// How long somebody may go on talking whose link was taken back.
const REVOKED_WITHIN: Duration = Duration::from_secs(30);

/// What every route has at hand. Cheap to clone.
#[derive(Clone)]
pub struct App(pub(crate) Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) clock: Clock,
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) listening: Listening,
    pub(crate) revoked: Cache<LeadId, Option<DateTime<Utc>>>,
    pub(crate) stopping: CancellationToken,
}

impl App {
    /// Begins to read the live logs.
    pub fn new(config: Config, runtime: &Runtime, limiter: Arc<Limiter>) -> Self {
        let Runtime { bus, store, clock, lifecycle, .. } = runtime.clone();
        let listening = Listening::default();
        let stopping = lifecycle.stopping();
        let reading = listening.clone().run(bus.clone(), Stream::ChatLive, stopping.clone());
        lifecycle.spawn("live log", reading);
        let revoked = Cache::builder().max_capacity(10_000).time_to_live(REVOKED_WITHIN).build();
        Self(Arc::new(Parts { config, store, bus, clock, limiter, listening, revoked, stopping }))
    }
}

/// Runs the role's stages, and tells the CRM what was booked.
pub fn start(runtime: &Runtime, config: &Config, accounts: &Accounts, catalogs: Catalogs) {
    runtime.lifecycle.spawn("bookings", tell_crm::run(runtime.clone(), accounts.clone()));
    let calendars = Calendars::new(accounts.clone(), runtime.store.clone());
    let models = Models::new(config.model_timeouts, config.tenant_ttl);
    let answer = Answer { config: Arc::new(config.clone()), catalogs, calendars, models };
    stage::run(runtime, config.stage.clone(), answer);
}

/// Nobody is told what is wrong with our servers, but that it passes.
pub(crate) fn database_away(error: &store::Error) -> Problem {
    tracing::error!(error = service::telemetry::causes(error), "a conversation could not be looked up");
    Problem::new(Code::DatabaseAway, "Please try again in a moment.").retry_after(2)
}
