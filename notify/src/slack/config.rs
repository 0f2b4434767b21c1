use serde::{Deserialize, Serialize};

/// A tenant's app. Stored sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// `https://slack.com`
    pub base_url: String,
    /// `xoxb-…`, with the scope `chat:write`.
    pub bot_token: String,
}
