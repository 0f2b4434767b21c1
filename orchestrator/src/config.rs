//! Every section, read together.

use std::{collections::BTreeMap, fmt, path::Path, str::FromStr};

use chrono::{DateTime, Utc};
use domain::Clock;
use events::Stream;
use service::{
    config::{Error, Mistake, Reader},
    telemetry,
};
use stage::BusConfig;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Ingest,
    Enrich,
    Schedule,
    Notify,
    Chat,
    Operate,
}

impl Role {
    pub const ALL: [Self; 6] = [Self::Ingest, Self::Enrich, Self::Schedule, Self::Notify, Self::Chat, Self::Operate];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Enrich => "enrich",
            Self::Schedule => "schedule",
            Self::Notify => "notify",
            Self::Chat => "chat",
            Self::Operate => "operate",
        }
    }

    /// What the role writes to and reads from.
    pub fn streams(self) -> &'static [Stream] {
        match self {
            Self::Ingest => &[Stream::Inbound],
            Self::Enrich => &[Stream::Inbound, Stream::Leads],
            Self::Schedule => &[Stream::Leads, Stream::Messages, Stream::Inbound],
            Self::Notify => &[Stream::Messages, Stream::Inbound],
            Self::Chat => &[Stream::Chat, Stream::ChatLive, Stream::Leads],
            Self::Operate => &[Stream::Inbound, Stream::Leads],
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| {
            let all = Self::ALL.map(Self::as_str).join(", ");
            format!("{text:?} is not a role; the roles are {all}, and \"all\"")
        })
    }
}

/// The NATS user that is no role: it changes streams.
const DEPLOY: &str = "deploy";

#[derive(Debug, Clone)]
pub struct Config {
    pub listen: String,
    pub telemetry: telemetry::Config,
    pub store: store::Config,
    /// How the owner of the tables connects; for migrations alone.
    pub owner_url: Option<secrecy::SecretString>,
    pub limits: limits::Config,
    pub accounts: accounts::Config,
    pub catalog: catalog_cache::Config,
    /// By user: each role has its own, and an operator's commands theirs.
    pub buses: BTreeMap<String, BusConfig>,
    pub replicas: u8,
    pub clock: Clock,
    pub ingest: ingest::Config,
    pub enrich: enrich::Config,
    pub schedule: schedule::Config,
    pub notify: notify::Config,
    pub chat: chat::Config,
}

impl Config {
    /// Reads what the roles need. A role's password for NATS is asked of it alone.
    pub fn load(file: Option<&Path>, roles: &[Role]) -> Result<Self, Error> {
        let mut reader = Reader::load(file)?;
        let config = Self::read(&mut reader, roles);
        reader.finish()?;
        Ok(config)
    }

    /// Reads what a command needs that uses these sections alone, such as `postgres`.
    pub fn load_for(file: Option<&Path>, sections: &[&str]) -> Result<Self, Error> {
        let mut reader = Reader::load(file)?;
        let config = Self::read(&mut reader, &[]);
        reader.finish_for(sections)?;
        Ok(config)
    }

    /// Reads what is there, and says what is wrong with it.
    pub fn look(file: Option<&Path>) -> Result<(Self, Vec<Mistake>), Error> {
        let mut reader = Reader::load(file)?;
        let config = Self::read(&mut reader, &[]);
        Ok((config, reader.mistakes()))
    }

    pub fn read(reader: &mut Reader, roles: &[Role]) -> Self {
        let mut buses = BTreeMap::new();
        BusConfig::check_url(reader);
        for user in Role::ALL.map(Role::as_str).into_iter().chain([DEPLOY]) {
            let is_needed = roles.iter().any(|role| role.as_str() == user);
            if is_needed || reader.secret(&format!("nats.{user}_password")).is_some() {
                buses.insert(user.to_owned(), BusConfig::read(reader, user));
            }
        }
        let listen = reader.optional("http.listen").unwrap_or_else(|| "127.0.0.1:8080".into());
        if listen.rsplit_once(':').is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err()) {
            reader.mistake("http.listen", format!("{listen:?} is not a host and a port, such as 127.0.0.1:8080"));
        }
        let owner_url = reader.secret("postgres.owner_url");
        if let Some(url) = &owner_url {
            store::check_url(reader, "postgres.owner_url", url);
        }
        let replicas = reader.parse_or("nats.replicas", 1);
        if ![1, 3, 5].contains(&replicas) {
            reader.mistake("nats.replicas", format!("{replicas} is not 1, 3 or 5"));
        }
        Self {
            listen,
            telemetry: telemetry::Config::read(reader),
            store: store::Config::read(reader),
            owner_url,
            limits: limits::Config::read(reader),
            accounts: accounts::Config::read(reader),
            catalog: catalog_cache::Config::read(reader),
            buses,
            replicas,
            clock: read_clock(reader),
            ingest: ingest::Config::read(reader),
            enrich: enrich::Config::read(reader),
            schedule: schedule::Config::read(reader),
            notify: notify::Config::read(reader),
            chat: chat::Config::read(reader),
        }
    }
}

/// The system's clock, or a virtual one for a demonstration.
fn read_clock(reader: &mut Reader) -> Clock {
    let anchor: Option<String> = reader.optional("clock.anchor");
    let start: DateTime<Utc> = reader.parse_or("clock.start", DateTime::UNIX_EPOCH);
    let speed: f64 = reader.parse_or("clock.speed", 1.0);
    if !Clock::takes(speed) {
        reader.mistake("clock.speed", format!("{speed} is not above zero and at most a million"));
    }
    let Some(anchor) = anchor else {
        if start != DateTime::UNIX_EPOCH {
            reader.mistake("clock.start", "needs clock.anchor: the real time at which business time reads clock.start");
        }
        return Clock::system();
    };
    match anchor.parse() {
        Ok(anchor) if Clock::takes(speed) => Clock::virtual_from(start, anchor, speed),
        Ok(_) => Clock::system(),
        Err(error) => {
            reader.mistake("clock.anchor", format!("{anchor:?} is not a time: {error}"));
            Clock::system()
        }
    }
}
