//! Credentials, kept sealed, and the doors that come with them.

use chrono::TimeDelta;
use domain::CrmName;
use serde::Serialize;
use store::Store;
use url::Url;

use crate::{Desk, Error, PATIENCE};
use accounts::Patience;

/// Whose credentials they are, and what is kept of them.
#[derive(Debug)]
pub enum Vendor<T> {
    /// Tried at the CRM before they are kept.
    Crm(CrmName, T),
    /// A vendor that carries messages. `make` is told the door that was opened for what the vendor tells us, so that it can name it
    /// in the credentials; `secret` is what it signs with.
    Carrier { name: &'static str, secret: String, make: fn(T, &str) -> T, credentials: T },
}

/// What was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SavedCredentials {
    /// The shops that the key shows, of a CRM.
    pub shops: Option<usize>,
    /// The beginning of the addresses at which the vendor reaches us. Shown once.
    pub door: Option<String>,
}

/// For the hand that changes an address at the vendor.
const OLD_DOOR_STAYS_OPEN: TimeDelta = TimeDelta::days(7);

/// Keeps a vendor's credentials in place of those before. A CRM's are kept only if it takes them.
pub async fn save_credentials<T: Serialize + Send + Sync>(
    desk: &Desk,
    slug: &str,
    public_url: &Url,
    vendor: Vendor<T>,
) -> Result<SavedCredentials, Error> {
    let tenant = desk.find(slug).await?;
    let mut tx = desk.store.begin(tenant).await?;
    let saved = match vendor {
        Vendor::Crm(crm, credentials) => {
            let settings = tx.tenants().settings().await?;
            if settings.crm != crm {
                return Err(Error::OtherCrm { slug: slug.to_owned(), has: settings.crm, given: crm });
            }
            tx.tenants().save_credentials(crm.as_str(), &credentials).await?;
            let account = desk.accounts.open(&mut tx, &settings).await?;
            account.wait(1, Patience::Lead(PATIENCE)).await?;
            let shops = account.crm.shops().await?;
            SavedCredentials { shops: Some(shops.len()), door: None }
        }
        Vendor::Carrier { name, secret, make, credentials } => {
            let token = hex::encode(rand::random::<[u8; 16]>());
            let door = format!("{}/webhooks/{name}/{token}", public_url.as_str().trim_end_matches('/'));
            tx.tenants().save_credentials(name, &make(credentials, &door)).await?;
            tx.tenants().move_door(name, &token, &secret, desk.clock.wall() + OLD_DOOR_STAYS_OPEN).await?;
            SavedCredentials { shops: None, door: Some(door) }
        }
    };
    tx.commit().await?;
    Ok(saved)
}

/// Seals everything that is kept sealed anew with the newest key, tenant by tenant, so that the older keys can go. Answers how many
/// values that were.
pub async fn reseal_all(store: &Store, mut progress: impl FnMut(usize, usize)) -> Result<usize, Error> {
    let tenants = store.everywhere().list_tenants().await?;
    let mut sealed = 0;
    for (done, line) in tenants.iter().enumerate() {
        let mut tx = store.begin(line.tenant).await?;
        sealed += tx.tenants().reseal().await?;
        tx.commit().await?;
        progress(done + 1, tenants.len());
    }
    Ok(sealed)
}
