use std::time::Duration;

use secrecy::SecretString;
use service::config::Reader;

#[derive(Debug, Clone)]
pub struct Config {
    pub url: SecretString,
    pub timeout: Duration,
}

impl Config {
    pub fn read(reader: &mut Reader) -> Self {
        Self {
            url: reader.required_secret("redis.url"),
            timeout: reader.duration_or("redis.timeout", Duration::from_millis(500)),
        }
    }
}
