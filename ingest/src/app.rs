use std::sync::Arc;

use bytes::Bytes;
use crm::{About, Change};
use domain::{Clock, TenantId, ToldBy};
use events::{Inbound, InboundKind, Source};
use limits::Limiter;
use service::{Code, Problem};
use stage::{Bus, PublishError, Runtime};
use store::Store;
use tracing::{debug, info};

use crate::{Config, door::Doors, forms::FormKeys, links::Links, refusals::Refusals};

/// Of a row's id, its version and the like together; a real one has a hundred. It becomes a header and part of log lines.
const LONGEST_KEY_BYTES: usize = 512;

/// What every route has at hand. Cheap to clone.
#[derive(Clone)]
pub struct App(pub(crate) Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) doors: Doors,
    pub(crate) clock: Clock,
    pub(crate) refusals: Refusals,
    pub(crate) form_keys: FormKeys,
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) store: Store,
    pub(crate) links: Links,
    bus: Bus,
}

/// A verified request, before it has a name of its own in the stream.
pub(crate) struct Verified {
    pub(crate) tenant: TenantId,
    pub(crate) source: Source,
    pub(crate) kind: InboundKind,
    pub(crate) key: String,
    pub(crate) query: String,
    pub(crate) body: Bytes,
}

impl Verified {
    /// A CRM's word of a change.
    pub(crate) fn change(tenant: TenantId, source: Source, change: Change, body: Bytes) -> Self {
        let kind = match change.about {
            About::Order => InboundKind::Order,
            About::Appointment => InboundKind::Appointment,
            About::Customer => InboundKind::Customer,
            About::Service => InboundKind::Service,
            About::Other => InboundKind::Other,
        };
        Self { tenant, source, kind, key: change.key, query: String::new(), body }
    }
}

impl App {
    pub fn new(config: Config, runtime: &Runtime, limiter: Arc<Limiter>) -> Self {
        let Runtime { bus, store, clock, lifecycle, .. } = runtime;
        let doors = Doors::new(store.clone(), config.door_ttl, config.publish_patience);
        let refusals = Refusals::default();
        refusals.write_to(store.clone(), lifecycle);
        let form_keys = FormKeys::new(store.clone(), config.door_ttl, config.publish_patience);
        let links = Links::new(config.door_ttl, config.publish_patience);
        let (clock, store, bus) = (clock.clone(), store.clone(), bus.clone());
        Self(Arc::new(Parts { config, doors, clock, refusals, form_keys, limiter, store, links, bus }))
    }

    /// Stores a request in INBOUND. Returns only when it is safe, or says that it is not.
    pub(crate) async fn store(&self, request: Verified) -> Result<(), Problem> {
        let Verified { tenant, source, kind, key, query, body } = request;
        if key.len() > LONGEST_KEY_BYTES {
            let detail = format!("Its ids are longer than {LONGEST_KEY_BYTES} bytes together.");
            return Err(refuse(source, Problem::new(Code::NotReadable, detail)));
        }
        if key.chars().any(char::is_control) {
            return Err(refuse(source, Problem::new(Code::NotReadable, "An id in it has a control character.")));
        }
        let (told_by, received_at) = (ToldBy::Webhook, self.0.clock.wall());
        let inbound = Inbound { tenant, source, kind, key, told_by, received_at, query, body };
        let out = inbound.pack();
        let id = &out.id;
        match self.0.bus.publish(&out, self.0.config.publish_patience).await {
            Ok(stored) => {
                let outcome = if stored { "stored" } else { "repeated" };
                count(source, outcome);
                // Counted, and kept in INBOUND word for word; what makes something of it says so under the same id.
                debug!(tenant.id = %tenant, event.id = id, "{outcome} what {source} sent");
                Ok(())
            }
            Err(error) => {
                tracing::error!(
                    tenant.id = %tenant,
                    source = source.as_str(),
                    error = service::telemetry::causes(&error),
                    "an inbound request was not stored and its sender was told to come again"
                );
                let seconds = match error {
                    PublishError::NotConfirmed(..) => 5,
                    PublishError::Refused(_) => 60,
                };
                Err(refuse(
                    source,
                    Problem::new(Code::StreamAway, "Please send this again later.").retry_after(seconds),
                ))
            }
        }
    }
}

pub(crate) fn count(source: Source, outcome: &'static str) {
    metrics::counter!("ingest_requests_total", "source" => source.as_str(), "outcome" => outcome).increment(1);
}

/// Counts a refusal by its reason, and says so under the request's id.
pub(crate) fn refuse(source: Source, problem: Problem) -> Problem {
    count(source, problem.code().as_str());
    info!("refused what {source} sent: {}", problem.code().as_str());
    problem
}
