use std::time::Duration;

use service::config::Reader;

#[derive(Debug, Clone)]
pub struct Config {
    /// One call to a CRM, from connecting to the last byte.
    pub timeout: Duration,
}

impl Config {
    pub fn read(reader: &mut Reader) -> Self {
        Self { timeout: reader.duration_or("crm.timeout", Duration::from_secs(10)) }
    }
}
