//! Rate limits in Redis, shared by all replicas.
//!
//! One algorithm, GCRA, in one script: a key holds the time at which its next request would be exactly on rate. A request
//! takes its place in line and is told how long to wait for it; if that is longer than it is willing to wait, it takes
//! no place.

mod config;
mod connection;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

pub use config::Config;
pub use connection::Redis;
use moka::future::Cache;
use redis::{RedisError, Script};

/// Keys: the line, and since when it starts slowly. Arguments: microseconds between requests, burst, the longest acceptable wait
/// in microseconds, turns. Answers microseconds to wait; negative: no place taken, come back after that many.
///
/// After a refusal the rate starts at a quarter and doubles every five seconds, without bursts until it is whole again.
const TAKE_A_PLACE: &str = r"
local now = redis.call('TIME')
local now_us = now[1] * 1000000 + now[2]
local interval, burst, patience, turns = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local opens_us = tonumber(redis.call('GET', KEYS[2]))
if opens_us then
    interval = interval * math.max(1, 4 / 2 ^ (math.max(0, now_us - opens_us) / 5000000))
    burst = 1
end
local next_us = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now_us)
local wait = next_us + interval * (turns - math.max(burst, turns)) - now_us
if wait > patience then return -wait end
local after = next_us + interval * turns
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now_us) / 1000) + 1000)
if wait < 0 then wait = 0 end
return math.floor(wait)
";

/// Keys: the line, and since when it starts slowly. Argument: microseconds in which nobody may pass. A shorter refusal that comes
/// later does not shorten a longer one.
const CLOSE: &str = r"
local now = redis.call('TIME')
local opens_us = now[1] * 1000000 + now[2] + tonumber(ARGV[1])
opens_us = math.max(opens_us, tonumber(redis.call('GET', KEYS[2]) or 0))
local next_us = math.max(opens_us, tonumber(redis.call('GET', KEYS[1]) or 0))
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('SET', KEYS[1], string.format('%.0f', next_us), 'PX', math.ceil(next_us / 1000) - now_ms + 1000)
redis.call('SET', KEYS[2], string.format('%.0f', opens_us), 'PX', math.ceil(opens_us / 1000) - now_ms + 10000)
";

/// Key: what is spent of an allowance. Arguments: how much more, how much at most, and milliseconds until it is forgotten.
const SPEND: &str = r"
local spent = tonumber(redis.call('GET', KEYS[1]) or 0)
if spent + tonumber(ARGV[1]) > tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], spent + ARGV[1], 'PX', ARGV[3])
return 1
";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the address in redis.url cannot be used")]
    Address(#[source] RedisError),
    #[error("Redis does not answer")]
    Away(#[source] RedisError),
}

/// The answer to a request that is not willing to wait that long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComeBackAfter(pub Duration);

/// The lines of everybody.
pub struct Limiter {
    redis: Redis,
    take: Script,
    close: Script,
    spend: Script,
    /// Places on busy lines that were taken ahead.
    kept: Cache<String, Arc<AtomicU32>>,
}

const MOST_PLACES_KEPT: u32 = 16;
const PLACES_KEPT_FOR: Duration = Duration::from_secs(10);

impl Limiter {
    pub fn new(config: &Config) -> Result<Self, Error> {
        Ok(Self {
            redis: Redis::new(config).map_err(Error::Address)?,
            take: Script::new(TAKE_A_PLACE),
            close: Script::new(CLOSE),
            spend: Script::new(SPEND),
            kept: Cache::builder().max_capacity(10_000).time_to_live(PLACES_KEPT_FOR).build(),
        })
    }

    /// Takes places for `turns` requests in the line `key`, in which `per_second` requests pass after a burst of `burst`, and
    /// waits for the first.
    ///
    /// With Redis away the request passes: a vendor that is asked too often says so, a lead that waits for Redis is lost
    /// to the competition.
    pub async fn wait(
        &self,
        key: &str,
        per_second: f64,
        burst: u32,
        turns: u32,
        patience: Duration,
    ) -> Result<(), ComeBackAfter> {
        match self.take(key, per_second, burst, turns, patience).await {
            Ok(Ok(wait)) => {
                if !wait.is_zero() {
                    tokio::time::sleep(wait).await;
                }
                Ok(())
            }
            Ok(Err(later)) => Err(later),
            Err(error) => {
                metrics::counter!("limits_unavailable_total").increment(1);
                tracing::warn!(
                    error = service::telemetry::causes(&error),
                    "Redis is away; requests pass without a limit"
                );
                Ok(())
            }
        }
    }

    fn away(&self, error: RedisError) -> Error {
        self.redis.note(&error);
        Error::Away(error)
    }

    /// Takes places and answers how long it is until its turn.
    pub async fn take(
        &self,
        key: &str,
        per_second: f64,
        burst: u32,
        turns: u32,
        patience: Duration,
    ) -> Result<Result<Duration, ComeBackAfter>, Error> {
        let mut connection = self.redis.connection().await.map_err(|error| self.away(error))?;
        let interval_us = (1_000_000.0 / per_second.max(0.001)).round();
        let patience_us = u64::try_from(patience.as_micros()).unwrap_or(u64::MAX);
        let wait_us: i64 = self
            .take
            .key(format!("limit:{key}"))
            .key(format!("slow:{key}"))
            .arg(interval_us)
            .arg(burst.max(1))
            .arg(patience_us)
            .arg(turns.max(1))
            .invoke_async(&mut connection)
            .await
            .map_err(|error| self.away(error))?;
        let wait = Duration::from_micros(wait_us.unsigned_abs());
        Ok(if wait_us < 0 { Err(ComeBackAfter(wait)) } else { Ok(wait) })
    }

    /// Whether one more passes on the line now, of somebody who does not wait. A busy line is asked for several places at once,
    /// which this process then gives away by itself; up to a tenth of a burst may lie unused in each process.
    pub async fn pass(&self, line: &str, per_second: f64, burst: u32) -> Result<(), ComeBackAfter> {
        let kept = self.kept.get_with_by_ref(line, async { Arc::default() }).await;
        let take_kept = || kept.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        if take_kept() {
            return Ok(());
        }
        let places = (burst / 10).clamp(1, MOST_PLACES_KEPT);
        if places > 1 && self.wait(line, per_second, burst, places, Duration::ZERO).await.is_ok() {
            kept.fetch_add(places - 1, Ordering::Relaxed);
            return Ok(());
        }
        self.wait(line, per_second, burst, 1, Duration::ZERO).await
    }

    /// The vendor has refused: nobody passes for that long, and then few at first.
    ///
    /// With Redis away each of us learns it from the vendor.
    pub async fn close(&self, key: &str, closed_for: Duration) {
        let closed = async {
            let mut connection = self.redis.connection().await.map_err(|error| self.away(error))?;
            self.close
                .key(format!("limit:{key}"))
                .key(format!("slow:{key}"))
                .arg(u64::try_from(closed_for.as_micros()).unwrap_or(u64::MAX))
                .invoke_async::<()>(&mut connection)
                .await
                .map_err(Error::Away)
        };
        if let Err(error) = closed.await {
            metrics::counter!("limits_unavailable_total").increment(1);
            tracing::warn!(
                error = service::telemetry::causes(&error),
                "a vendor's refusal could not be shared: Redis is away"
            );
        }
    }

    /// Spends `turns` of an allowance of `most`, which is forgotten after `lasts`; fewer than none are given back. Answers false, and
    /// spends nothing, if that is more than is left.
    pub async fn spend(&self, key: &str, turns: i64, most: u32, lasts: Duration) -> Result<bool, Error> {
        let mut connection = self.redis.connection().await.map_err(|error| self.away(error))?;
        self.spend
            .key(format!("spent:{key}"))
            .arg(turns)
            .arg(most)
            .arg(u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX).max(1))
            .invoke_async(&mut connection)
            .await
            .map_err(|error| self.away(error))
    }

    pub async fn ping(&self) -> Result<(), Error> {
        let mut connection = self.redis.connection().await.map_err(|error| self.away(error))?;
        redis::cmd("PING").query_async::<String>(&mut connection).await.map(drop).map_err(Error::Away)
    }
}
