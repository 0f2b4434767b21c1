//! What a CRM lists, for whoever looks whether a webhook was missed.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use domain::Service;

use crate::Error;

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feed {
    Orders,
    Appointments,
    Customers,
}

impl Feed {
    pub const ALL: [Self; 3] = [Self::Orders, Self::Appointments, Self::Customers];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Appointments => "appointments",
            Self::Customers => "customers",
        }
    }
}

/// Which of a row's dates a window is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    Created,
    Updated,
    Deleted,
}

impl Stamp {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}

/// From one instant up to and without another one, in the milliseconds that CRMs write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl Window {
    /// `None`: it would be empty.
    pub fn new(from: DateTime<Utc>, until: DateTime<Utc>) -> Option<Self> {
        let whole = |at: DateTime<Utc>| DateTime::from_timestamp_millis(at.timestamp_millis());
        let (from, until) = (whole(from)?, whole(until)?);
        (from < until).then_some(Self { from, until })
    }

    /// Everything that ever was in a CRM, or will be while this program is in use.
    pub(crate) fn always() -> Option<Self> {
        const YEAR_2100: i64 = 4_102_444_800_000;
        Self::new(DateTime::UNIX_EPOCH, DateTime::from_timestamp_millis(YEAR_2100)?)
    }

    pub fn from(self) -> DateTime<Utc> {
        self.from
    }

    pub fn until(self) -> DateTime<Utc> {
        self.until
    }

    pub fn holds(self, at: DateTime<Utc>) -> bool {
        self.from <= at && at < self.until
    }

    /// Its two halves, the earlier first. `None`: it cannot be made narrower.
    pub fn halve(self) -> Option<(Self, Self)> {
        let middle = self.from + TimeDelta::milliseconds((self.until - self.from).num_milliseconds() / 2);
        Some((Self::new(self.from, middle)?, Self::new(middle, self.until)?))
    }
}

/// What is asked for at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub feed: Feed,
    pub stamp: Stamp,
    /// The CRM's id of the shop. `None`: of all shops, where the CRM lists them together.
    pub shop: Option<String>,
    pub window: Window,
}

impl Wanted {
    fn holds(&self, row: &Row) -> bool {
        let at = match self.stamp {
            Stamp::Created => row.created_at,
            Stamp::Updated => row.changed_at,
            Stamp::Deleted => row.deleted_at,
        };
        let is_of_shop = match (&self.shop, &row.location_id) {
            (Some(wanted), Some(shop)) => wanted == shop,
            _ => true,
        };
        is_of_shop && at.is_some_and(|at| self.window.holds(at))
    }
}

/// One row of a list.
#[derive(Debug, Clone)]
pub struct Row {
    pub id: String,
    /// As the row's own adapter counts versions: comparable with what was read by its id.
    pub version: i64,
    /// The CRM's id of the shop.
    pub location_id: Option<String>,
    pub created_at: Option<DateTime<Utc>>,
    pub changed_at: Option<DateTime<Utc>>,
    pub deleted_at: Option<DateTime<Utc>>,
    /// What the CRM's webhook would have said of it.
    pub webhook: Bytes,
}

/// What a CRM answered for a window.
#[derive(Debug)]
pub struct Listed {
    pub rows: Vec<Row>,
    /// Whether there are no more. A window that is not whole is asked for again in halves: the pages of a list are not the
    /// same from one request to the next.
    pub is_whole: bool,
}

impl Listed {
    /// Of what a CRM gave, what was asked for. `given`: how many rows it gave, those that could not be read too.
    pub(crate) fn of(wanted: &Wanted, mut rows: Vec<Row>, given: usize, is_whole: bool) -> Result<Self, Error> {
        rows.retain(|row| wanted.holds(row));
        // It gave what was not asked for, so what it left out nobody knows.
        if !is_whole && rows.len() < given {
            return Err(Error::FilterIgnored { feed: wanted.feed.as_str(), stamp: wanted.stamp.as_str() });
        }
        Ok(Self { rows, is_whole })
    }
}

/// Which part of a shop's catalog is asked for. An adapter says which others there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Whole,
    /// What was added within a window.
    Added(Window),
    /// What stands on a page; the first is page 0.
    Page(u32),
}

/// Of a shop's catalog, what a CRM answered.
#[derive(Debug)]
pub struct ListedServices {
    pub services: Vec<Service>,
    /// What is still to be asked for. A service may be in several parts.
    pub rest: Vec<Part>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn halves_meet_and_leave_nothing_out() {
        let mut windows = vec![Window::new(at("2026-01-10T19:00:00.120Z"), at("2026-01-10T19:00:00.127Z")).unwrap()];
        let mut narrow = Vec::new();
        while let Some(window) = windows.pop() {
            match window.halve() {
                Some((earlier, later)) => windows.extend([later, earlier]),
                None => narrow.push(window),
            }
        }
        assert_eq!(narrow.len(), 7);
        assert!(narrow.windows(2).all(|pair| pair[0].until() == pair[1].from()));
    }

    #[test]
    fn what_is_finer_than_a_millisecond_is_no_window() {
        assert!(Window::new(at("2026-01-10T19:00:00.1200001Z"), at("2026-01-10T19:00:00.1209Z")).is_none());
        assert!(Window::new(at("2026-01-10T19:00:01Z"), at("2026-01-10T19:00:00Z")).is_none());
    }
}
