use chrono::{DateTime, Utc};
use crm::{Feed, Row, Stamp, Wanted, Window};

use rand::seq::SliceRandom as _;

use crate::{Account, Error, Patience};

/// A walk through what a CRM lists, shop by shop where it lists by shop, in windows so narrow that the CRM gives each whole.
pub struct Walk<'a> {
    account: &'a Account,
    patience: Patience,
    until: DateTime<Utc>,
    /// What is next is the last. Within a shop, the earliest comes first.
    ahead: Vec<Wanted>,
    requests: u32,
    /// Instants of which the CRM has more rows than it shows at once.
    crowded: u32,
}

/// What one request came to.
pub enum Step {
    Looked(Vec<Row>),
    /// There was more than the CRM shows at once; its halves are next.
    Halved,
    /// The CRM does not show us this shop; the others are next.
    Refused(String),
}

impl<'a> Walk<'a> {
    pub fn new(account: &'a Account, feed: Feed, stamp: Stamp, window: Window, patience: Patience) -> Self {
        let wanted = |shop| Wanted { feed, stamp, shop, window };
        let ahead = if account.crm.lists_by_shop() {
            let mut shops: Vec<_> = account.shops.keys().cloned().collect();
            // Not always in the same order: one that fails every time keeps the others waiting only now and then.
            shops.shuffle(&mut rand::rng());
            shops.into_iter().map(|shop| wanted(Some(shop))).collect()
        } else {
            vec![wanted(None)]
        };
        Self { account, patience, until: window.until(), ahead, requests: 0, crowded: 0 }
    }

    /// One request further. `None`: the walk is over. After an error the same stretch is next.
    pub async fn next(&mut self) -> Option<Result<Step, Error>> {
        let wanted = self.ahead.last()?;
        if let Err(error) = self.account.wait(1, self.patience).await {
            return Some(Err(error));
        }
        self.requests += 1;
        let listed = match (self.account.crm.list(wanted).await, &wanted.shop) {
            (Ok(listed), _) => listed,
            (Err(crm::Error::ShopRefused { .. }), Some(shop)) => {
                let shop = shop.clone();
                self.ahead.retain(|wanted| wanted.shop.as_ref() != Some(&shop));
                return Some(Ok(Step::Refused(shop)));
            }
            (Err(error), _) => return Some(Err(Error::Crm(error))),
        };
        let wanted = self.ahead.pop()?;
        Some(Ok(match wanted.window.halve() {
            Some((earlier, later)) if !listed.is_whole => {
                let of = |window| Wanted { window, ..wanted.clone() };
                self.ahead.extend([of(later), of(earlier)]);
                Step::Halved
            }
            _ => {
                self.crowded += u32::from(!listed.is_whole);
                Step::Looked(listed.rows)
            }
        }))
    }

    /// Everything before this has been looked at, in every shop.
    pub fn looked_until(&self) -> DateTime<Utc> {
        self.ahead.iter().map(|wanted| wanted.window.from()).min().unwrap_or(self.until)
    }

    pub fn requests(&self) -> u32 {
        self.requests
    }

    pub fn crowded(&self) -> u32 {
        self.crowded
    }
}
