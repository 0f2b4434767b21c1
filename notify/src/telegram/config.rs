use serde::{Deserialize, Serialize};

/// A tenant's bot. Stored sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// `https://api.telegram.org`
    pub base_url: String,
    pub bot_token: String,
}
