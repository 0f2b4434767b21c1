//! What a CRM's webhook says, read in one place for every stage that hears of it.

use crm::{Change, UnreadableChange};
use events::{Inbound, Source};
use stage::Failure;
use tracing::warn;

use crate::tenants::Tenant;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0} is no CRM")]
    NotACrm(Source),
    #[error(transparent)]
    Unreadable(#[from] UnreadableChange),
}

pub(crate) fn read(inbound: &Inbound) -> Result<Change, Failure> {
    let Source::Crm(crm) = inbound.source else { return Err(Failure::reject(Error::NotACrm(inbound.source))) };
    Change::parse(crm, &inbound.body).map_err(|error| Failure::reject(Error::Unreadable(error)))
}

/// Whether the CRM that told us is another than the one that is asked. A tenant that has moved may still have the old one's webhook.
pub(crate) fn is_of_other_crm(inbound: &Inbound, tenant: &Tenant) -> bool {
    let asked = tenant.account.crm.name();
    let is_other = inbound.source != Source::Crm(asked);
    if is_other {
        warn!("{} told us of a tenant whose CRM is {asked}; switch its webhook off there", inbound.source);
    }
    is_other
}
