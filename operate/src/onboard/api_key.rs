//! Keys of machines.

use store::ApiKeyLine;

use crate::{Desk, Error, api::Scope};

const LONGEST_NAME: usize = 100;

/// Makes a key, which is answered and cannot be seen again. No scopes: all there are.
pub async fn add_api_key(desk: &Desk, slug: &str, name: &str, scopes: &[String]) -> Result<String, Error> {
    let tenant = desk.find(slug).await?;
    let name = name.trim();
    if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(Error::Name);
    }
    let known = Scope::ALL.map(Scope::as_str);
    if let Some(unknown) = scopes.iter().find(|scope| !known.contains(&scope.as_str())) {
        return Err(Error::NoSuchScope { given: unknown.clone(), known: known.join(", ") });
    }
    let scopes = if scopes.is_empty() { known.map(str::to_owned).into() } else { scopes.to_vec() };
    let key = format!("lo_{}", accounts::random_token());
    let mut tx = desk.store.begin(tenant).await?;
    if !tx.api_keys().add(name, &key, &scopes, desk.clock.wall()).await? {
        return Err(Error::KeyExists(name.to_owned()));
    }
    tx.commit().await?;
    Ok(key)
}

pub async fn list_api_keys(desk: &Desk, slug: &str) -> Result<Vec<ApiKeyLine>, Error> {
    let tenant = desk.find(slug).await?;
    let mut tx = desk.store.begin(tenant).await?;
    Ok(tx.api_keys().list().await?)
}

/// From the next request on the key opens nothing.
pub async fn revoke_api_key(desk: &Desk, slug: &str, name: &str) -> Result<(), Error> {
    let tenant = desk.find(slug).await?;
    let mut tx = desk.store.begin(tenant).await?;
    if !tx.api_keys().revoke(name, desk.clock.wall()).await? {
        return Err(Error::NoSuchKey(name.to_owned()));
    }
    Ok(tx.commit().await?)
}
