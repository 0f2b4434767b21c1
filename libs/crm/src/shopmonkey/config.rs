use serde::{Deserialize, Serialize};

/// How to reach a tenant's account. Stored sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// `https://api.shopmonkey.cloud`, or a sandbox.
    pub base_url: String,
    pub api_key: String,
}
