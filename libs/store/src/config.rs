use std::{num::NonZero, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use service::config::Reader;
use sqlx::postgres::PgConnectOptions;

use crate::SealKey;

#[derive(Debug, Clone)]
pub struct Config {
    /// How the application connects: as `leads_app`, never as the owner of the tables.
    pub url: SecretString,
    pub max_connections: usize,
    pub acquire_timeout: Duration,
    /// Seals credentials. The first key seals; every key opens, so that one can follow another.
    pub seal_keys: Vec<SealKey>,
}

impl Config {
    pub fn read(reader: &mut Reader) -> Self {
        let keys = reader.secret("seal.keys");
        let keys = keys.as_ref().map_or("", |keys| keys.expose_secret());
        let keys: Vec<&str> = keys.split(',').map(str::trim).filter(|key| !key.is_empty()).collect();
        let seal_keys = keys
            .iter()
            .filter_map(|text| {
                SealKey::parse(text).map_err(|error| reader.mistake("seal.keys", error.to_string())).ok()
            })
            .collect::<Vec<_>>();
        if keys.is_empty() {
            reader.mistake("seal.keys", "is missing; make one with: openssl rand -base64 32");
        }
        let url = reader.required_secret("postgres.url");
        check_url(reader, "postgres.url", &url);
        let max_connections = reader.parse_or("postgres.max_connections", default_connections());
        if max_connections == 0 {
            reader.mistake("postgres.max_connections", "is 0; nothing works without a connection");
        }
        Self {
            url,
            max_connections,
            acquire_timeout: reader.duration_or("postgres.acquire_timeout", Duration::from_secs(5)),
            seal_keys,
        }
    }
}

/// What more connections than this do at once waits for a processor anyway, and each new one costs a burst the time to plan
/// everything once more.
fn default_connections() -> usize {
    let processors = std::thread::available_parallelism().map_or(2, NonZero::get);
    (4 + 4 * processors).min(16)
}

/// Notes what cannot be an address of a database. The parser's own words may quote it, password and all.
pub fn check_url(reader: &mut Reader, key: &str, url: &SecretString) {
    let url = url.expose_secret();
    let is_postgres = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
    let is_address = is_postgres && url.parse::<PgConnectOptions>().is_ok();
    if !url.is_empty() && !is_address {
        reader.mistake(key, "is not an address; write for example postgres://leads_app:PASSWORD@db:5432/leads");
    }
}
