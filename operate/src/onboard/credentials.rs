//! Credentials, kept sealed, and the doors that come with them.

use accounts::{Patience, door_address, random_token};
use domain::CrmName;
use serde::{Serialize, de::DeserializeOwned};
use store::Store;

use crate::{Desk, Error, OLD_DOOR_STAYS_OPEN, PATIENCE};

/// Whose credentials they are, and what is kept of them.
#[derive(Debug)]
pub enum Vendor<T> {
    /// Tried at the CRM before they are kept.
    Crm(CrmName, T),
    /// A vendor that tells us nothing by itself, such as a model's.
    Asked { name: &'static str, credentials: T },
    /// A vendor that carries messages. `secret` is what it signs with. `make` is told the door that was opened for what the vendor
    /// tells us, so that it can name it in the credentials; `keep` takes it over from those before. `anew`: with a new address, also
    /// if there is one.
    Carrier {
        name: &'static str,
        secret: String,
        make: fn(T, &str) -> T,
        keep: fn(T, &T) -> T,
        credentials: T,
        anew: bool,
    },
}

/// What was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SavedCredentials {
    /// The shops that the key shows, of a CRM.
    pub shops: Option<usize>,
    /// The beginning of the addresses at which the vendor reaches us. Shown once.
    pub door: Option<String>,
}

/// Keeps a vendor's credentials in place of those before. A CRM's are kept only if it takes them.
pub async fn save_credentials<T: Serialize + DeserializeOwned + Send + Sync>(
    desk: &Desk,
    slug: &str,
    vendor: Vendor<T>,
) -> Result<SavedCredentials, Error> {
    let tenant = desk.find(slug).await?;
    let mut tx = desk.store.begin(tenant).await?;
    match vendor {
        Vendor::Crm(crm, credentials) => {
            let settings = tx.tenants().settings().await?;
            if settings.crm != crm {
                return Err(Error::OtherCrm { slug: slug.to_owned(), has: settings.crm, given: crm });
            }
            // Written and taken back, so that there is one way to open an account; kept when the CRM has taken them.
            tx.tenants().save_credentials(crm.as_str(), &credentials).await?;
            let account = desk.accounts.open(&mut tx, &settings).await?;
            drop(tx);
            account.wait(1, Patience::Lead(PATIENCE)).await?;
            let shops = account.crm.shops().await?;
            let mut tx = desk.store.begin(tenant).await?;
            tx.tenants().save_credentials(crm.as_str(), &credentials).await?;
            tx.commit().await?;
            Ok(SavedCredentials { shops: Some(shops.len()), door: None })
        }
        Vendor::Asked { name, credentials } => {
            tx.tenants().save_credentials(name, &credentials).await?;
            tx.commit().await?;
            Ok(SavedCredentials { shops: None, door: None })
        }
        Vendor::Carrier { name, secret, make, keep, credentials, anew } => {
            let before: Option<T> = tx.tenants().find_credentials(name).await?;
            if let Some(before) = before.filter(|_| !anew) {
                // The address stays: what the vendor was told once it goes on using, for a STOP too.
                tx.tenants().save_credentials(name, &keep(credentials, &before)).await?;
                tx.tenants().change_door_secret(name, &secret).await?;
                tx.commit().await?;
                return Ok(SavedCredentials { shops: None, door: None });
            }
            let token = random_token();
            let door = door_address(&desk.public_url, name, &token);
            tx.tenants().save_credentials(name, &make(credentials, &door)).await?;
            tx.tenants().save_door(name, &token, &secret, Some(desk.clock.wall() + OLD_DOOR_STAYS_OPEN)).await?;
            tx.commit().await?;
            Ok(SavedCredentials { shops: None, door: Some(door) })
        }
    }
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
