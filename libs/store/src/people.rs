//! Somebody, whatever they have asked for and wherever they are written to.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::{Channel, E164, Email, LeadId, StopReason};

use crate::{Error, Transaction};

/// Nobody has asked for so much. Somebody's shared address would otherwise lead from one family to the next.
const MOST_LEADS: usize = 100;

#[derive(Debug)]
pub struct People<'t>(pub(crate) &'t mut Transaction);

impl People<'_> {
    /// Whoever asked for this lead wants no more messages: nothing goes to any of their addresses, by any channel, and all that they
    /// have asked for is over (47 CFR 64.1200(a)(10)). Answers their leads, whose end is to be announced.
    /// `said_at`: when they said so, by the wall's clock. `now`: business time.
    pub async fn opt_out(
        self,
        lead: LeadId,
        source: &str,
        said_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<BTreeSet<LeadId>, Error> {
        let tx = self.0;
        let (leads, addresses) = everything_of(tx, lead).await?;
        // Nobody is written to by WhatsApp at a number that texts went to.
        let ended: BTreeSet<_> = addresses
            .iter()
            .flat_map(|(by, address)| by.of_same_address().iter().map(move |by| (*by, address)))
            .collect();
        for (channel, address) in ended {
            tx.replies().suppress(channel, address, source, said_at).await?;
        }
        for lead in &leads {
            tx.leads().stop(*lead, StopReason::OptedOut, now).await?;
        }
        Ok(leads)
    }
}

/// In an order that is the same for everybody, so that no two wait for each other.
async fn everything_of(
    tx: &mut Transaction,
    lead: LeadId,
) -> Result<(BTreeSet<LeadId>, BTreeSet<(Channel, String)>), Error> {
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
        if leads.len() >= MOST_LEADS {
            break;
        }
    }
    Ok((leads, addresses))
}
