//! Telling the pipeline of orders, a few at a time.

use std::{collections::HashSet, time::Duration};

use accounts::Account;
use crm::{Feed, Row};
use domain::ToldBy;
use stage::Bus;
use tokio::time::{Instant, sleep};

use crate::{Desk, Error, PATIENCE};

/// So many are judged at once: a lead that comes in waits behind these and no more.
const AT_ONCE: usize = 8;
const JUDGED_WITHIN: Duration = Duration::from_secs(120);
const LOOKS_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Puts orders where their webhooks would have put them, and returns when all are judged.
pub(crate) async fn tell(
    desk: &Desk,
    bus: &Bus,
    account: &Account,
    rows: Vec<Row>,
    told_by: ToldBy,
) -> Result<(), Error> {
    let mut rows = rows.into_iter();
    loop {
        let group: Vec<_> = rows.by_ref().take(AT_ONCE).collect();
        if group.is_empty() {
            return Ok(());
        }
        let told_at = desk.clock.now();
        let mut waiting: HashSet<_> = group.iter().map(|row| row.id.clone()).collect();
        for row in group {
            let inbound = account.inbound(Feed::Orders, row, told_by, desk.clock.wall());
            bus.publish(&inbound.pack(), PATIENCE).await?;
        }
        let deadline = Instant::now() + JUDGED_WITHIN;
        while !waiting.is_empty() {
            let ids: Vec<_> = waiting.iter().cloned().collect();
            let mut tx = desk.store.begin(account.tenant).await?;
            let judged = tx.leads().list_judged(account.crm_name(), &ids).await?;
            drop(tx);
            waiting.retain(|id| judged.get(id).is_none_or(|judged| judged.judged_at < told_at));
            if waiting.is_empty() {
                break;
            }
            if Instant::now() > deadline {
                return Err(Error::NotJudged(waiting.len(), JUDGED_WITHIN));
            }
            sleep(LOOKS_AGAIN_AFTER).await;
        }
    }
}
