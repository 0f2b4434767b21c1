use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use crm::{Crm, Feed, Part, Row, shopmonkey, tekmetric};
use domain::{CrmName, Service, TenantId, ToldBy};
use events::{Inbound, InboundKind, Source};
use limits::{ComeBackAfter, Limiter};
use moka::future::Cache;
use serde::de::DeserializeOwned;
use store::{CrmLocation, Store, TenantSettings, Transaction};

use crate::{
    Config, Patience,
    limited::{Limited, Line},
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("tenant {0} has no credentials for its CRM; give them with: leads tenant credentials")]
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
    tekmetric_tokens: tekmetric::Tokens,
    known: Cache<TenantId, Arc<Account>>,
}

/// One tenant's account at its CRM.
pub struct Account {
    pub tenant: TenantId,
    pub crm: Box<dyn Crm>,
    /// Its shops, by the CRM's ids of them.
    pub shops: HashMap<String, CrmLocation>,
    line: Line,
}

impl Accounts {
    pub fn new(config: &Config, limiter: Arc<Limiter>) -> Self {
        let http = service::http::client(Duration::from_secs(3), config.timeout);
        let known = Cache::builder().max_capacity(10_000).time_to_live(REMEMBERED_FOR).build();
        Self { http, limiter, tekmetric_tokens: tekmetric::Tokens::default(), known }
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
        let shops = tx.locations().list_by_crm_id().await.map_err(Error::Store)?;
        let http = self.http.clone();
        let crm: Result<Box<dyn Crm>, crm::Error> = match settings.crm {
            CrmName::Shopmonkey => {
                let key = credentials(tx, settings.crm).await?;
                shopmonkey::Shopmonkey::new(http, key).map(|crm| Box::new(crm) as Box<dyn Crm>)
            }
            CrmName::Tekmetric => {
                let key = credentials(tx, settings.crm).await?;
                let zones = shops.iter().map(|(id, shop)| (id.clone(), shop.time_zone)).collect();
                let crm = tekmetric::Tekmetric::new(http, key, self.tekmetric_tokens.clone(), zones);
                crm.map(|crm| Box::new(crm) as Box<dyn Crm>)
            }
        };
        let line = Line {
            // The braces keep a tenant's keys on one node of a cluster.
            key: format!("{}:{{{tenant}}}", settings.crm),
            limit: settings.crm_limit,
            limiter: self.limiter.clone(),
        };
        let crm = Box::new(Limited { crm: crm.map_err(Error::Crm)?, line: line.clone() });
        Ok(Account { tenant, crm, shops, line })
    }
}

async fn credentials<T: DeserializeOwned>(tx: &mut Transaction, crm: CrmName) -> Result<T, Error> {
    let tenant = tx.tenant();
    let found = tx.tenants().find_credentials(crm.as_str()).await.map_err(Error::Store)?;
    found.ok_or(Error::NoCredentials(tenant))
}

impl Account {
    /// The name under which its orders and leads are stored.
    pub fn crm_name(&self) -> &'static str {
        self.crm.name().as_str()
    }

    /// What each request of a CRM may cost, on average.
    pub fn per_second(&self) -> f64 {
        self.line.limit.per_second
    }

    /// Waits for turns at the CRM, whose limit all replicas share.
    pub async fn wait(&self, turns: u32, patience: Patience) -> Result<(), Error> {
        let waited = self.line.wait(turns, patience).await;
        waited.map_err(|ComeBackAfter(delay)| Error::LimitUsedUp(self.tenant, delay))
    }

    /// Everything a shop sells, by the CRM's id of the shop.
    pub async fn services(&self, location_id: &str, patience: Patience) -> Result<Vec<Service>, Error> {
        let mut ahead = vec![Part::Whole];
        let mut services = BTreeMap::new();
        while let Some(part) = ahead.pop() {
            self.wait(1, patience).await?;
            let listed = self.crm.services(location_id, part).await.map_err(Error::Crm)?;
            let known = services.len();
            services.extend(listed.services.into_iter().map(|service| (service.id.clone(), service)));
            // A CRM that gives the same page again and again has no more.
            let is_news = services.len() > known || !matches!(part, Part::Page(_));
            ahead.extend(listed.rest.into_iter().filter(|_| is_news));
        }
        Ok(services.into_values().collect())
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
            source: Source::Crm(self.crm.name()),
            kind,
            key: format!("{}:{}:{told_by}:v{}", kind.as_str(), row.id, row.version),
            told_by,
            received_at,
            query: String::new(),
            body: row.webhook,
        }
    }
}
