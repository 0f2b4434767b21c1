//! What a CRM's webhook says, read in one place for every stage that hears of it.

use crm::{Change, UnreadableChange};
use domain::CrmName;
use events::{Inbound, Source};
use stage::Failure;

use crate::tenants::Tenant;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0} is no CRM")]
    NotACrm(Source),
    #[error(transparent)]
    Unreadable(#[from] UnreadableChange),
    #[error("{0} told us of a tenant whose CRM is {1}; switch its webhook off there")]
    OtherCrm(CrmName, CrmName),
}

pub(crate) fn read(inbound: &Inbound) -> Result<Change, Failure> {
    let Source::Crm(crm) = inbound.source else { return Err(Failure::reject(Error::NotACrm(inbound.source))) };
    Change::parse(crm, &inbound.body).map_err(|error| Failure::reject(Error::Unreadable(error)))
}

/// Whether the CRM that told us is the one that is asked. A tenant that has moved may still have the old one's webhook.
pub(crate) fn check_crm(inbound: &Inbound, tenant: &Tenant) -> Result<(), Failure> {
    let asked = tenant.account.crm.name();
    match inbound.source {
        Source::Crm(told) if told != asked => Err(Failure::reject(Error::OtherCrm(told, asked))),
        _ => Ok(()),
    }
}
