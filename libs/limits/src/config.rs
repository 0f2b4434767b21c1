use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use service::config::Reader;

#[derive(Debug, Clone)]
pub struct Config {
    pub url: SecretString,
    pub timeout: Duration,
}

impl Config {
    pub fn read(reader: &mut Reader) -> Self {
        let url = reader.required_secret("redis.url");
        // The parser's own words may quote the address, password and all.
        if !url.expose_secret().is_empty() && redis::Client::open(url.expose_secret()).is_err() {
            reader.mistake("redis.url", "is not an address; write for example redis://redis:6379");
        }
        Self { url, timeout: reader.duration_or("redis.timeout", Duration::from_millis(500)) }
    }
}
