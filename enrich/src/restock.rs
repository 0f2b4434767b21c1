//! A shop changed what it sells: its catalog is fetched anew.

use catalog_cache::{Catalogs, Error as CatalogError};
use events::{Inbound, Stream};
use stage::{Context, Failure, Stage};
use tracing::{info, warn};

use crate::{change, tenants::failure_of};

pub(crate) struct Restock {
    pub(crate) catalogs: Catalogs,
}

impl Stage for Restock {
    const NAME: &'static str = "enrich-services";
    const STREAM: Stream = Stream::Inbound;
    type Input = Inbound;

    async fn handle(&self, cx: &Context, inbound: Inbound) -> Result<(), Failure> {
        let change = change::read(&inbound)?;
        // Of no shop, or of all: the catalogs are fetched anew within minutes by themselves.
        let Some(location) = &change.location_id else { return Ok(()) };
        // A price list that changes is a hundred webhooks and one fetch: what was fetched since this one came has it in it.
        match self.catalogs.refresh(inbound.tenant, location, inbound.received_at).await {
            Ok(()) => {
                info!("a shop changed what it sells; its catalog is as it is now");
                Ok(())
            }
            // Nothing that asking again mends; the catalog is fetched anew within minutes in any case.
            Err(CatalogError::Account(accounts::Error::Crm(
                error @ (crm::Error::FilterIgnored { .. } | crm::Error::KeyRefused { .. }),
            ))) => {
                warn!(error = service::telemetry::causes(&error), "a shop's catalog stays as old as it is");
                Ok(())
            }
            Err(CatalogError::Account(error)) => Err(failure_of(cx, error)),
            Err(error @ CatalogError::Address(_)) => Err(Failure::retry(error)),
        }
    }
}
