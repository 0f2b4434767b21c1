//! What all replicas know, in Redis.

use std::time::Duration;

use limits::Redis;
use redis::{RedisError, Script};

use crate::Catalog;

/// A shop that nobody asks about for so long is asked for anew.
const KEPT_FOR: Duration = Duration::from_hours(7 * 24);

/// Keys: the catalog, and when the CRM was asked for it. Arguments: both, and how long to keep them in milliseconds. A slower
/// replica that asked earlier changes nothing.
const KEEP: &str = r"
if tonumber(redis.call('GET', KEYS[2]) or 0) > tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1
";

/// Lets go of a lock that is still ours.
const RELEASE: &str = r"
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
";

pub(crate) struct Shared {
    redis: Redis,
    keep: Script,
    release: Script,
}

/// What Redis has of a shop.
pub(crate) enum Entry {
    Known(Catalog),
    /// The CRM did not answer a moment ago.
    Failed,
    Missing,
}

impl Shared {
    pub(crate) fn new(config: &limits::Config) -> Result<Self, RedisError> {
        Ok(Self { redis: Redis::new(config)?, keep: Script::new(KEEP), release: Script::new(RELEASE) })
    }

    pub(crate) fn note(&self, error: &RedisError) {
        self.redis.note(error);
    }

    pub(crate) async fn find(&self, shop: &str) -> Result<Entry, RedisError> {
        let mut connection = self.redis.connection().await?;
        let (catalog, failed): (Option<Vec<u8>>, Option<String>) = redis::cmd("MGET")
            .arg(format!("catalog:{shop}"))
            .arg(format!("catalog-failed:{shop}"))
            .query_async(&mut connection)
            .await?;
        let Some(bytes) = catalog else {
            return Ok(if failed.is_some() { Entry::Failed } else { Entry::Missing });
        };
        Ok(serde_json::from_slice(&bytes).map_or_else(
            |error| {
                // Where and not what: an entry may be anything.
                metrics::counter!("catalog_entries_unreadable_total").increment(1);
                tracing::warn!(
                    line = error.line(),
                    column = error.column(),
                    "a catalog in Redis cannot be read; asking the CRM"
                );
                Entry::Missing
            },
            Entry::Known,
        ))
    }

    pub(crate) async fn keep(&self, shop: &str, catalog: &Catalog) -> Result<(), RedisError> {
        let mut connection = self.redis.connection().await?;
        let bytes = serde_json::to_vec(catalog).map_err(std::io::Error::other)?;
        let kept: i64 = self
            .keep
            .key(format!("catalog:{shop}"))
            .key(format!("catalog-asked:{shop}"))
            .arg(bytes)
            .arg(catalog.asked_at.timestamp_millis())
            .arg(u64::try_from(KEPT_FOR.as_millis()).unwrap_or(u64::MAX))
            .invoke_async(&mut connection)
            .await?;
        if kept == 0 {
            tracing::info!("a newer catalog is in Redis already");
        }
        Ok(())
    }

    pub(crate) async fn keep_failure(&self, shop: &str, kept_for: Duration) -> Result<(), RedisError> {
        let mut connection = self.redis.connection().await?;
        redis::cmd("SET")
            .arg(format!("catalog-failed:{shop}"))
            .arg("1")
            .arg("PX")
            .arg(u64::try_from(kept_for.as_millis()).unwrap_or(u64::MAX))
            .query_async(&mut connection)
            .await
    }

    /// Whether the one lock of this shop is ours now, under this name.
    pub(crate) async fn lock(&self, shop: &str, name: &str, held_for: Duration) -> Result<bool, RedisError> {
        let mut connection = self.redis.connection().await?;
        let taken: Option<String> = redis::cmd("SET")
            .arg(format!("catalog-lock:{shop}"))
            .arg(name)
            .arg("NX")
            .arg("PX")
            .arg(u64::try_from(held_for.as_millis()).unwrap_or(u64::MAX))
            .query_async(&mut connection)
            .await?;
        Ok(taken.is_some())
    }

    pub(crate) async fn unlock(&self, shop: &str, name: &str) -> Result<(), RedisError> {
        let mut connection = self.redis.connection().await?;
        self.release.key(format!("catalog-lock:{shop}")).arg(name).invoke_async::<i64>(&mut connection).await.map(drop)
    }
}
