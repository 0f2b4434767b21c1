use serde::{Deserialize, Serialize};

/// A tenant's number. Stored sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// `https://graph.facebook.com`
    pub base_url: String,
    /// The vendor's id of the number that messages come from, and not the number.
    pub phone_number_id: String,
    /// Of a system user, which does not expire.
    pub access_token: String,
}
