use domain::TenantId;
use store::Location;

use crate::{Desk, Error};

/// A shop, and whose it is.
#[derive(Debug, Clone)]
pub struct Shop {
    pub tenant: TenantId,
    pub location: Location,
}

/// A tenant's shops, by name.
pub async fn list_shops(desk: &Desk, slug: &str) -> Result<Vec<Shop>, Error> {
    let tenant = desk.find(slug).await?;
    let mut tx = desk.store.begin(tenant).await?;
    let locations = tx.locations().list().await?;
    Ok(locations.into_iter().map(|location| Shop { tenant, location }).collect())
}
