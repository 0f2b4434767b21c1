use crm::{Feed, Row, Stamp, Window};

use crate::{Account, Error, Patience};

/// A walk through what a CRM lists, from the earliest to the latest, in windows so narrow that the CRM gives each whole.
pub struct Walk<'a> {
    account: &'a Account,
    feed: Feed,
    stamp: Stamp,
    patience: Patience,
    /// The earliest is the last.
    ahead: Vec<Window>,
    requests: u32,
    /// Instants of which the CRM has more rows than it shows at once.
    crowded: u32,
}

/// What one request came to.
pub enum Step {
    /// Everything up to the end of this window has been looked at; its rows.
    Looked(Window, Vec<Row>),
    /// There was more than the CRM shows at once; its halves are next.
    Halved,
}

impl<'a> Walk<'a> {
    pub fn new(account: &'a Account, feed: Feed, stamp: Stamp, window: Window, patience: Patience) -> Self {
        Self { account, feed, stamp, patience, ahead: vec![window], requests: 0, crowded: 0 }
    }

    /// One request further. `None`: the walk is over. After an error the same stretch is next.
    pub async fn next(&mut self) -> Option<Result<Step, Error>> {
        let window = self.ahead.last().copied()?;
        if let Err(error) = self.account.wait(1, self.patience).await {
            return Some(Err(error));
        }
        self.requests += 1;
        let listed = match self.account.crm.list(self.feed, self.stamp, window).await {
            Ok(listed) => listed,
            Err(error) => return Some(Err(Error::Crm(error))),
        };
        self.ahead.pop();
        Some(Ok(match window.halve() {
            Some((earlier, later)) if !listed.is_whole => {
                self.ahead.extend([later, earlier]);
                Step::Halved
            }
            _ => {
                self.crowded += u32::from(!listed.is_whole);
                Step::Looked(window, listed.rows)
            }
        }))
    }

    pub fn requests(&self) -> u32 {
        self.requests
    }

    pub fn crowded(&self) -> u32 {
        self.crowded
    }
}
