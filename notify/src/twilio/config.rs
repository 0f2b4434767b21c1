use serde::{Deserialize, Serialize};

/// A tenant's account. Stored sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// `https://api.twilio.com`
    pub base_url: String,
    pub account_sid: String,
    pub auth_token: String,
    pub messaging_service_sid: String,
    /// The tenant's door for status callbacks, as Twilio reaches it, without a query.
    pub status_callback: String,
}
