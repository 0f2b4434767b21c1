//! What a vendor's own codes mean for us: data, because vendors change them (`data/vendor_errors.csv`, from their documentation).

use std::{collections::HashMap, sync::LazyLock};

/// What follows from an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// An operator mends it; until then it is tried again every minute.
    SetUp,
    /// In a moment.
    Busy,
    /// In half an hour.
    MuchLater,
    /// Nothing reaches this address by this channel, now or later: it is not tried again.
    BadAddress,
    /// They want nothing more by this channel.
    OptedOut,
    /// A carrier took it for unwanted: somebody should look at the words.
    Filtered,
    /// It was too late to send it; it is decided anew.
    Expired,
    /// It did not arrive this time, and the next one may.
    Soft,
    /// This message as it is.
    Message,
}

impl ErrorClass {
    /// Of a code that the vendor has documented. `None`: it is new, or nobody has looked it up.
    pub fn of(vendor: &str, code: &str) -> Option<Self> {
        static KNOWN: LazyLock<HashMap<(&str, &str), ErrorClass>> = LazyLock::new(read);
        KNOWN.get(&(vendor, code)).copied()
    }

    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "set_up" => Self::SetUp,
            "busy" => Self::Busy,
            "much_later" => Self::MuchLater,
            "bad_address" => Self::BadAddress,
            "opted_out" => Self::OptedOut,
            "filtered" => Self::Filtered,
            "expired" => Self::Expired,
            "soft" => Self::Soft,
            "message" => Self::Message,
            _ => return None,
        })
    }
}

fn read() -> HashMap<(&'static str, &'static str), ErrorClass> {
    let rows = include_str!("../data/vendor_errors.csv").lines().skip(1);
    rows.filter_map(|row| {
        let mut cells = row.splitn(4, ',');
        Some(((cells.next()?, cells.next()?), ErrorClass::parse(cells.next()?)?))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_and_each_code_stands_once() {
        let rows = include_str!("../data/vendor_errors.csv").lines().count() - 1;
        assert_eq!(read().len(), rows);
        assert_eq!(ErrorClass::of("twilio", "21610"), Some(ErrorClass::OptedOut));
        assert_eq!(ErrorClass::of("sendgrid", "bounce"), Some(ErrorClass::BadAddress));
        assert_eq!(ErrorClass::of("twilio", "99999"), None);
    }
}
