//! A tenant's rules and its CRM, remembered for a short while.

use std::{collections::HashMap, sync::Arc, time::Duration};

use crm::{Crm, shopmonkey};
use domain::{LocationId, Order, StopReason, TenantId, Verdict, WebsiteLeadRules};
use events::Inbound;
use limits::{ComeBackAfter, Limiter};
use moka::future::Cache;
use stage::{Context, Failure};
use store::CrmLimit;

use crate::Config;

/// How long a CRM may take to find what it has told us about: its webhook can be faster than its own read replica.
const SETTLES_WITHIN: Duration = Duration::from_secs(300);

#[derive(Clone)]
pub(crate) struct Tenants {
    http: reqwest::Client,
    limiter: Arc<Limiter>,
    patience: Duration,
    known: Cache<TenantId, Arc<Tenant>>,
}

pub(crate) struct Tenant {
    pub(crate) rules: WebsiteLeadRules,
    pub(crate) crm: Box<dyn Crm>,
    pub(crate) crm_name: &'static str,
    pub(crate) id: TenantId,
    /// Its shops, by the CRM's ids of them.
    shops: HashMap<String, LocationId>,
    limit: CrmLimit,
    limiter: Arc<Limiter>,
    patience: Duration,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("tenant {0} has no credentials for its CRM; store them (docs/gaps.md says how)")]
    NoCredentials(TenantId),
    #[error("the CRM's limit for tenant {0} is used up")]
    Limited(TenantId),
}

impl Tenants {
    pub(crate) fn new(config: &Config, limiter: Arc<Limiter>) -> Self {
        Self {
            http: service::http::client(Duration::from_secs(3), config.crm_timeout),
            limiter,
            patience: config.crm_patience,
            known: Cache::builder().max_capacity(10_000).time_to_live(config.tenant_ttl).build(),
        }
    }

    pub(crate) async fn find(&self, cx: &Context, id: TenantId) -> Result<Arc<Tenant>, Failure> {
        if let Some(tenant) = self.known.get(&id).await {
            return Ok(tenant);
        }
        let mut tx = cx.begin(id).await?;
        let settings = tx.tenants().settings().await?;
        let credentials: Option<shopmonkey::Credentials> = tx.tenants().find_credentials(shopmonkey::NAME).await?;
        let shops = tx.tenants().list_crm_locations().await?;
        drop(tx);
        // Whoever sets the tenant up adds them; the lead waits.
        let credentials = credentials.ok_or_else(|| Failure::retry(Error::NoCredentials(id)))?;
        let crm = shopmonkey::Shopmonkey::new(self.http.clone(), credentials).map_err(|error| failure_of(cx, error))?;
        let tenant = Arc::new(Tenant {
            rules: settings.website_lead,
            crm: Box::new(crm),
            crm_name: shopmonkey::NAME,
            id,
            shops: shops.into_iter().collect(),
            limit: settings.crm_limit,
            limiter: self.limiter.clone(),
            patience: self.patience,
        });
        self.known.insert(id, tenant.clone()).await;
        Ok(tenant)
    }
}

impl Tenant {
    /// The shop of an order that is a lead by what it says itself, as most new quotes are. `None`: that takes a closer look.
    pub(crate) fn shop_of_lead(&self, order: &Order) -> Option<LocationId> {
        let is_lead = self.rules.judge(order) == Verdict::Lead && StopReason::seen_in(order, &self.rules).is_none();
        let shop = order.location_id.as_deref().filter(|_| is_lead)?;
        self.shops.get(shop).copied()
    }

    /// Waits for turns at the CRM, whose limit all replicas share.
    pub(crate) async fn take_turns(&self, turns: u32) -> Result<(), Failure> {
        let key = format!("{}:{{{}}}", self.crm_name, self.id);
        self.limiter
            .wait(&key, self.limit.per_second, self.limit.burst, turns, self.patience)
            .await
            .map_err(|ComeBackAfter(delay)| Failure::retry_after(delay, Error::Limited(self.id)))
    }
}

/// Whether the CRM's own copy may still be behind its word.
pub(crate) fn is_settling(cx: &Context, inbound: &Inbound) -> bool {
    (cx.clock().wall() - inbound.received_at).to_std().unwrap_or_default() < SETTLES_WITHIN
}

/// What the CRM told us about is not there yet.
pub(crate) fn ask_again(why: impl Into<anyhow::Error>) -> Failure {
    Failure::retry_after(Duration::from_secs(2), why)
}

/// From this delivery on a row that cannot be read is somebody's to look at.
const READ_AGAIN: u64 = 10;

/// A CRM that does not answer is an outage, whatever it says: no lead is given up for it. A row that is not as we know theirs does
/// not pass by itself.
pub(crate) fn failure_of(cx: &Context, error: crm::Error) -> Failure {
    match error.retry_after() {
        _ if matches!(error, crm::Error::UnknownRow { .. }) && cx.deliveries() >= READ_AGAIN => Failure::reject(error),
        Some(after) => Failure::retry_after(after, error),
        None => Failure::retry(error),
    }
}
