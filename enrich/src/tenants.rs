//! A tenant's rules and its CRM, remembered for a short while.

use std::{sync::Arc, time::Duration};

use accounts::{Account, Accounts, Patience};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::{
    DuplicateRules, HeatRules, Language, LocationId, Order, StopReason, TenantId, ToldBy, Verdict, WebsiteLeadRules,
};
use events::Inbound;
use moka::future::Cache;
use stage::{Context, Failure};

use crate::Config;

/// How long a CRM may take to find what it has told us about: its webhook can be faster than its own read replica.
const SETTLES_WITHIN: Duration = Duration::from_secs(300);

#[derive(Clone)]
pub(crate) struct Tenants {
    accounts: Accounts,
    patience: Duration,
    known: Cache<TenantId, Arc<Tenant>>,
}

pub(crate) struct Tenant {
    pub(crate) id: TenantId,
    pub(crate) rules: WebsiteLeadRules,
    pub(crate) account: Account,
    pub(crate) heat: HeatRules,
    pub(crate) language: Language,
    pub(crate) duplicates: DuplicateRules,
    contacts_since: Option<DateTime<Utc>>,
    patience: Duration,
}

impl Tenants {
    pub(crate) fn new(config: &Config, accounts: Accounts) -> Self {
        Self {
            accounts,
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
        let contacts_since = tx.tenants().contacts_since().await?;
        // Without credentials the lead waits: whoever sets the tenant up adds them.
        let account = self.accounts.open(&mut tx, &settings).await.map_err(|error| failure_of(cx, error))?;
        drop(tx);
        let tenant = Arc::new(Tenant {
            id,
            rules: settings.website_lead,
            heat: settings.heat,
            language: settings.language,
            duplicates: settings.duplicates,
            account,
            contacts_since,
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
        self.account.shops.get(shop).map(|shop| shop.id)
    }

    /// The time zone of a shop of ours.
    pub(crate) fn zone_of(&self, location: LocationId) -> Tz {
        self.account.shops.values().find(|shop| shop.id == location).map_or(Tz::UTC, |shop| shop.time_zone)
    }

    /// Why nobody is written to about an order that we have not heard of before. What is remembered is not enough to be silent about
    /// it: the tenant may have gone live a moment ago.
    pub(crate) async fn silent_because(
        &self,
        cx: &Context,
        order: &Order,
        told_by: ToldBy,
    ) -> Result<Option<StopReason>, Failure> {
        let is_old = |since: Option<DateTime<Utc>>| since.is_some_and(|since| order.created_at < since);
        if told_by == ToldBy::BackfillToContact || !is_old(self.contacts_since) {
            return Ok(None);
        }
        let since = cx.begin(self.id).await?.tenants().contacts_since().await?;
        Ok(is_old(since).then_some(StopReason::BeforeGoLive))
    }

    /// Waits for turns at the CRM, whose limit all replicas share.
    pub(crate) async fn take_turns(&self, cx: &Context, turns: u32, told_by: ToldBy) -> Result<(), Failure> {
        // What is weeks old goes behind a customer who waits.
        let waits = !matches!(told_by, ToldBy::Backfill | ToldBy::BackfillToContact);
        let patience = if waits { Patience::Lead(self.patience) } else { Patience::Background(self.patience) };
        self.account.wait(turns, patience).await.map_err(|error| failure_of(cx, error))
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

/// A CRM that does not answer is an outage, whatever it says: no lead is given up for it. A row that is not as we know theirs, or of
/// a shop that we are not shown, does not pass by itself.
pub(crate) fn failure_of(cx: &Context, error: accounts::Error) -> Failure {
    let is_unknown =
        matches!(error, accounts::Error::Crm(crm::Error::UnknownRow { .. } | crm::Error::ShopRefused { .. }));
    match error {
        accounts::Error::Store(error) => error.into(),
        error if is_unknown && cx.deliveries() >= READ_AGAIN => Failure::reject(error),
        error => match error.retry_after() {
            Some(after) => Failure::retry_after(after, error),
            None => Failure::retry(error),
        },
    }
}

/// As [`failure_of`], of what the CRM itself said.
pub(crate) fn crm_failure(cx: &Context, error: crm::Error) -> Failure {
    failure_of(cx, accounts::Error::Crm(error))
}
