//! An order of the CRM was made or changed: a lead or not, and why.

use chrono::{DateTime, Utc};
use crm::Change;
use domain::{Customer, Known, Language, LeadId, LocationId, NotALead, Order, StopReason, ToldBy, Vehicle, Verdict};
use events::{Event as _, Inbound, LeadClosed, LeadEnriched, Stream};
use stage::{Context, Failure, Stage};
use store::{Judged, NewLead, Saved, Transaction};
use tracing::info;

use crate::{
    change,
    contact::{contact_of, zone_of},
    tenants::{Tenant, Tenants, ask_again, crm_failure, is_settling},
};

pub(crate) struct Judge {
    pub(crate) tenants: Tenants,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the CRM has no such order yet")]
    NotThereYet,
    #[error("the CRM's copy of the order is older than its word about it")]
    OlderThanItsWord,
    #[error("the CRM has no such customer yet")]
    CustomerNotThereYet,
    #[error(
        "the CRM told us of an order and does not have it; check that the tenant's key is of the account that sends the webhooks, then: leads dead redrive ID"
    )]
    NeverThere,
}

/// What there is to say after the transaction.
enum News {
    Enriched(LeadEnriched),
    Closed(LeadClosed),
    /// Closed, and this one goes on.
    PassedOn(LeadClosed, LeadId),
    Nothing,
}

impl Stage for Judge {
    const NAME: &'static str = "enrich";
    const STREAM: Stream = Stream::Inbound;
    type Input = Inbound;

    async fn handle(&self, cx: &Context, inbound: Inbound) -> Result<(), Failure> {
        let change = change::read(&inbound)?;
        let order_id = &change.id;
        let tenant = self.tenants.find(cx, inbound.tenant).await?;
        if change::is_of_other_crm(&inbound, &tenant) {
            return Ok(());
        }
        if inbound.told_by == ToldBy::Poll && is_old_news(cx, &tenant, &change).await? {
            return Ok(());
        }

        // The webhook says that something changed; what it is now, the CRM says.
        // One place in line for order, customer and vehicle together: a lead that got in gets through.
        tenant.take_turns(cx, 3, inbound.told_by).await?;
        let read_at = cx.now();
        let order = tenant.account.crm.order(order_id).await.map_err(|error| crm_failure(cx, error))?;
        let (customer, vehicle) = match &order {
            Some(order) => who_and_what(cx, &tenant, order).await?,
            None => (None, None),
        };
        let is_settling = is_settling(cx, &inbound);
        if is_settling && let Some(behind) = behind(&change, order.as_ref()) {
            return Err(ask_again(behind));
        }

        let lead = LeadId::of_order(inbound.tenant, tenant.account.crm_name(), order_id);
        let shop = order.as_ref().and_then(|order| tenant.shop_of_lead(order));
        let vehicle = vehicle.unwrap_or_default();
        let order =
            order.map(|order| Found { order, customer, vehicle, is_settling, told_by: inbound.told_by, read_at });
        let news = match (order, shop) {
            (Some(found), Some(shop)) => keep(cx, &tenant, lead, shop, found).await?,
            (order, _) => look_closer(cx, &tenant, lead, &inbound, &change, order).await?,
        };

        match news {
            News::Enriched(event) => cx.announce(&event).await,
            News::Closed(event) => cx.announce(&event).await,
            News::PassedOn(event, heir) => {
                // Under a name of its own: JetStream has heard of this lead before, and it may still have to be planned.
                let goes_on = LeadEnriched { tenant: inbound.tenant, lead: heir, crm_version: 0, customer_version: 0 };
                cx.publish(&goes_on.pack("enrich-passed-on", cx.now())).await?;
                cx.announce(&event).await
            }
            News::Nothing => Ok(()),
        }
    }
}

/// Whether what the poller found was judged since: its webhook was only late, and asking the CRM is dear.
async fn is_old_news(cx: &Context, tenant: &Tenant, change: &Change) -> Result<bool, Failure> {
    let Some(told) = change.row_version else { return Ok(false) };
    let mut tx = cx.begin(tenant.id).await?;
    let judged = tx.leads().list_judged(tenant.account.crm_name(), std::slice::from_ref(&change.id)).await?;
    let has_it_in = |judged: &Judged| tenant.account.crm.has_in_it(judged.crm_version, judged.judged_at, told);
    let is_old = judged.get(&change.id).is_some_and(has_it_in);
    // A repeat of what we did ourselves has to announce it again.
    Ok(is_old && cx.deliveries() == 1)
}

/// What shows that the CRM answers from a copy that lags behind its own webhooks.
fn behind(change: &Change, order: Option<&Order>) -> Option<Error> {
    match order {
        None => (!change.is_deletion).then_some(Error::NotThereYet),
        Some(order) if change.is_deletion && !order.deleted => Some(Error::OlderThanItsWord),
        Some(order) if change.row_version.is_some_and(|told| order.version < told) => Some(Error::OlderThanItsWord),
        Some(_) => None,
    }
}

async fn who_and_what(
    cx: &Context,
    tenant: &Tenant,
    order: &Order,
) -> Result<(Option<Customer>, Option<Vehicle>), Failure> {
    let customer = async {
        let Some(id) = &order.customer_id else { return Ok(None) };
        tenant.account.crm.customer(id).await.map_err(|error| crm_failure(cx, error))
    };
    let vehicle = async {
        let Some(id) = &order.vehicle_id else { return Ok(None) };
        tenant.account.crm.vehicle(id).await.map_err(|error| crm_failure(cx, error))
    };
    tokio::try_join!(customer, vehicle)
}

/// What the CRM has about one order.
struct Found {
    order: Order,
    customer: Option<Customer>,
    vehicle: Vehicle,
    is_settling: bool,
    told_by: ToldBy,
    /// Before it was asked for: what changed since may not be in it.
    read_at: DateTime<Utc>,
}

/// A lead, whatever is known about it: added, or brought up to date.
async fn keep(
    cx: &Context,
    tenant: &Tenant,
    lead: LeadId,
    shop: LocationId,
    Found { order, customer, vehicle, is_settling, told_by, read_at }: Found,
) -> Result<News, Failure> {
    if is_settling && customer.is_none() && order.customer_id.is_some() {
        // Without the customer nobody could be written to.
        return Err(ask_again(Error::CustomerNotThereYet));
    }
    let silent_because = tenant.silent_because(cx, &order, told_by).await?;
    let found = describe(tenant, lead, shop, &order, (customer, &vehicle), told_by, silent_because);
    let saved = cx.at_once(cx.once(tenant.id).save_lead(&found, read_at)).await?;
    if saved == Saved::Outdated {
        info!(order.id = order.id, "a newer copy of the order is judged already");
        return Ok(News::Nothing);
    }
    let what = match saved {
        Saved::Added => "new",
        Saved::Merged => "new, and one with an older one of theirs",
        Saved::Updated => "brought up to date",
        Saved::Unchanged | Saved::Outdated => "known already",
    };
    info!(lead.id = %lead, location.id = %shop, order.id = order.id, "a lead, {what}, told by {told_by}");
    Ok(News::Enriched(LeadEnriched {
        tenant: tenant.id,
        lead,
        crm_version: order.version,
        customer_version: found.contact.version,
    }))
}

/// What the order says by itself is not enough: what is known about it decides.
async fn look_closer(
    cx: &Context,
    tenant: &Tenant,
    lead: LeadId,
    inbound: &Inbound,
    change: &Change,
    found: Option<Found>,
) -> Result<News, Failure> {
    let (crm, told_by) = (tenant.account.crm_name(), inbound.told_by);
    let mut tx = cx.begin(tenant.id).await?;
    let order = found.as_ref().map(|found| &found.order);
    let location = order.and_then(|order| order.location_id.as_deref());
    let standing = tx.leads().standing(lead, crm, &change.id, location).await?;
    let news = match found {
        None if change.is_deletion && standing.is_lead => close(cx, &mut tx, lead, StopReason::ClosedInCrm).await?,
        // Announced, and not there: with the key of another account that is every order, so somebody must look, and no lead
        // is given up for it. Unless the word of its deletion, which may be right behind this one, is heard first.
        None if !change.is_deletion && (standing.is_open || !standing.is_judged) => {
            let is_early = cx.deliveries() < 3;
            return Err(if is_early { ask_again(Error::NotThereYet) } else { Failure::reject(Error::NeverThere) });
        }
        None if standing.is_lead => News::Nothing,
        None => {
            let reasons = [NotALead::Deleted];
            tx.leads().save_judgement(crm, &change.id, 0, &reasons, told_by, cx.now()).await?;
            News::Nothing
        }
        Some(found) => match StopReason::seen_in(&found.order, &tenant.rules) {
            Some(reason) if standing.is_lead => {
                let Order { id, version, .. } = &found.order;
                // An older copy of the order, read by a slower worker, ends nothing.
                let is_news = tx.leads().save_judgement(crm, id, *version, &[], told_by, found.read_at).await?;
                if is_news { close(cx, &mut tx, lead, reason).await? } else { News::Nothing }
            }
            _ => {
                // The rules decide about new orders. A lead stays one: a shop that writes to its customer has not lost them.
                let reasons = match tenant.rules.judge(&found.order) {
                    Verdict::NotALead(reasons) if !standing.is_lead => reasons,
                    _ => Vec::new(),
                };
                match standing.location {
                    Some(shop) if reasons.is_empty() => {
                        drop(tx);
                        return keep(cx, tenant, lead, shop, found).await;
                    }
                    location => turn_down(cx, &mut tx, tenant, lead, &found, location, reasons).await?,
                }
            }
        },
    };
    cx.commit(tx).await?;
    Ok(news)
}

async fn close(cx: &Context, tx: &mut Transaction, lead: LeadId, reason: StopReason) -> Result<News, Failure> {
    // A shop that tidies up two orders of one customer deletes one of them, and not the customer. What a shop has lost, another shop
    // of the franchise that was asked, too, may still win.
    if matches!(reason, StopReason::ClosedInCrm | StopReason::LostInCrm)
        && let Some(heir) = tx.merges().hand_on(lead, reason == StopReason::ClosedInCrm, cx.now()).await?
    {
        info!(lead.id = %lead, heir.id = %heir, "the follow-up goes on for another order of theirs");
        tx.leads().stop(lead, reason, cx.now()).await?;
        return Ok(News::PassedOn(LeadClosed { tenant: tx.tenant(), lead, reason }, heir));
    }
    tx.leads().stop(lead, reason, cx.now()).await?;
    info!(lead.id = %lead, reason = reason.as_str(), "the CRM ended a lead's follow-up: {}", reason.as_str());
    Ok(News::Closed(LeadClosed { tenant: tx.tenant(), lead, reason }))
}

async fn turn_down(
    cx: &Context,
    tx: &mut Transaction,
    tenant: &Tenant,
    lead: LeadId,
    Found { order, told_by, read_at, .. }: &Found,
    location: Option<LocationId>,
    mut reasons: Vec<NotALead>,
) -> Result<News, Failure> {
    if location.is_none() {
        reasons.push(NotALead::UnknownLocation);
    }
    let crm = tenant.account.crm_name();
    let is_news = tx.leads().save_judgement(crm, &order.id, order.version, &reasons, *told_by, *read_at).await?;
    info!(order.id = order.id, "not a lead: {}", words(&reasons));
    // Somebody else may have made a lead of an older copy since we looked; that one was waited for just now.
    match StopReason::seen_in(order, &tenant.rules) {
        Some(reason) if is_news && tx.leads().lookup(lead).await?.is_some() => close(cx, tx, lead, reason).await,
        _ => Ok(News::Nothing),
    }
}

fn describe(
    tenant: &Tenant,
    id: LeadId,
    location: LocationId,
    order: &Order,
    (customer, vehicle): (Option<Customer>, &Vehicle),
    told_by: ToldBy,
    silent_because: Option<StopReason>,
) -> NewLead {
    let (contact, vehicle, services) = (contact_of(customer), vehicle.title(), order.services());
    NewLead {
        id,
        location,
        crm: tenant.account.crm_name(),
        crm_order_id: order.id.clone(),
        crm_customer_id: order.customer_id.clone(),
        crm_version: order.version,
        service: order.service().to_owned(),
        total_cents: order.total_cents,
        created_at: order.created_at,
        told_by,
        silent_because,
        time_zone: zone_of(contact.phone.as_ref(), tenant.zone_of(location)),
        heat: tenant.heat.judge(Known {
            can_be_texted: contact.phone.is_some() && contact.texts_allowed,
            has_email: contact.email.is_some(),
            has_vehicle: !vehicle.is_empty(),
            total_cents: order.total_cents,
            services: &services,
            wrote: order.customers_words.is_some(),
        }),
        // Whoever writes to the shop in its own language is the rule.
        language: order
            .customers_words
            .as_deref()
            .and_then(Language::of_words)
            .filter(|known| *known != tenant.language),
        duplicates: tenant.duplicates,
        services,
        contact,
        vehicle,
    }
}

fn words(reasons: &[NotALead]) -> String {
    reasons.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join(", ")
}
