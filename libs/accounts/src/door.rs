//! The addresses at which vendors reach us, and which of those that a CRM has is ours.

use crm::Registration;
use store::{Error, Transaction};
use url::Url;

/// Where a vendor posts what it has to tell a tenant. The token is the secret half of it.
pub fn door_address(public_url: &Url, source: &str, token: &str) -> String {
    format!("{}/webhooks/{source}/{token}", public_url.as_str().trim_end_matches('/'))
}

/// A token that nobody guesses, for an address or a key.
pub fn random_token() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}

/// Of the webhooks that a CRM has, the one at this tenant's address. Only the hash of our token is known, so theirs are looked at.
pub async fn find_ours<'r>(
    tx: &mut Transaction,
    crm: &str,
    public_url: &Url,
    registrations: &'r [Registration],
) -> Result<Option<&'r Registration>, Error> {
    let door = door_address(public_url, crm, "");
    for registration in registrations {
        if let Some(token) = registration.url.strip_prefix(&door)
            && tx.tenants().has_door(crm, token).await?
        {
            return Ok(Some(registration));
        }
    }
    Ok(None)
}
