//! What the database said a short while ago: asked once for a burst, and standing in for it while it is away.

use std::{
    hash::Hash,
    time::{Duration, Instant},
};

use moka::{Expiry, future::Cache};
use tokio::time::timeout;

/// What stood there the last time anybody knew: whoever calls may not call again.
const REMEMBERED_FOR: Duration = Duration::from_hours(24);
/// How often a guess may cost the database a question. Short, because somebody may be early for what was made a moment ago.
pub(crate) const BETWEEN_QUESTIONS: Duration = Duration::from_secs(1);
/// Bounded: guessing costs the guesser, not us.
const MOST: u64 = 10_000;

pub(crate) struct Remembered<K, V> {
    patience: Duration,
    known: Cache<K, Option<V>>,
    last_known: Cache<K, V>,
}

/// What is known of a key.
pub(crate) enum Found<V> {
    Now(V),
    /// The database is away: this stood there before, and may not do so any more.
    Before(V),
    Nothing,
    /// The database is away, and nobody remembers.
    Away,
}

struct RememberedFor(Duration);

impl<K, V> Expiry<K, Option<V>> for RememberedFor {
    fn expire_after_create(&self, _: &K, value: &Option<V>, _: Instant) -> Option<Duration> {
        Some(if value.is_some() { self.0 } else { self.0.min(BETWEEN_QUESTIONS) })
    }
}

impl<K, V> Remembered<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// `patience`: how long somebody waits for the database.
    pub(crate) fn new(ttl: Duration, patience: Duration) -> Self {
        let known = Cache::builder().max_capacity(MOST).expire_after(RememberedFor(ttl)).build();
        let last_known = Cache::builder().max_capacity(MOST).time_to_live(REMEMBERED_FOR).build();
        Self { patience, known, last_known }
    }

    /// What it is, from the database if nobody has asked lately.
    pub(crate) async fn find(
        &self,
        key: &K,
        what: &'static str,
        look_up: impl Future<Output = Result<Option<V>, store::Error>>,
    ) -> Found<V> {
        if let Some(found) = self.known.get(key).await {
            return found.map_or(Found::Nothing, Found::Now);
        }
        let look_up = async {
            let found = look_up.await?;
            match &found {
                Some(value) => self.last_known.insert(key.clone(), value.clone()).await,
                None => self.last_known.invalidate(key).await,
            }
            Ok::<_, store::Error>(found)
        };
        let why = match timeout(self.patience, self.known.try_get_with(key.clone(), look_up)).await {
            Ok(Ok(found)) => return found.map_or(Found::Nothing, Found::Now),
            Ok(Err(error)) => service::telemetry::causes(&error),
            Err(_) => format!("Postgres does not answer within {:?}", self.patience),
        };
        tracing::error!(error = why, "{what} could not be looked up");
        self.last_known.get(key).await.map_or(Found::Away, Found::Before)
    }

    /// Whether it was ever known to be something, or is known now to be nothing: whether asking for it is no guess.
    pub(crate) fn is_familiar(&self, key: &K) -> bool {
        self.last_known.contains_key(key) || self.known.contains_key(key)
    }

    /// The next to ask asks the database.
    pub(crate) async fn forget(&self, key: &K) {
        self.known.invalidate(key).await;
    }
}
