//! The shop noted an appointment: whoever it is for has booked, and their follow-up ends.

use domain::{Appointment, LeadId, StopReason};
use events::{Inbound, LeadBooked, Stream};
use stage::{Context, Failure, Stage};
use store::Transaction;
use tracing::info;

use crate::{
    change,
    tenants::{Tenant, Tenants, ask_again, crm_failure, is_settling},
};

pub(crate) struct Book {
    pub(crate) tenants: Tenants,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the CRM has no such appointment yet")]
    NotThereYet,
}

impl Stage for Book {
    const NAME: &'static str = "enrich-appointments";
    const STREAM: Stream = Stream::Inbound;
    type Input = Inbound;

    async fn handle(&self, cx: &Context, inbound: Inbound) -> Result<(), Failure> {
        let change = change::read(&inbound)?;
        let tenant = self.tenants.find(cx, inbound.tenant).await?;
        if change::is_of_other_crm(&inbound, &tenant) {
            return Ok(());
        }
        tenant.take_turns(cx, 1, inbound.told_by).await?;
        let found = tenant.account.crm.appointment(&change.id).await.map_err(|error| crm_failure(cx, error))?;
        let Some(appointment) = found else {
            if !change.is_deletion && is_settling(cx, &inbound) {
                return Err(ask_again(Error::NotThereYet));
            }
            // Gone again. A follow-up that it ended stays ended: a person decides how a cancelled booking goes on.
            return Ok(());
        };

        let mut tx = cx.begin(inbound.tenant).await?;
        let leads = booked(&mut tx, &tenant, &appointment).await?;
        for lead in &leads {
            tx.leads().stop(*lead, StopReason::Booked, cx.now()).await?;
        }
        cx.commit(tx).await?;

        info!(leads = leads.len(), "the shop noted an appointment");
        for lead in leads {
            let (appointment, starts_at) = (appointment.id.clone(), appointment.starts_at);
            cx.announce(&LeadBooked { tenant: inbound.tenant, lead, appointment, starts_at }).await?;
        }
        Ok(())
    }
}

/// The leads that an appointment is about: the one of its order, or else, because shops also make a new order for the day, all
/// of its customer's that are still followed up.
async fn booked(tx: &mut Transaction, tenant: &Tenant, appointment: &Appointment) -> Result<Vec<LeadId>, Failure> {
    if let Some(order) = &appointment.order_id {
        let id = LeadId::of_order(tx.tenant(), tenant.account.crm_name(), order);
        if let Some(lead) = tx.leads().lookup(id).await? {
            return Ok(Vec::from_iter(appointment.books(lead.created_at).then_some(id)));
        }
    }
    let Some(customer) = &appointment.customer_id else { return Ok(Vec::new()) };
    let open = tx.leads().list_open_of_crm_customer(tenant.account.crm_name(), customer).await?;
    Ok(open.into_iter().filter(|(_, asked_at)| appointment.books_anything(*asked_at)).map(|(id, _)| id).collect())
}
