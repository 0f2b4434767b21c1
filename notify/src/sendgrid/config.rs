use serde::{Deserialize, Serialize};

/// A tenant's account. Stored sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// `https://api.sendgrid.com`, or the European one.
    pub base_url: String,
    pub api_key: String,
    pub from_email: String,
    pub from_name: String,
}
