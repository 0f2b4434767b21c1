//! The orders of the last weeks, for a shop that goes live.

use accounts::{Patience, Walk};
use chrono::{DateTime, TimeDelta, Utc};
use crm::{Feed, Stamp, Window};
use domain::ToldBy;
use serde::Serialize;
use stage::Bus;

use crate::{Desk, Error, PATIENCE, tell::tell};

/// What came with so little notice may still come by webhook.
const MARGIN: TimeDelta = TimeDelta::minutes(10);

/// What a backfill has done so far.
#[derive(Debug, Clone, Serialize)]
pub struct Backfilled {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    /// Everything made before this has been looked at.
    pub looked_until: DateTime<Utc>,
    pub orders: usize,
    /// Those that were news to us.
    pub told: usize,
}

/// Takes in what was asked for in the last `days` before the tenant went live. Nobody is written to about it, unless `contact`.
/// May be repeated: what is known is left alone.
pub async fn backfill(
    desk: &Desk,
    bus: &Bus,
    slug: &str,
    days: u32,
    contact: bool,
    mut progress: impl FnMut(&Backfilled),
) -> Result<Backfilled, Error> {
    let tenant = desk.find(slug).await?;
    let account = desk.account(tenant).await?;
    let now = desk.clock.now();
    let mut tx = desk.store.begin(tenant).await?;
    // What was made later is the poller's, and is answered.
    let until = tx.tenants().contacts_since().await?.unwrap_or(now - MARGIN).min(now - MARGIN);
    drop(tx);
    let from = until.checked_sub_signed(TimeDelta::days(days.into())).ok_or(Error::TooLongAgo(days))?;
    let window = Window::new(from, until).ok_or(Error::TooLongAgo(days))?;
    let told_by = if contact { ToldBy::BackfillToContact } else { ToldBy::Backfill };

    let mut done = Backfilled { from, until, looked_until: from, orders: 0, told: 0 };
    let mut walk = Walk::new(&account, Feed::Orders, Stamp::Created, window, Patience::Background(PATIENCE));
    while let Some(stretch) = walk.next().await {
        let (stretch, rows) = stretch?;
        done.orders += rows.len();
        let ids: Vec<_> = rows.iter().map(|row| row.id.clone()).collect();
        let mut tx = desk.store.begin(tenant).await?;
        let known = tx.leads().list_judged(account.crm_name(), &ids).await?;
        drop(tx);
        let news: Vec<_> = rows.into_iter().filter(|row| !known.contains_key(&row.id)).collect();
        let count = news.len();
        tell(desk, bus, &account, news, told_by).await?;
        done.told += count;
        done.looked_until = stretch.until();
        progress(&done);
    }
    Ok(done)
}
