//! Which model answers a tenant's customers, remembered for a short while.

use std::{sync::Arc, time::Duration};

use domain::TenantId;
use model::{ANTHROPIC, Anthropic, Credentials, Model, Timeouts};
use moka::future::Cache;
use stage::{Context, Failure};

/// To reach a vendor at all; how long an answer may take is another matter.
const CONNECT: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(120);

#[derive(Clone)]
pub(crate) struct Models {
    http: reqwest::Client,
    timeouts: Timeouts,
    known: Cache<TenantId, Option<Arc<dyn Model>>>,
}

impl Models {
    pub(crate) fn new(timeouts: Timeouts, ttl: Duration) -> Self {
        let http = service::http::client(CONNECT, LONGEST);
        Self { http, timeouts, known: Cache::builder().max_capacity(10_000).time_to_live(ttl).build() }
    }

    /// `None`: nobody has chosen one, or given its key; the concierge answers.
    pub(crate) async fn find(&self, cx: &Context, tenant: TenantId) -> Result<Option<Arc<dyn Model>>, Failure> {
        if let Some(known) = self.known.get(&tenant).await {
            return Ok(known);
        }
        let mut tx = cx.begin(tenant).await?;
        let chosen = tx.tenants().settings().await?.assistant;
        let credentials: Option<Credentials> = match &chosen {
            Some(_) => tx.tenants().find_credentials(ANTHROPIC).await?,
            None => None,
        };
        drop(tx);
        let model = chosen.zip(credentials).map(|(chosen, credentials)| {
            let model = Anthropic::new(self.http.clone(), credentials, chosen.model, self.timeouts);
            Arc::new(model) as Arc<dyn Model>
        });
        self.known.insert(tenant, model.clone()).await;
        Ok(model)
    }
}
