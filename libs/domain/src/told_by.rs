use std::{fmt, str::FromStr};

/// How we came to know of something that happened at a CRM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ToldBy {
    /// The CRM told us.
    Webhook,
    /// We looked, because webhooks get lost.
    Poll,
    /// It was there before the tenant was, and nobody is written to.
    Backfill,
    /// It was there before the tenant was, and an operator wants it answered all the same.
    BackfillToContact,
    /// An operator compared the CRM's list with ours.
    Ledger,
}

impl ToldBy {
    pub const ALL: [Self; 5] = [Self::Webhook, Self::Poll, Self::Backfill, Self::BackfillToContact, Self::Ledger];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Poll => "poll",
            Self::Backfill => "backfill",
            Self::BackfillToContact => "backfill_to_contact",
            Self::Ledger => "ledger",
        }
    }
}

impl fmt::Display for ToldBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ToldBy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|by| by.as_str() == text)
            .ok_or_else(|| format!("unknown way of being told {text:?}"))
    }
}
