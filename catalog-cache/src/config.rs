use std::time::Duration;

use service::config::Reader;

#[derive(Debug, Clone)]
pub struct Config {
    /// How long an answer is fresh: somewhere between these two, so that shops are not all fetched at once.
    pub least_ttl: Duration,
    pub most_ttl: Duration,
    /// How long this process answers by itself before it looks into Redis.
    pub local_ttl: Duration,
    /// How long a CRM that did not answer is left alone.
    pub failed_ttl: Duration,
    /// How long whoever asks waits for a catalog that nobody knows.
    pub patience: Duration,
}

impl Config {
    pub fn read(reader: &mut Reader) -> Self {
        let config = Self {
            least_ttl: reader.duration_or("catalog.least_ttl", Duration::from_secs(300)),
            most_ttl: reader.duration_or("catalog.most_ttl", Duration::from_secs(600)),
            local_ttl: reader.duration_or("catalog.local_ttl", Duration::from_secs(10)),
            failed_ttl: reader.duration_or("catalog.failed_ttl", Duration::from_secs(30)),
            patience: reader.duration_or("catalog.patience", Duration::from_secs(5)),
        };
        if config.least_ttl > config.most_ttl {
            reader.mistake("catalog.least_ttl", "is longer than catalog.most_ttl; write for example 5m and 10m");
        }
        config
    }
}
