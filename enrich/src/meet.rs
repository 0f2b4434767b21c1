//! A customer of the CRM changed: the leads they asked for reach them where they can be reached now.

use std::time::Duration;

use domain::ToldBy;
use events::{Inbound, LeadEnriched, Stream};
use stage::{Context, Failure, Stage};
use tracing::info;

use crate::{
    change,
    contact::contact_of,
    tenants::{Tenants, ask_again, crm_failure, is_settling},
};

pub(crate) struct Meet {
    pub(crate) tenants: Tenants,
    /// By then a quote that was asked for together with a change is a lead.
    pub(crate) second_look: Duration,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the CRM's copy of the customer is older than its word about it")]
    OlderThanItsWord,
    #[error("this customer has not asked for a quote, or not yet; looking once more")]
    NobodyYet,
}

impl Stage for Meet {
    const NAME: &'static str = "enrich-customers";
    const STREAM: Stream = Stream::Inbound;
    type Input = Inbound;

    async fn handle(&self, cx: &Context, inbound: Inbound) -> Result<(), Failure> {
        let change = change::read(&inbound)?;
        let tenant = self.tenants.find(cx, inbound.tenant).await?;
        if change::is_of_other_crm(&inbound, &tenant) {
            return Ok(());
        }
        // Most of a shop's customers never asked for a quote, and a call to the CRM is dear.
        let mut tx = cx.begin(inbound.tenant).await?;
        let known = tx.leads().list_open_of_crm_customer(tenant.account.crm_name(), &change.id).await?;
        drop(tx);
        if known.is_empty() {
            // Their first quote may be on its way, read from a copy of them that is older than this word. What the poller found in
            // a list is no older than what a quote is read from later.
            let may_be_early = inbound.told_by == ToldBy::Webhook && !change.is_deletion;
            let is_early = may_be_early && cx.deliveries() == 1 && is_settling(cx, &inbound);
            return if is_early { Err(Failure::retry_after(self.second_look, Error::NobodyYet)) } else { Ok(()) };
        }
        tenant.take_turns(cx, 1, inbound.told_by).await?;
        let customer = tenant.account.crm.customer(&change.id).await.map_err(|error| crm_failure(cx, error))?;
        let is_behind = match (&customer, change.row_version) {
            (None, _) => !change.is_deletion,
            (Some(customer), Some(told)) => customer.version < told,
            (Some(_), None) => false,
        };
        if is_behind && is_settling(cx, &inbound) {
            return Err(ask_again(Error::OlderThanItsWord));
        }
        // Deleted, or merged into another: what the leads know of them stays, until their orders say something else.
        let Some(customer) = customer else { return Ok(()) };

        let contact = contact_of(Some(customer));
        let mut tx = cx.begin(inbound.tenant).await?;
        // Those that nobody could be reached for are planned now.
        let leads = tx.leads().update_contact(tenant.account.crm_name(), &change.id, &contact).await?;
        cx.commit(tx).await?;

        info!(leads = known.len(), "the shop changed a customer");
        for (lead, crm_version) in leads {
            let customer_version = contact.version;
            cx.announce(&LeadEnriched { tenant: inbound.tenant, lead, crm_version, customer_version }).await?;
        }
        Ok(())
    }
}
