use std::time::Duration;

use secrecy::SecretString;
use service::config::Reader;

/// How one role reaches JetStream. Each role is a user of its own with the subjects of its role.
#[derive(Debug, Clone)]
pub struct BusConfig {
    /// One server or several, separated by commas.
    pub url: String,
    pub user: String,
    pub password: SecretString,
}

impl BusConfig {
    pub fn read(reader: &mut Reader, role: &str) -> Self {
        let url = reader.required("nats.url", "nats://127.0.0.1:4222");
        Self { url, user: role.to_owned(), password: reader.required_secret(&format!("nats.{role}_password")) }
    }

    /// Notes what is wrong with `nats.url`, also when no user is read.
    pub fn check_url(reader: &mut Reader) {
        let url = reader.optional("nats.url").unwrap_or_default();
        // Said without showing it.
        if url.contains('@') {
            let what = "names a user or a password; leave them out: every role has its own in nats.ROLE_password";
            return reader.mistake("nats.url", what);
        }
        for server in url.split(',').filter(|server| !server.is_empty()) {
            if !["nats://", "tls://"].iter().any(|scheme| server.trim().starts_with(scheme)) {
                let what = format!("{server:?} is not a server's address; write for example nats://nats:4222");
                reader.mistake("nats.url", what);
            }
        }
    }
}

/// How a stage works through its messages.
#[derive(Debug, Clone)]
pub struct StageConfig {
    /// Messages in hand at once in this process.
    pub width: usize,
    /// How long a handler may take in all before it is cut off and tried again.
    pub ceiling: Duration,
    /// The wait before the second delivery; doubled with each further one, up to `longest_delay`.
    pub first_delay: Duration,
    pub longest_delay: Duration,
    /// From this delivery on, starts are counted; after as many without an outcome the message becomes a dead letter.
    pub suspicious_deliveries: u64,
    pub most_starts: u32,
}

impl Default for StageConfig {
    fn default() -> Self {
        Self {
            width: 32,
            ceiling: Duration::from_secs(120),
            first_delay: Duration::from_millis(200),
            longest_delay: Duration::from_secs(60),
            suspicious_deliveries: 3,
            most_starts: 3,
        }
    }
}

impl StageConfig {
    pub fn read(reader: &mut Reader, section: &str) -> Self {
        Self::read_wide(reader, section, Self::default().width)
    }

    /// Of a stage whose usual width is another.
    pub fn read_wide(reader: &mut Reader, section: &str, usual: usize) -> Self {
        let default = Self::default();
        Self {
            width: Self::read_width(reader, &format!("{section}.width"), usual),
            ceiling: reader.duration_or(&format!("{section}.ceiling"), default.ceiling),
            longest_delay: reader.duration_or(&format!("{section}.longest_delay"), default.longest_delay),
            ..default
        }
    }

    /// How many messages a stage has in hand at once, between 1 and 1024.
    pub fn read_width(reader: &mut Reader, name: &str, default: usize) -> usize {
        let width = reader.parse_or(name, default);
        if !(1..=1024).contains(&width) {
            reader.mistake(name, format!("{width} is not between 1 and 1024"));
        }
        width
    }
}
