use std::{collections::HashMap, sync::Arc};

use accounts::{Account, Accounts};
use domain::{Clock, LinkBase, TenantId};
use store::Store;
use url::Url;

use crate::Error;

/// What an operator's commands work with.
pub struct Desk {
    pub store: Store,
    pub accounts: Accounts,
    pub clock: Clock,
    /// Where vendors and websites reach us.
    pub public_url: Url,
}

impl Desk {
    pub(crate) async fn find(&self, slug: &str) -> Result<TenantId, Error> {
        let found = self.store.everywhere().find_tenant(slug).await?;
        found.ok_or_else(|| Error::NoSuchTenant(slug.to_owned()))
    }

    /// As long as a lead's own link, which is for nobody else to see.
    pub(crate) fn sample_link(&self, own: Option<LinkBase>) -> String {
        let base = own.or_else(|| LinkBase::try_from(self.public_url.to_string()).ok());
        base.map_or_else(String::new, |base| base.to_chat("xxxxxxxxxxxxxx"))
    }

    pub(crate) async fn account(&self, slug: &str, tenant: TenantId) -> Result<Arc<Account>, Error> {
        match self.accounts.find(&self.store, tenant).await {
            Err(accounts::Error::NoCredentials(_)) => Err(Error::NoCredentials(slug.to_owned())),
            found => Ok(found?),
        }
    }
}

/// What every tenant is called in commands.
pub(crate) async fn names(store: &Store) -> Result<HashMap<TenantId, String>, store::Error> {
    Ok(store.everywhere().list_tenants().await?.into_iter().map(|line| (line.tenant, line.slug)).collect())
}
