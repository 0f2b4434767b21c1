//! Somebody left by the link in a message: nothing goes to them any more, by any channel, in one transaction.

use std::collections::BTreeSet;

use domain::{Channel, E164, Email, LeadId, StopReason};
use events::{Inbound, LeadClosed, Stream};
use serde::Deserialize;
use stage::{Context, Failure, Stage};
use store::Transaction;
use tracing::info;

/// Nobody has asked for so much.
const MOST: usize = 100;

pub(crate) struct Unsubscribe;

#[derive(Deserialize)]
pub(crate) struct Left {
    pub(crate) lead: LeadId,
}

impl Stage for Unsubscribe {
    const NAME: &'static str = "enrich-unsubscribes";
    const STREAM: Stream = Stream::Inbound;
    type Input = Inbound;

    async fn handle(&self, cx: &Context, inbound: Inbound) -> Result<(), Failure> {
        let Left { lead } = serde_json::from_slice(&inbound.body).map_err(Failure::reject)?;
        let tenant = inbound.tenant;
        let source = format!("{}:{lead}", inbound.source);
        let mut tx = cx.begin(tenant).await?;
        let (leads, addresses) = everything_of(&mut tx, lead).await?;
        // Nobody is written to by WhatsApp at a number that texts went to.
        let ended: BTreeSet<_> = addresses
            .iter()
            .flat_map(|(by, address)| by.of_same_address().iter().map(move |by| (*by, address)))
            .collect();
        for (channel, address) in ended {
            tx.replies().suppress(channel, address, &source, inbound.received_at).await?;
        }
        for lead in &leads {
            tx.leads().stop(*lead, StopReason::OptedOut, cx.now()).await?;
        }
        cx.commit(tx).await?;
        info!(lead.id = %lead, leads = leads.len(), "somebody left by the link; nothing goes to them any more");
        for lead in leads {
            cx.announce(&LeadClosed { tenant, lead, reason: StopReason::OptedOut }).await?;
        }
        Ok(())
    }
}

/// Whatever this person has asked for, and wherever we would write to them about it: an opt-out ends all marketing to a person, whichever
/// of their addresses they left by. In an order that is the same for everybody, so that no two wait for each other.
async fn everything_of(
    tx: &mut Transaction,
    lead: LeadId,
) -> Result<(BTreeSet<LeadId>, BTreeSet<(Channel, String)>), Failure> {
    let (mut leads, mut addresses) = (BTreeSet::new(), BTreeSet::new());
    let mut to_look_at = vec![lead];
    while let Some(lead) = to_look_at.pop() {
        if !leads.insert(lead) {
            continue;
        }
        for (channel, address) in tx.links().list_addresses(lead).await? {
            let others = match channel {
                _ if addresses.contains(&(channel, address.clone())) => Vec::new(),
                Channel::Sms | Channel::Whatsapp => match E164::parse(&address) {
                    Ok(phone) => tx.leads().find_by_phone(&phone).await?,
                    Err(_) => Vec::new(),
                },
                Channel::Email => match Email::parse(&address) {
                    Ok(email) => tx.leads().find_by_email(&email).await?,
                    Err(_) => Vec::new(),
                },
            };
            addresses.insert((channel, address));
            to_look_at.extend(others);
        }
        // Somebody's shared address would otherwise lead from one family to the next.
        if leads.len() >= MOST {
            break;
        }
    }
    Ok((leads, addresses))
}
