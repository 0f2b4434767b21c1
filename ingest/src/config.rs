use std::time::Duration;

use domain::LinkBase;
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
    pub poll: PollConfig,
    /// Forms a minute from one address, and as many at once.
    pub form_per_address: u32,
    /// And for one key.
    pub form_per_key: u32,
    /// The header in which a proxy in front says who called; the last address in it counts.
    pub client_address_header: Option<String>,
    /// The header in which a proxy in front says from which country.
    pub country_header: Option<String>,
}

/// How CRMs are looked through for what no webhook told.
#[derive(Debug, Clone)]
pub struct PollConfig {
    /// Where a CRM's webhook must point to.
    pub public_url: Url,
    pub is_on: bool,
    /// Between two looks at one tenant's orders.
    pub interval: Duration,
    /// Between two looks at its appointments and customers.
    pub others_interval: Duration,
    /// How much of what was looked at is looked at again: for rows that become visible late, and clocks that differ.
    pub overlap: Duration,
    /// What changed less long ago is left to its webhook.
    pub settle: Duration,
    /// When another replica takes over from one that says nothing any more.
    pub lease: Duration,
    /// How long a look waits for its turn at the CRM.
    pub patience: Duration,
    /// Between two questions which tenants are due.
    pub pause: Duration,
}

impl PollConfig {
    fn read(reader: &mut Reader, public_url: Url) -> Self {
        let config = Self {
            public_url,
            is_on: reader.parse_or("ingest.poll", true),
            interval: reader.duration_or("ingest.poll_interval", Duration::from_secs(30)),
            others_interval: reader.duration_or("ingest.poll_others_interval", Duration::from_secs(300)),
            overlap: reader.duration_or("ingest.poll_overlap", Duration::from_secs(300)),
            settle: reader.duration_or("ingest.poll_settle", Duration::from_secs(5)),
            lease: reader.duration_or("ingest.poll_lease", Duration::from_secs(90)),
            patience: reader.duration_or("ingest.poll_patience", Duration::from_secs(30)),
            pause: reader.duration_or("ingest.poll_pause", Duration::from_secs(1)),
        };
        // Whoever has waited for its turn must still hold its lease.
        if config.lease < 2 * config.patience {
            reader.mistake(
                "ingest.poll_lease",
                "is shorter than twice ingest.poll_patience; two replicas would look at once",
            );
        }
        if config.overlap <= config.settle {
            reader.mistake(
                "ingest.poll_overlap",
                "is not longer than ingest.poll_settle; what is left alone would be skipped",
            );
        }
        if config.overlap < config.interval {
            reader.mistake("ingest.poll_overlap", "is shorter than ingest.poll_interval; write for example 5m");
        }
        config
    }
}

impl Config {
    pub fn read(reader: &mut Reader) -> Self {
        let text = reader.required("ingest.public_url", "https://hooks.example.com");
        let is_web = |url: &Url| url.has_host() && ["http", "https"].contains(&url.scheme());
        let is_plain = |_: &Url| LinkBase::try_from(text.clone()).is_ok();
        let public_url = Url::parse(&text).ok().filter(is_web).filter(is_plain);
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
        let public_url = public_url.unwrap_or_else(|| Url::parse("http://unset.invalid").expect("a constant address"));
        Self {
            timestamp_tolerance: reader.duration_or("ingest.timestamp_tolerance", Duration::from_secs(300)),
            publish_patience,
            poll: PollConfig::read(reader, public_url.clone()),
            public_url,
            form_per_address: rate(reader, "ingest.form_per_address", 20),
            form_per_key: rate(reader, "ingest.form_per_key", 120),
            client_address_header: header_name(reader, "ingest.client_address_header"),
            country_header: header_name(reader, "ingest.country_header"),
            door_ttl: reader.duration_or("ingest.door_ttl", Duration::from_secs(30)),
        }
    }
}

fn rate(reader: &mut Reader, key: &str, default: u32) -> u32 {
    let per_minute = reader.parse_or(key, default);
    if per_minute == 0 {
        reader.mistake(key, format!("0 would take no form at all; write for example {default}"));
    }
    per_minute
}

fn header_name(reader: &mut Reader, key: &str) -> Option<String> {
    let name = reader.optional(key)?.to_lowercase();
    if name.parse::<axum::http::HeaderName>().is_err() {
        reader.mistake(key, format!("{name:?} is no header's name; write for example x-forwarded-for"));
        return None;
    }
    Some(name)
}
