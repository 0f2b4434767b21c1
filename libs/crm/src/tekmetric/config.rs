use serde::{Deserialize, Serialize};

/// How to reach a tenant's account. Stored sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// `https://shop.tekmetric.com`, or `https://sandbox.tekmetric.com`.
    pub base_url: String,
    pub client_id: String,
    pub client_secret: String,
}
