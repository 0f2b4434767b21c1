use std::{sync::Arc, time::Duration};

use events::Source;
use moka::future::Cache;
use service::{Code, Problem};
use store::{FormKey, Store};
use tokio::time::timeout;

use crate::app::refuse;

/// Longer than any key we make.
const LONGEST_KEY: usize = 64;

/// What keys open, remembered for a short while, wrong ones too.
pub(crate) struct FormKeys {
    store: Store,
    patience: Duration,
    known: Cache<String, Option<Arc<FormKey>>>,
}

impl FormKeys {
    pub(crate) fn new(store: Store, ttl: Duration, patience: Duration) -> Self {
        Self { store, patience, known: Cache::builder().max_capacity(10_000).time_to_live(ttl).build() }
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
        let look_up = async { self.store.everywhere().find_form_key(key).await.map(|found| found.map(Arc::new)) };
        let why = match timeout(self.patience, self.known.try_get_with(key.to_owned(), look_up)).await {
            Ok(Ok(found)) => return found.ok_or_else(|| refuse(Source::Form, unknown())),
            Ok(Err(error)) => service::telemetry::causes(&error),
            Err(_) => format!("Postgres does not answer within {:?}", self.patience),
        };
        tracing::error!(error = why, "a form's key could not be looked up");
        Err(refuse(Source::Form, Problem::new(Code::DatabaseAway, "Please send this again later.").retry_after(5)))
    }
}

pub(super) fn unknown() -> Problem {
    Problem::new(Code::UnknownDoor, "Check the form's key: it stands in the address, in ?key= or in X-Publishable-Key.")
}
