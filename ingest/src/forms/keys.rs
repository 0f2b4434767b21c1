use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use events::Source;
use moka::{Expiry, future::Cache};
use service::{Code, Problem};
use store::{FormKey, Store};
use tokio::time::timeout;

use crate::app::refuse;

/// Longer than any key we make.
const LONGEST_KEY: usize = 64;
/// What a key opened when anybody last knew, for when the database is away: a visitor does not come again.
const REMEMBERED_FOR: Duration = Duration::from_hours(24);
/// A key that was made a moment ago is known a moment later.
const UNKNOWN_FOR: Duration = Duration::from_secs(1);

/// What keys open, remembered for a short while, wrong ones too.
pub(crate) struct FormKeys {
    store: Store,
    patience: Duration,
    known: Cache<String, Option<Arc<FormKey>>>,
    last_known: Cache<String, Arc<FormKey>>,
}

struct RememberedFor(Duration);

impl Expiry<String, Option<Arc<FormKey>>> for RememberedFor {
    fn expire_after_create(&self, _: &String, key: &Option<Arc<FormKey>>, _: Instant) -> Option<Duration> {
        Some(if key.is_some() { self.0 } else { self.0.min(UNKNOWN_FOR) })
    }
}

impl FormKeys {
    pub(crate) fn new(store: Store, ttl: Duration, patience: Duration) -> Self {
        let known = Cache::builder().max_capacity(10_000).expire_after(RememberedFor(ttl)).build();
        let last_known = Cache::builder().max_capacity(10_000).time_to_live(REMEMBERED_FOR).build();
        Self { store, patience, known, last_known }
    }

    /// What is remembered of a key, without a question to the database. `None`: nothing.
    pub(super) async fn known(&self, key: &str) -> Option<Result<Arc<FormKey>, Problem>> {
        let found = self.known.get(key).await?;
        Some(found.ok_or_else(|| refuse(Source::Form, unknown())))
    }

    pub(super) async fn find(&self, key: &str) -> Result<Arc<FormKey>, Problem> {
        if key.is_empty() || key.len() > LONGEST_KEY || key.contains('\0') {
            return Err(refuse(Source::Form, unknown()));
        }
        let look_up = async {
            let found = self.store.everywhere().find_form_key(key).await?.map(Arc::new);
            match &found {
                Some(found) => self.last_known.insert(key.to_owned(), found.clone()).await,
                None => self.last_known.invalidate(key).await,
            }
            Ok::<_, store::Error>(found)
        };
        let why = match timeout(self.patience, self.known.try_get_with(key.to_owned(), look_up)).await {
            Ok(Ok(found)) => return found.ok_or_else(|| refuse(Source::Form, unknown())),
            Ok(Err(error)) => service::telemetry::causes(&error),
            Err(_) => format!("Postgres does not answer within {:?}", self.patience),
        };
        tracing::error!(error = why, "a form's key could not be looked up");
        let come_again = || Problem::new(Code::DatabaseAway, "Please send this again later.").retry_after(5);
        self.last_known.get(key).await.ok_or_else(|| refuse(Source::Form, come_again()))
    }
}

pub(super) fn unknown() -> Problem {
    Problem::new(Code::UnknownDoor, "Check the form's key: it stands in the address, in ?key= or in X-Publishable-Key.")
}
