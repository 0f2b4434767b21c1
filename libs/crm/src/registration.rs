//! Our webhook as a CRM has it registered.

use crate::Feed;

/// What a CRM says of its webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registrations {
    Listed(Vec<Registration>),
    /// Nothing: somebody adds them by hand, at this place in the CRM, and nobody else can look at them.
    ByHand {
        place: &'static str,
    },
}

/// A webhook that a CRM sends, ours or somebody else's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    pub id: String,
    pub name: String,
    pub url: String,
    pub is_enabled: bool,
    /// What the CRM says went wrong with its deliveries.
    pub problem: Option<String>,
    /// What it tells of: the making and the changing of these.
    pub feeds: Vec<Feed>,
}

impl Registration {
    /// What it does not tell us of, and should.
    pub fn untold(&self) -> Vec<Feed> {
        Feed::ALL.into_iter().filter(|feed| !self.feeds.contains(feed)).collect()
    }
}

/// A webhook as it should be.
#[derive(Debug, Clone)]
pub struct NewRegistration {
    /// What it is called in the CRM. No two may be called the same.
    pub name: String,
    pub url: String,
    /// What it is signed with. `None`: with what it was signed with before.
    pub secret: Option<String>,
}
