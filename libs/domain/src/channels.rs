use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::Channel;

/// By which channels a tenant writes to customers, whatever its cadences say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Channel>", into = "Vec<Channel>")]
pub struct Channels(BTreeSet<Channel>);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("channels are empty, and nobody could be written to; to stop all messages for a while: leads pause")]
pub struct NoChannel;

impl Default for Channels {
    fn default() -> Self {
        Self(Channel::ALL.into())
    }
}

impl TryFrom<Vec<Channel>> for Channels {
    type Error = NoChannel;

    fn try_from(channels: Vec<Channel>) -> Result<Self, NoChannel> {
        if channels.is_empty() { Err(NoChannel) } else { Ok(Self(channels.into_iter().collect())) }
    }
}

impl From<Channels> for Vec<Channel> {
    fn from(channels: Channels) -> Self {
        channels.0.into_iter().collect()
    }
}

impl Channels {
    pub fn has(&self, channel: Channel) -> bool {
        self.0.contains(&channel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_on_until_some_are_chosen_and_none_is_a_mistake() {
        assert!(Channel::ALL.into_iter().all(|channel| Channels::default().has(channel)));
        let chosen: Channels = serde_json::from_str(r#"["email"]"#).unwrap();
        assert!(chosen.has(Channel::Email) && !chosen.has(Channel::Sms));
        assert!(serde_json::from_str::<Channels>("[]").unwrap_err().to_string().contains("leads pause"));
        assert!(serde_json::from_str::<Channels>(r#"["fax"]"#).is_err());
    }
}
