use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use crm::{Crm, Feed, Row, Window, shopmonkey};
use domain::{Service, TenantId, ToldBy};
use events::{Inbound, InboundKind, Source};
use limits::{ComeBackAfter, Limiter};
use moka::future::Cache;
use store::{Store, TenantSettings, Transaction};

use crate::{
    Config, Patience,
    limited::{Limited, Line},
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("tenant {0} has no credentials for its CRM; store them (docs/gaps.md says how)")]
    NoCredentials(TenantId),
    #[error("the CRM's limit for tenant {0} is used up")]
    LimitUsedUp(TenantId, Duration),
    #[error(transparent)]
    Crm(crm::Error),
    #[error("the tenant's credentials could not be read")]
    Store(#[source] store::Error),
}

impl Error {
    /// How long to leave the CRM alone. `None`: the caller's own backoff will do.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::LimitUsedUp(_, delay) => Some(*delay),
            Self::Crm(error) => error.retry_after(),
            Self::NoCredentials(_) | Self::Store(_) => None,
        }
    }
}

const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// Opens tenants' accounts.
#[derive(Clone)]
pub struct Accounts {
    http: reqwest::Client,
    limiter: Arc<Limiter>,
    known: Cache<TenantId, Arc<Account>>,
}

/// One tenant's account at its CRM.
pub struct Account {
    pub tenant: TenantId,
    pub source: Source,
    pub crm: Box<dyn Crm>,
    line: Line,
}

impl Accounts {
    pub fn new(config: &Config, limiter: Arc<Limiter>) -> Self {
        let http = service::http::client(Duration::from_secs(3), config.timeout);
        let known = Cache::builder().max_capacity(10_000).time_to_live(REMEMBERED_FOR).build();
        Self { http, limiter, known }
    }

    /// A tenant's account, as it was at most a minute ago.
    pub async fn find(&self, store: &Store, tenant: TenantId) -> Result<Arc<Account>, Error> {
        if let Some(account) = self.known.get(&tenant).await {
            return Ok(account);
        }
        let mut tx = store.begin(tenant).await.map_err(Error::Store)?;
        let settings = tx.tenants().settings().await.map_err(Error::Store)?;
        let account = Arc::new(self.open(&mut tx, &settings).await?);
        self.known.insert(tenant, account.clone()).await;
        Ok(account)
    }

    /// A tenant's account, as it is in this transaction.
    pub async fn open(&self, tx: &mut Transaction, settings: &TenantSettings) -> Result<Account, Error> {
        let tenant = tx.tenant();
        let credentials: Option<shopmonkey::Credentials> =
            tx.tenants().find_credentials(shopmonkey::NAME).await.map_err(Error::Store)?;
        let credentials = credentials.ok_or(Error::NoCredentials(tenant))?;
        let crm = shopmonkey::Shopmonkey::new(self.http.clone(), credentials).map_err(Error::Crm)?;
        let source = Source::Shopmonkey;
        let line = Line {
            // The braces keep a tenant's keys on one node of a cluster.
            key: format!("{source}:{{{tenant}}}"),
            limit: settings.crm_limit,
            limiter: self.limiter.clone(),
        };
        let crm = Box::new(Limited { crm: Box::new(crm), line: line.clone() });
        Ok(Account { tenant, source, crm, line })
    }
}

impl Account {
    /// The name under which its orders and leads are stored.
    pub fn crm_name(&self) -> &'static str {
        self.source.as_str()
    }

    /// Waits for turns at the CRM, whose limit all replicas share.
    pub async fn wait(&self, turns: u32, patience: Patience) -> Result<(), Error> {
        let waited = self.line.wait(turns, patience).await;
        waited.map_err(|ComeBackAfter(delay)| Error::LimitUsedUp(self.tenant, delay))
    }

    /// Everything a shop sells, by the CRM's id of the shop.
    pub async fn services(
        &self,
        location_id: &str,
        now: DateTime<Utc>,
        patience: Patience,
    ) -> Result<Vec<Service>, Error> {
        let ask = async |added| {
            self.wait(1, patience).await?;
            self.crm.services(location_id, added).await.map_err(Error::Crm)
        };
        let all = ask(None).await?;
        if all.is_whole {
            return Ok(all.services);
        }
        let mut ahead = Vec::from_iter(Window::new(DateTime::UNIX_EPOCH, now + TimeDelta::days(1)));
        let mut services = Vec::new();
        while let Some(window) = ahead.pop() {
            let part = ask(Some(window)).await?;
            match window.halve() {
                Some(halves) if !part.is_whole => ahead.extend(<[Window; 2]>::from(halves)),
                _ => services.extend(part.services),
            }
        }
        Ok(services)
    }

    /// What a list showed, as its webhook would have told it.
    pub fn inbound(&self, feed: Feed, row: Row, told_by: ToldBy, received_at: DateTime<Utc>) -> Inbound {
        let kind = match feed {
            Feed::Orders => InboundKind::Order,
            Feed::Appointments => InboundKind::Appointment,
            Feed::Customers => InboundKind::Customer,
        };
        Inbound {
            tenant: self.tenant,
            source: self.source,
            kind,
            key: format!("{}:{}:{told_by}:v{}", kind.as_str(), row.id, row.version),
            told_by,
            received_at,
            query: String::new(),
            body: row.webhook,
        }
    }
}
