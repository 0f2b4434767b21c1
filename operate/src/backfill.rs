//! The orders of the last weeks, for a shop that goes live.

use accounts::{Patience, Step, Walk};
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
    /// Those of them that nobody has judged yet: see the dead letters.
    pub not_judged: usize,
    /// Shops that the CRM does not show us, by its ids of them.
    pub refused_shops: Vec<String>,
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
    let account = desk.account(slug, tenant).await?;
    let now = desk.clock.now();
    let mut tx = desk.store.begin(tenant).await?;
    let went_live = tx.tenants().contacts_since().await?;
    drop(tx);
    // What was made since is the poller's, and is answered. Of a tenant that answers whoever asked, nothing is taken in silently.
    let until = match went_live {
        Some(went_live) => went_live.min(now - MARGIN),
        None if contact => now - MARGIN,
        None => return Err(Error::AlwaysAnswers(slug.to_owned())),
    };
    let from = until.checked_sub_signed(TimeDelta::days(days.into())).ok_or(Error::TooLongAgo(days))?;
    let window = Window::new(from, until).ok_or(Error::TooLongAgo(days))?;
    let told_by = if contact { ToldBy::BackfillToContact } else { ToldBy::Backfill };

    let mut done =
        Backfilled { from, until, looked_until: from, orders: 0, told: 0, not_judged: 0, refused_shops: Vec::new() };
    let mut walk = Walk::new(&account, Feed::Orders, Stamp::Created, window, Patience::Background(PATIENCE));
    while let Some(step) = walk.next().await {
        let rows = match step? {
            Step::Looked(rows) => rows,
            Step::Halved => continue,
            Step::Refused(shop) => {
                done.refused_shops.push(shop);
                continue;
            }
        };
        done.orders += rows.len();
        let ids: Vec<_> = rows.iter().map(|row| row.id.clone()).collect();
        let mut tx = desk.store.begin(tenant).await?;
        let known = tx.leads().list_judged(account.crm_name(), &ids).await?;
        drop(tx);
        let news: Vec<_> = rows.into_iter().filter(|row| !known.contains_key(&row.id)).collect();
        let count = news.len();
        done.not_judged += tell(desk, bus, &account, news, told_by).await?;
        done.told += count;
        done.looked_until = walk.looked_until();
        progress(&done);
    }
    Ok(done)
}
