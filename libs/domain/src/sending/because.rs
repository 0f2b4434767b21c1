use std::fmt;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::State;

/// The rule that moved a message or stopped it, as it is kept with the message and shown to whoever asks why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Because {
    /// 47 CFR 64.1200(c)(1).
    FederalHours {
        zone: Tz,
    },
    StateHours {
        state: State,
        zone: Tz,
        source: String,
    },
    /// A day on which a state's law, or the tenant, lets nobody be written to.
    Holiday {
        name: String,
        state: Option<State>,
    },
    /// The tenant's own hours.
    OwnHours {
        zone: Tz,
    },
    /// A Sunday before noon, of a tenant that leaves people alone then.
    QuietSunday {
        zone: Tz,
    },
    /// The shop is closed.
    ShopHours,
    /// They have had so many within a day.
    TooMany {
        most: u16,
        state: Option<State>,
    },
    /// The last message is too short a while ago.
    TooSoon {
        apart_minutes: u32,
    },
    /// It, or what it belongs to, was paused: its clock stood still.
    Paused,
}

impl Because {
    /// The rule alone, in one word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::FederalHours { .. } => "federal_hours",
            Self::StateHours { .. } => "state_hours",
            Self::Holiday { .. } => "holiday",
            Self::OwnHours { .. } => "own_hours",
            Self::QuietSunday { .. } => "quiet_sunday",
            Self::ShopHours => "shop_hours",
            Self::TooMany { .. } => "too_many",
            Self::TooSoon { .. } => "too_soon",
            Self::Paused => "paused",
        }
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FederalHours { zone } => {
                write!(f, "federal law allows no texts before 8:00 or from 21:00 on, by the clocks of {zone}")
            }
            Self::StateHours { state, zone, source } => {
                write!(f, "{state} allows no texts at that hour, by the clocks of {zone} ({source})")
            }
            Self::Holiday { name, state: Some(state) } => write!(f, "{state} allows no texts on {name}"),
            Self::Holiday { name, state: None } => write!(f, "nobody is texted on {name}"),
            Self::OwnHours { zone } => write!(f, "outside of your own hours, by the clocks of {zone}"),
            Self::QuietSunday { zone } => {
                write!(
                    f,
                    "nobody is texted on Sundays before noon, by the clocks of {zone} (quiet_sundays_and_holidays)"
                )
            }
            Self::ShopHours => f.write_str("the shop is closed"),
            Self::TooMany { most, state: Some(state) } => write!(f, "{state} allows {most} messages within a day"),
            Self::TooMany { most, state: None } => write!(f, "they have had {most} messages within a day"),
            Self::Paused => f.write_str("it was paused, and waits as long as that took"),
            Self::TooSoon { apart_minutes } => write!(f, "the last message is less than {apart_minutes} minutes ago"),
        }
    }
}

/// One move: from when to when, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    #[serde(flatten)]
    pub because: Because,
}
