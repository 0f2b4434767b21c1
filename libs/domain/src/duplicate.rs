//! When two leads are one.

use serde::{Deserialize, Serialize};

/// Of two leads of one person, which are one. A tenant's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DuplicateRules {
    /// Asked within so many days: with the same telephone or address, for the same car or service at one shop, or at another
    /// shop of the franchise, whatever for. 0: never.
    pub within_days: u16,
    pub owner: Owner,
}

/// Of two shops that one person asked, who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// The one that was asked first: it is talking to them already.
    #[default]
    AskedFirst,
    /// The one that was asked last: that is where they want to go now.
    AskedLast,
}

impl Owner {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AskedFirst => "asked_first",
            Self::AskedLast => "asked_last",
        }
    }
}

impl Default for DuplicateRules {
    fn default() -> Self {
        Self { within_days: 14, owner: Owner::default() }
    }
}

/// How the time zone of a lead is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneSource {
    /// The area code of their telephone.
    AreaCode,
    /// The shop they asked.
    Shop,
}

impl ZoneSource {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AreaCode => "area_code",
            Self::Shop => "shop",
        }
    }
}
