use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use accounts::{Accounts, Patience};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Clock, TenantId};
use moka::future::Cache;
use rand::RngExt as _;
use redis::RedisError;
use service::telemetry::causes;
use store::Store;
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::sleep,
};
use tracing::warn;

use crate::{
    Answer, Catalog, Config,
    shared::{Entry, Shared},
};

/// Longer than a fetch takes; a replica that died holds it no longer.
const LOCKED_FOR: Duration = Duration::from_secs(30);
const LOOKS_AGAIN_AFTER: Duration = Duration::from_millis(25);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the address in redis.url cannot be used")]
    Address(#[source] RedisError),
    #[error("the catalog could not be fetched from the CRM")]
    Account(#[from] accounts::Error),
}

/// The catalogs of all shops. Cheap to clone.
#[derive(Clone)]
pub struct Catalogs(Arc<Parts>);

struct Parts {
    config: Config,
    shared: Shared,
    store: Store,
    accounts: Accounts,
    clock: Clock,
    local: Cache<Shop, Arc<Local>>,
    /// One fetch of a shop at a time in this process.
    fetching: Cache<Shop, Arc<Mutex<()>>>,
}

/// A shop, by the CRM's id of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Shop {
    tenant: TenantId,
    location_id: Arc<str>,
}

impl Shop {
    /// The braces keep a tenant's keys on one node of a cluster.
    fn key(&self) -> String {
        format!("{{{}}}:{}", self.tenant, self.location_id)
    }
}

/// What this process knows, and until when it need not ask anybody.
struct Local {
    /// `None`: the CRM did not answer.
    catalog: Option<Arc<Catalog>>,
    holds_until: Instant,
}

impl Local {
    fn holds(&self) -> bool {
        Instant::now() < self.holds_until
    }
}

impl Catalogs {
    pub fn new(
        config: Config,
        redis: &limits::Config,
        store: Store,
        accounts: Accounts,
        clock: Clock,
    ) -> Result<Self, Error> {
        let shared = Shared::new(redis).map_err(Error::Address)?;
        let local = Cache::builder().max_capacity(10_000).build();
        let fetching = Cache::builder().max_capacity(10_000).time_to_idle(Duration::from_secs(600)).build();
        Ok(Self(Arc::new(Parts { config, shared, store, accounts, clock, local, fetching })))
    }

    /// What a shop sells, as far as anybody knows. `location_id` is the CRM's id of it.
    pub async fn find(&self, tenant: TenantId, location_id: &str) -> Answer {
        let shop = Shop { tenant, location_id: location_id.into() };
        if let Some(local) = self.0.local.get(&shop).await
            && let Some(answer) = self.answer(&shop, &local).await
        {
            return answer;
        }
        let guard = self.fetch_lock(&shop).await.lock_owned().await;
        // Whoever held it may have brought what we need.
        let local = match self.0.local.get(&shop).await {
            Some(local) if local.catalog.is_some() || local.holds() => local,
            _ => self.look_further(&shop).await,
        };
        drop(guard);
        self.answer(&shop, &local).await.unwrap_or(Answer::Unknown)
    }

    /// As [`find`](Self::find), for somebody who would rather wait than hear something old: a command, which is not there any more
    /// when what was looked up behind its answer comes.
    pub async fn find_fresh(&self, tenant: TenantId, location_id: &str) -> Answer {
        let answer = self.find(tenant, location_id).await;
        let is_stale = answer.catalog().is_some_and(|catalog| !catalog.is_fresh(self.0.clock.wall()));
        if !is_stale {
            return answer;
        }
        let shop = Shop { tenant, location_id: location_id.into() };
        // Whoever looks behind the answer holds this until it is done.
        drop(self.fetch_lock(&shop).await.lock_owned().await);
        match self.0.local.get(&shop).await.and_then(|local| local.catalog.clone()) {
            Some(catalog) => Answer::known(catalog, self.0.clock.wall()),
            None => answer,
        }
    }

    /// A service of the shop's changed: what was asked for before `changed_at` is asked for anew.
    pub async fn refresh(&self, tenant: TenantId, location_id: &str, changed_at: DateTime<Utc>) -> Result<(), Error> {
        let shop = Shop { tenant, location_id: location_id.into() };
        let _guard = self.fetch_lock(&shop).await.lock_owned().await;
        self.bring(&shop, Some(changed_at), Patience::Background(self.0.config.patience)).await.map(drop)
    }

    /// What this process knows, at once; whether there is something newer is looked up behind the answer. `None`: it knows
    /// nothing, and may ask again.
    async fn answer(&self, shop: &Shop, local: &Local) -> Option<Answer> {
        let now = self.0.clock.wall();
        let Some(catalog) = &local.catalog else {
            metrics::counter!("catalog_answers_total", "how" => "unknown").increment(1);
            return local.holds().then_some(Answer::Unknown);
        };
        let is_fresh = catalog.is_fresh(now);
        metrics::counter!("catalog_answers_total", "how" => if is_fresh { "fresh" } else { "stale" }).increment(1);
        if (!is_fresh || !local.holds())
            && let Ok(guard) = self.fetch_lock(shop).await.try_lock_owned()
        {
            let (catalogs, shop, last) = (self.clone(), shop.clone(), catalog.clone());
            tokio::spawn(async move { catalogs.renew(&shop, last, guard).await });
        }
        Some(Answer::known(catalog.clone(), now))
    }

    async fn fetch_lock(&self, shop: &Shop) -> Arc<Mutex<()>> {
        self.0.fetching.get_with(shop.clone(), async { Arc::default() }).await
    }

    /// Behind an answer: what Redis knows, or else the CRM.
    async fn renew(&self, shop: &Shop, last: Arc<Catalog>, _guard: OwnedMutexGuard<()>) {
        let newest = match self.0.shared.find(&shop.key()).await {
            Ok(Entry::Known(catalog)) if catalog.asked_at > last.asked_at => Arc::new(catalog),
            Ok(_) => last,
            Err(error) => {
                self.redis_away(&error);
                last
            }
        };
        if newest.is_fresh(self.0.clock.wall()) {
            self.hold(shop, Some(newest), self.0.config.local_ttl).await;
            return;
        }
        let patience = Patience::Background(self.0.config.patience);
        if let Err(error) = self.bring(shop, Some(newest.asked_at), patience).await {
            warn!(tenant.id = %shop.tenant, error = causes(&error), "a catalog stays as old as it is");
            // Nobody need try again for a while: until then it is answered as it is.
            let put_off = Catalog { fresh_until: self.later(self.0.config.failed_ttl), ..(*newest).clone() };
            self.hold(shop, Some(Arc::new(put_off)), self.0.config.local_ttl).await;
        }
    }

    /// Of a shop that this process knows nothing of: what Redis knows, or else the CRM.
    async fn look_further(&self, shop: &Shop) -> Arc<Local> {
        let (local_ttl, failed_ttl) = (self.0.config.local_ttl, self.0.config.failed_ttl);
        match self.0.shared.find(&shop.key()).await {
            Ok(Entry::Known(catalog)) => return self.hold(shop, Some(Arc::new(catalog)), local_ttl).await,
            Ok(Entry::Failed) => return self.hold(shop, None, local_ttl).await,
            Ok(Entry::Missing) => {}
            Err(error) => self.redis_away(&error),
        }
        let error = match self.bring(shop, None, Patience::Lead(self.0.config.patience)).await {
            Ok(local) => return local,
            Err(error) => error,
        };
        warn!(tenant.id = %shop.tenant, error = causes(&error), "a catalog could not be fetched");
        if let Err(error) = self.0.shared.keep_failure(&shop.key(), failed_ttl).await {
            self.redis_away(&error);
        }
        self.hold(shop, None, failed_ttl).await
    }

    /// Holds a catalog that was asked for after `asked_after`: another replica's, or one that is fetched now.
    async fn bring(
        &self,
        shop: &Shop,
        asked_after: Option<DateTime<Utc>>,
        patience: Patience,
    ) -> Result<Arc<Local>, Error> {
        let key = shop.key();
        let name = format!("{:032x}", rand::rng().random::<u128>());
        let is_locked = match self.wait_for_lock(&key, &name).await {
            Ok(is_locked) => is_locked,
            Err(error) => {
                self.redis_away(&error);
                false
            }
        };
        // Whoever held the lock may have brought what we need.
        let brought = match self.0.shared.find(&key).await {
            Ok(Entry::Known(catalog)) if asked_after.is_none_or(|after| catalog.asked_at > after) => {
                Ok(Arc::new(catalog))
            }
            _ => self.fetch(shop, patience).await,
        };
        if let Ok(catalog) = &brought
            && let Err(error) = self.0.shared.keep(&key, catalog).await
        {
            self.redis_away(&error);
        }
        if is_locked && let Err(error) = self.0.shared.unlock(&key, &name).await {
            self.redis_away(&error);
        }
        Ok(self.hold(shop, Some(brought?), self.0.config.local_ttl).await)
    }

    /// Waits while another replica asks the CRM, but not for ever: it may have died. Answers whether the lock is ours.
    async fn wait_for_lock(&self, key: &str, name: &str) -> Result<bool, RedisError> {
        let deadline = Instant::now() + self.0.config.patience;
        while Instant::now() < deadline {
            if self.0.shared.lock(key, name, LOCKED_FOR).await? {
                return Ok(true);
            }
            sleep(LOOKS_AGAIN_AFTER).await;
        }
        Ok(false)
    }

    async fn fetch(&self, shop: &Shop, patience: Patience) -> Result<Arc<Catalog>, Error> {
        metrics::counter!("catalog_fetches_total").increment(1);
        let asked_at = self.0.clock.wall();
        let account = self.0.accounts.find(&self.0.store, shop.tenant).await?;
        let services = account.services(&shop.location_id, patience).await?;
        let Config { least_ttl, most_ttl, .. } = self.0.config;
        let ttl = if least_ttl < most_ttl { rand::rng().random_range(least_ttl..most_ttl) } else { least_ttl };
        Ok(Arc::new(Catalog { asked_at, fresh_until: self.later(ttl), services }))
    }

    fn later(&self, wait: Duration) -> DateTime<Utc> {
        self.0.clock.wall() + TimeDelta::from_std(wait).unwrap_or_default()
    }

    async fn hold(&self, shop: &Shop, catalog: Option<Arc<Catalog>>, hold_for: Duration) -> Arc<Local> {
        let local = Arc::new(Local { catalog, holds_until: Instant::now() + hold_for });
        self.0.local.insert(shop.clone(), local.clone()).await;
        local
    }

    fn redis_away(&self, error: &RedisError) {
        self.0.shared.note(error);
        metrics::counter!("catalog_redis_unavailable_total").increment(1);
        warn!(error = causes(error), "Redis is away; catalogs are remembered by each process alone");
    }
}
