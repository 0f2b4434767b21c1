//! Telling the pipeline of orders, a few at a time.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use accounts::Account;
use crm::{Feed, Row};
use domain::ToldBy;
use stage::Bus;
use store::Judged;
use tokio::time::{Instant, sleep};

use crate::{Desk, Error, PATIENCE};

/// So many are judged at once: a lead that comes in waits behind these and no more.
const AT_ONCE: usize = 8;
const JUDGED_WITHIN: Duration = Duration::from_secs(120);
const LOOKS_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Puts orders where their webhooks would have put them, and returns when all are judged: how many are not, after a while. These
/// are dead letters, or enrich does not run.
pub(crate) async fn tell(
    desk: &Desk,
    bus: &Bus,
    account: &Account,
    rows: Vec<Row>,
    told_by: ToldBy,
) -> Result<usize, Error> {
    let mut not_judged = 0;
    let mut rows = rows.into_iter();
    loop {
        let group: Vec<_> = rows.by_ref().take(AT_ONCE).collect();
        if group.is_empty() {
            return Ok(not_judged);
        }
        let ids: Vec<_> = group.iter().map(|row| row.id.clone()).collect();
        let before = judged(desk, account, &ids).await?;
        for row in group {
            let inbound = account.inbound(Feed::Orders, row, told_by, desk.clock.wall());
            bus.publish(&inbound.pack(), PATIENCE).await?;
        }
        // Whoever was not judged in time once is not waited for as long again.
        let deadline = Instant::now() + if not_judged == 0 { JUDGED_WITHIN } else { JUDGED_WITHIN / 10 };
        let mut waiting: HashSet<_> = ids.iter().cloned().collect();
        while !waiting.is_empty() && Instant::now() < deadline {
            let ids: Vec<_> = waiting.iter().cloned().collect();
            let now = judged(desk, account, &ids).await?;
            // Judged again is judged later, or of a newer version, whatever anybody's clock says.
            waiting.retain(|id| now.get(id) == before.get(id));
            if !waiting.is_empty() {
                sleep(LOOKS_AGAIN_AFTER).await;
            }
        }
        not_judged += waiting.len();
    }
}

async fn judged(desk: &Desk, account: &Account, ids: &[String]) -> Result<HashMap<String, Judged>, Error> {
    let mut tx = desk.store.begin(account.tenant).await?;
    Ok(tx.leads().list_judged(account.crm_name(), ids).await?)
}
