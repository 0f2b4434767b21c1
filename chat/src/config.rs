use std::time::Duration;

use model::Timeouts;
use service::config::Reader;
use stage::StageConfig;

/// Whoever answers waits for a model nearly all of the time.
const WIDTH: usize = 500;

#[derive(Debug, Clone)]
pub struct Config {
    pub stage: StageConfig,
    /// How long somebody who answers may be silent before somebody else takes over. Wall time.
    pub lease: Duration,
    /// How long whoever opened a link may talk without opening it again.
    pub session_ttl: Duration,
    /// How long a link opens a conversation after its first message was sent.
    pub link_ttl: Duration,
    /// Requests a minute of one conversation, and as many at once.
    pub per_lead: u32,
    /// And from one address.
    pub per_address: u32,
    /// The header in which a proxy in front says who called; the last address in it counts.
    pub client_address_header: Option<String>,
    /// What a model may take.
    pub model_timeouts: Timeouts,
    /// How long is remembered which model a tenant has chosen.
    pub tenant_ttl: Duration,
    /// How long an open stream lasts before the page has to open it again.
    pub stream_ttl: Duration,
    /// Between two signs that a stream is still there.
    pub heartbeat: Duration,
    /// How long a request may wait for JetStream before it is told to come again.
    pub publish_patience: Duration,
    /// What a proxy in front has before our addresses: `/leads`, or nothing.
    pub path_before: String,
    /// Whether the page came by TLS, so that the browser shall send its cookie by nothing else.
    pub is_secure: bool,
}

impl Config {
    pub fn read(reader: &mut Reader) -> Self {
        let per_minute = |reader: &mut Reader, key: &str| {
            let rate = reader.parse_or(key, 100);
            if rate == 0 {
                reader.mistake(key, "0 would let nobody talk; write for example 100");
            }
            rate
        };
        let lease = reader.duration_or("chat.lease", Duration::from_secs(5));
        if lease < Duration::from_secs(1) {
            reader.mistake("chat.lease", "is shorter than a second; two would answer at once");
        }
        let public_url: Option<String> = reader.optional("ingest.public_url");
        let url = public_url.as_deref().unwrap_or_default();
        let after_host = url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
        Self {
            stage: StageConfig::read_wide(reader, "chat", WIDTH),
            lease,
            session_ttl: reader.duration_or("chat.session_ttl", Duration::from_hours(30 * 24)),
            link_ttl: Duration::from_hours(24) * u32::from(reader.parse_or("chat.link_days", 120_u16)),
            per_lead: per_minute(reader, "chat.per_lead"),
            per_address: per_minute(reader, "chat.per_address"),
            client_address_header: reader.optional("ingest.client_address_header").map(|name| name.to_lowercase()),
            model_timeouts: Timeouts {
                answer: reader.duration_or("chat.model_answer", Timeouts::default().answer),
                silence: reader.duration_or("chat.model_silence", Timeouts::default().silence),
                total: reader.duration_or("chat.model_total", Timeouts::default().total),
            },
            tenant_ttl: reader.duration_or("chat.tenant_ttl", Duration::from_secs(30)),
            stream_ttl: reader.duration_or("chat.stream_ttl", Duration::from_secs(600)),
            heartbeat: reader.duration_or("chat.heartbeat", Duration::from_secs(15)),
            publish_patience: reader.duration_or("chat.publish_patience", Duration::from_secs(3)),
            path_before: after_host.unwrap_or_default().trim_end_matches('/').to_owned(),
            is_secure: url.starts_with("https://"),
        }
    }
}
