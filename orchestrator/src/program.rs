//! Roles, built and running.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use accounts::Accounts;
use anyhow::Context as _;
use catalog_cache::Catalogs;
use futures::{FutureExt as _, future::join_all};
use limits::Limiter;
use service::{Lifecycle, health::Checks, http};
use stage::{Bus, Faults, Runtime};
use store::Store;
use tracing::{error, info};

use crate::{Config, Role};

/// Of a webhook or a form, and of whether we are well.
const SLOWEST_DOOR: Duration = Duration::from_secs(30);
/// Of a walk through the orders of two hundred shops, at the rate that a CRM takes; twice, where it takes in what is missing.
const SLOWEST_WALK: Duration = Duration::from_secs(600);
/// What is in hand may take this long to finish when the program stops.
const GRACE: Duration = Duration::from_secs(20);

/// Any set of roles in one process. Dropped without [`Program::stop`], it goes on until the runtime ends.
pub struct Program {
    /// Where it listens.
    pub address: SocketAddr,
    lifecycle: Lifecycle,
    buses: Vec<Bus>,
    store: Store,
}

impl Program {
    /// Builds and starts. Servers that are away do not keep it from starting: it waits for them, and says so in `/ready`.
    pub async fn start(config: &Config, roles: &[Role], faults: Option<Arc<dyn Faults>>) -> anyhow::Result<Self> {
        service::telemetry::install_metrics();
        let (listener, address) = http::bind(&config.listen).await.with_context(|| {
            format!(
                "cannot listen on {} (http.listen); is another process there? Port 0 takes any free one",
                config.listen
            )
        })?;
        let store = Store::open(&config.store)?;
        let limiter = Arc::new(Limiter::new(&config.limits)?);
        let accounts = Accounts::new(&config.accounts, limiter.clone());
        let catalogs = Catalogs::new(
            config.catalog.clone(),
            &config.limits,
            store.clone(),
            accounts.clone(),
            config.clock.clone(),
        )?;
        let lifecycle = Lifecycle::new();
        let mut checks = Checks::default();
        checks.add("postgres", check(store.clone(), |store| async move { store.ping().await.map_err(words) }));
        let mut router = axum::Router::new();
        let mut buses = Vec::new();
        for role in roles.iter().copied() {
            let settings = &config.buses[role.as_str()];
            let bus =
                Bus::connect(settings).await.with_context(|| format!("cannot use nats.url {:?}", settings.url))?;
            checks.add(nats_check(role), check(bus.clone(), |bus| async move { reach(&bus) }));
            let runtime = Runtime {
                bus: bus.clone(),
                store: store.clone(),
                clock: config.clock.clone(),
                lifecycle: lifecycle.clone(),
                faults: faults.clone(),
            };
            buses.push(bus.clone());
            let (compared, stopping) = (bus.clone(), lifecycle.stopping());
            lifecycle.spawn("compare", async move {
                tokio::select! { () = stopping.cancelled() => {}, () = stage::say_what_differs(&compared, role.streams()) => {} }
            });
            match role {
                Role::Ingest => {
                    let app = ingest::App::new(config.ingest.clone(), &runtime, limiter.clone());
                    router = router.merge(http::within(SLOWEST_DOOR, ingest::router(app)));
                    ingest::start_polling(&runtime, &config.ingest.poll, accounts.clone());
                }
                Role::Enrich => {
                    // Redis away is no reason to take no work: limits then pass (see the limits crate).
                    enrich::start(&runtime, &config.enrich, accounts.clone(), catalogs.clone());
                }
                Role::Schedule => schedule::start(&runtime, &config.schedule),
                Role::Notify => notify::start(&runtime, &config.notify, limiter.clone()),
                Role::Chat => {
                    let app = chat::App::new(config.chat.clone(), &runtime, limiter.clone());
                    router = router.merge(chat::router(app));
                    chat::start(&runtime, &config.chat, &accounts, catalogs.clone());
                }
                Role::Operate => {
                    let (store, accounts, clock) = (store.clone(), accounts.clone(), config.clock.clone());
                    let desk = operate::Desk { store, accounts, clock, public_url: config.ingest.public_url.clone() };
                    let api = operate::Api::new(desk, bus.clone());
                    router = router.merge(http::within(SLOWEST_WALK, operate::router(api)));
                }
            }
        }
        let folding = lifecycle.stopping();
        lifecycle.spawn("metrics", async move {
            while !folding.is_cancelled() {
                service::telemetry::fold_metrics();
                tokio::select! { () = folding.cancelled() => {}, () = tokio::time::sleep(Duration::from_secs(5)) => {} }
            }
        });
        let router = http::within(SLOWEST_DOOR, service::health::router(checks)).merge(router);
        let stopping = lifecycle.stopping();
        lifecycle.spawn("http", async move {
            if let Err(failure) = http::serve(listener, router, stopping).await {
                error!(error = service::telemetry::causes(&failure), "the HTTP server ended");
            }
        });
        let names = roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
        info!(address = %address, "running {names} on {address}");
        Ok(Self { address, lifecycle, buses, store })
    }

    /// Completes when a part of the program gave up and the rest should follow.
    pub async fn ended(&self) {
        self.lifecycle.stopping().cancelled().await;
    }

    /// Finishes what is in hand, acks it and leaves.
    pub async fn stop(self) {
        self.lifecycle.stop(GRACE).await;
        join_all(self.buses.iter().map(Bus::close)).await;
        self.store.close();
    }

    /// Ends at once, as a crash would. For tests.
    pub async fn crash(self) {
        self.lifecycle.abort().await;
        self.store.close();
    }
}

/// A question to a server that can be asked again and again.
fn check<T, A>(of: T, ask: fn(T) -> A) -> service::health::Check
where
    T: Clone + Send + Sync + 'static,
    A: Future<Output = Result<(), String>> + Send + 'static,
{
    Arc::new(move || ask(of.clone()).boxed())
}

fn reach(bus: &Bus) -> Result<(), String> {
    if !bus.is_connected() {
        return Err("not connected to NATS; check nats.url, the user's password and that the server runs".into());
    }
    stage::check_server(bus).map_err(|error| error.to_string())
}

fn nats_check(role: Role) -> &'static str {
    match role {
        Role::Ingest => "nats (ingest)",
        Role::Enrich => "nats (enrich)",
        Role::Schedule => "nats (schedule)",
        Role::Notify => "nats (notify)",
        Role::Chat => "nats (chat)",
        Role::Operate => "nats (operate)",
    }
}

fn words(error: store::Error) -> String {
    format!("{:#}", anyhow::Error::new(error))
}
