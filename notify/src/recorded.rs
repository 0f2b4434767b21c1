//! What this process has written down lately: a vendor's word that it has the message is no news then.

use std::time::Duration;

use domain::AttemptId;
use moka::future::Cache;

/// Vendors say within seconds that they have a message. Whoever does not find the attempt here looks into the database.
const KEPT_FOR: Duration = Duration::from_secs(60);
const AT_MOST: u64 = 20_000;

#[derive(Clone)]
pub(crate) struct Recorded(Cache<AttemptId, ()>);

impl Recorded {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(AT_MOST).time_to_live(KEPT_FOR).build())
    }

    /// The vendor has the message of this attempt, and a committed row says so.
    pub(crate) async fn note(&self, attempt: AttemptId) {
        self.0.insert(attempt, ()).await;
    }

    pub(crate) fn knows(&self, attempt: AttemptId) -> bool {
        self.0.contains_key(&attempt)
    }
}
