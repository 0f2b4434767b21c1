use std::time::Duration;

use service::config::Reader;
use url::Url;

/// Twilio waits for fifteen seconds.
const LONGEST_PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub struct Config {
    /// Where vendors reach us, as they write it: some sign the whole address.
    pub public_url: Url,
    /// How far a signed timestamp may lie from our clock.
    pub timestamp_tolerance: Duration,
    /// How long a request may wait for JetStream before it is told to come again.
    pub publish_patience: Duration,
    /// How long a door is remembered; a replaced token works at most this much longer, or, while the database is
    /// away, for a day.
    pub door_ttl: Duration,
}

impl Config {
    pub fn read(reader: &mut Reader) -> Self {
        let text = reader.required("ingest.public_url", "https://hooks.example.com");
        let is_web = |url: &Url| url.has_host() && ["http", "https"].contains(&url.scheme());
        let public_url = Url::parse(&text).ok().filter(is_web);
        if public_url.is_none() && !text.is_empty() {
            reader.mistake(
                "ingest.public_url",
                format!("{text:?} is not an address; write for example https://hooks.example.com"),
            );
        }
        let publish_patience = reader.duration_or("ingest.publish_patience", Duration::from_secs(3));
        if publish_patience > LONGEST_PATIENCE {
            reader.mistake("ingest.publish_patience", "is longer than 10s; a sender is gone by then");
        }
        Self {
            public_url: public_url.unwrap_or_else(|| Url::parse("http://unset.invalid").expect("a constant address")),
            timestamp_tolerance: reader.duration_or("ingest.timestamp_tolerance", Duration::from_secs(300)),
            publish_patience,
            door_ttl: reader.duration_or("ingest.door_ttl", Duration::from_secs(30)),
        }
    }
}
