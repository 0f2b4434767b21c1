//! Streams and consumers as `nats/` declares them: applied with a diff that refuses to destroy, compared at every start.

use std::{fmt, time::Duration};

use events::Stream;
use serde_json::{Value, json};
use tokio::time::sleep;
use tracing::warn;

use crate::Bus;

macro_rules! files {
    ($($path:literal),* $(,)?) => { [$(include_str!(concat!("../../../nats/", $path))),*] };
}

const STREAMS: [&str; 6] = files![
    "streams/inbound.json",
    "streams/leads.json",
    "streams/messages.json",
    "streams/chat.json",
    "streams/chat-live.json",
    "streams/replay.json",
];

const CONSUMERS: [&str; 14] = files![
    "consumers/enrich.json",
    "consumers/enrich-replies.json",
    "consumers/enrich-appointments.json",
    "consumers/enrich-customers.json",
    "consumers/enrich-services.json",
    "consumers/enrich-forms.json",
    "consumers/enrich-unsubscribes.json",
    "consumers/notify-receipts.json",
    "consumers/schedule.json",
    "consumers/notify.json",
    "consumers/notify-awaited.json",
    "consumers/notify-alerts.json",
    "consumers/schedule-acknowledgements.json",
    "consumers/chat.json",
];

/// Below this, servers ignore settings they do not know, consumer filters among them.
const OLDEST_SERVER: (i64, i64, i64) = (2, 14, 0);

#[derive(Debug, thiserror::Error)]
pub enum DeclaredError {
    #[error("NATS does not answer the question about {0}; is it up, and may this user ask?")]
    NoAnswer(String, #[source] anyhow::Error),
    #[error("NATS refuses {0}: {1}")]
    Refused(String, String),
    #[error("{0}")]
    WouldDestroy(Change),
    #[error("nats-server {found} is too old: 2.14 is the oldest that keeps every setting we rely on")]
    OldServer { found: String },
}

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Declared {
    streams: Vec<Value>,
    consumers: Vec<Value>,
}

/// One setting that differs, as an operator reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// `stream INBOUND`, `consumer notify`.
    pub what: String,
    pub setting: String,
    pub is: Value,
    pub wanted: Value,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, setting, is, wanted } = self;
        match is {
            Value::Null if setting.is_empty() => write!(f, "{what} is missing"),
            _ => write!(f, "{what}: {setting} is {is}, wanted {wanted}"),
        }
    }
}

impl Declared {
    /// The files, with as many replicas as there are nodes to keep them.
    pub fn new(replicas: u8) -> Self {
        let parse = |text: &&str| serde_json::from_str::<Value>(text).unwrap_or_default();
        let mut streams: Vec<Value> = STREAMS.iter().map(parse).collect();
        for stream in &mut streams {
            stream["num_replicas"] = json!(replicas);
        }
        Self { streams, consumers: CONSUMERS.iter().map(parse).collect() }
    }

    /// With at most this ack wait, for tests that wait for redeliveries.
    #[must_use]
    pub fn with_ack_wait(mut self, ack_wait: std::time::Duration) -> Self {
        for consumer in &mut self.consumers {
            let most = u64::try_from(ack_wait.as_nanos()).unwrap_or(u64::MAX);
            let own = consumer["config"]["ack_wait"].as_u64().unwrap_or(most);
            consumer["config"]["ack_wait"] = json!(own.min(most));
        }
        self
    }

    /// What one consumer on the server has that is not as its file says.
    pub(crate) fn changes_of(durable: &str, found: &Value) -> Vec<Change> {
        let mut changes = Vec::new();
        let declared =
            Self::new(1).consumers.into_iter().find(|consumer| consumer["config"]["durable_name"] == durable);
        if let Some(consumer) = declared {
            compare(&format!("consumer {durable}"), Some(found), &consumer["config"], &mut changes);
        }
        changes
    }
}

impl Change {
    /// Whether a consumer that is so must not be worked from: it would skip messages, or give up on them by itself.
    pub(crate) fn skips_work(&self) -> bool {
        ["filter_subjects", "max_deliver", "ack_policy", "deliver_policy", "replay_policy"].contains(&&*self.setting)
    }
}

/// Says once, when a role has started, what its streams have that is not as declared. Replicas are the operator's choice.
pub async fn say_what_differs(bus: &Bus, streams: &[Stream]) {
    for stream in streams {
        let name = stream.name();
        let Some(wanted) = Declared::new(1).streams.into_iter().find(|declared| declared["name"] == name) else {
            continue;
        };
        let what = format!("stream {name}");
        let subject = format!("$JS.API.STREAM.INFO.{name}");
        let mut was_said = false;
        let found = loop {
            match ask(bus, &what, subject.clone(), &Value::Null).await {
                Ok(found) => break found,
                Err(error) if !was_said => {
                    warn!(error = service::telemetry::causes(&error), "{what} could not be compared yet");
                    was_said = true;
                }
                Err(_) => {}
            }
            sleep(Duration::from_secs(5)).await;
        };
        let mut changes = Vec::new();
        compare(&what, found.as_ref().map(|info| &info["config"]), &wanted, &mut changes);
        for change in changes.iter().filter(|change| change.setting != "num_replicas") {
            warn!("{change}; run: leads nats diff");
        }
    }
}

/// Refuses a server that would ignore what we ask of it.
pub fn check_server(bus: &Bus) -> Result<(), DeclaredError> {
    let client = bus.jetstream.client();
    let (major, minor, patch) = OLDEST_SERVER;
    if client.is_server_compatible(major, minor, patch) {
        return Ok(());
    }
    Err(DeclaredError::OldServer { found: client.server_info().version })
}

/// What the server has that is not as declared.
pub async fn diff(bus: &Bus, declared: &Declared) -> Result<Vec<Change>, DeclaredError> {
    let mut changes = Vec::new();
    for stream in &declared.streams {
        let name = name(stream, "name");
        let found = ask(bus, &format!("stream {name}"), format!("$JS.API.STREAM.INFO.{name}"), &Value::Null).await?;
        compare(&format!("stream {name}"), found.as_ref().map(|info| &info["config"]), stream, &mut changes);
    }
    for consumer in &declared.consumers {
        let (stream, durable) = (name(consumer, "stream_name"), name(&consumer["config"], "durable_name"));
        let what = format!("consumer {durable}");
        let found = ask(bus, &what, format!("$JS.API.CONSUMER.INFO.{stream}.{durable}"), &Value::Null).await?;
        compare(&what, found.as_ref().map(|info| &info["config"]), &consumer["config"], &mut changes);
    }
    Ok(changes)
}

/// How many messages consumers still have to do, or to ack; a consumer that is missing counts as one. What waits in Postgres for
/// its time is not among them.
pub async fn count_unsettled(bus: &Bus) -> Result<u64, DeclaredError> {
    let mut left = 0;
    for consumer in &Declared::new(1).consumers {
        let (stream, durable) = (name(consumer, "stream_name"), name(&consumer["config"], "durable_name"));
        let what = format!("consumer {durable}");
        let info = ask(bus, &what, format!("$JS.API.CONSUMER.INFO.{stream}.{durable}"), &Value::Null).await?;
        let count = |key| info.as_ref().and_then(|info| info[key].as_u64());
        left += count("num_pending").unwrap_or(1) + count("num_ack_pending").unwrap_or_default();
    }
    Ok(left)
}

/// Creates what is missing and changes what differs. Refuses, before anything is touched, whatever could lose a message
/// that is stored: another retention, fewer subjects, a smaller limit.
pub async fn apply(bus: &Bus, declared: &Declared) -> Result<Vec<Change>, DeclaredError> {
    let changes = diff(bus, declared).await?;
    if let Some(change) = changes.iter().find(|change| destroys(change)) {
        return Err(DeclaredError::WouldDestroy(change.clone()));
    }
    for stream in &declared.streams {
        let name = name(stream, "name");
        let what = format!("stream {name}");
        if let Some(change) = changes.iter().find(|change| change.what == what) {
            let verb = if change.setting.is_empty() { "CREATE" } else { "UPDATE" };
            ask(bus, &what, format!("$JS.API.STREAM.{verb}.{name}"), stream).await?;
        }
    }
    for consumer in &declared.consumers {
        let (stream, durable) = (name(consumer, "stream_name"), name(&consumer["config"], "durable_name"));
        let what = format!("consumer {durable}");
        if changes.iter().any(|change| change.what == what) {
            ask(bus, &what, format!("$JS.API.CONSUMER.CREATE.{stream}.{durable}"), consumer).await?;
        }
    }
    Ok(changes)
}

fn name(declared: &Value, key: &str) -> String {
    declared[key].as_str().unwrap_or_default().to_owned()
}

/// `None`: there is no such stream or consumer.
async fn ask(bus: &Bus, what: &str, subject: String, body: &Value) -> Result<Option<Value>, DeclaredError> {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let answer =
        bus.ask(subject, body.into()).await.map_err(|error| DeclaredError::NoAnswer(what.to_owned(), error))?;
    match answer["error"]["err_code"].as_u64() {
        None => Ok(Some(answer)),
        // Stream not found, consumer not found.
        Some(10059 | 10014) => Ok(None),
        Some(_) => {
            let reason = answer["error"]["description"].as_str().unwrap_or("no reason given");
            Err(DeclaredError::Refused(what.to_owned(), reason.to_owned()))
        }
    }
}

fn compare(what: &str, found: Option<&Value>, wanted: &Value, changes: &mut Vec<Change>) {
    let change = |setting: &str, is: Value, wanted: &Value| Change {
        what: what.to_owned(),
        setting: setting.to_owned(),
        is,
        wanted: wanted.clone(),
    };
    let Some(found) = found else {
        changes.push(change("", Value::Null, wanted));
        return;
    };
    for (setting, value) in wanted.as_object().into_iter().flatten() {
        let is = &found[setting];
        // A server leaves out what is false, zero or empty, and shows a single filter under its old name.
        let same = is == value
            || (is.is_null() && [json!(false), json!(0), json!("")].contains(value))
            || (setting == "filter_subjects" && json!([found["filter_subject"]]) == *value);
        if !same {
            changes.push(change(setting, is.clone(), value));
        }
    }
}

fn destroys(change: &Change) -> bool {
    match change.setting.as_str() {
        "retention" | "storage" | "name" => true,
        "max_bytes" | "max_age" | "max_msg_size" => match (change.is.as_i64(), change.wanted.as_i64()) {
            // Zero and below mean: no limit.
            (Some(is), Some(wanted)) => wanted > 0 && (is <= 0 || wanted < is),
            _ => true,
        },
        "subjects" => {
            let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
            let wanted = list(&change.wanted);
            list(&change.is).iter().any(|subject| !wanted.contains(subject))
        }
        // What the live log drops is in Postgres.
        "discard" => change.wanted == "old" && change.what != "stream CHAT_LIVE",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(setting: &str, is: Value, wanted: Value) -> Change {
        Change { what: "stream INBOUND".into(), setting: setting.into(), is, wanted }
    }

    #[test]
    fn whatever_could_lose_a_stored_message_is_refused() {
        for (setting, is, wanted) in [
            ("retention", json!("limits"), json!("workqueue")),
            ("max_bytes", json!(100), json!(99)),
            ("max_bytes", json!(-1), json!(99)),
            ("max_age", json!(0), json!(5)),
            ("subjects", json!(["a.>", "b.>"]), json!(["a.>"])),
            ("discard", json!("new"), json!("old")),
        ] {
            assert!(destroys(&change(setting, is, wanted)), "{setting}");
        }
        for (setting, is, wanted) in [
            ("max_bytes", json!(99), json!(100)),
            ("max_age", json!(5), json!(0)),
            ("subjects", json!(["a.>"]), json!(["a.>", "b.>"])),
            ("num_replicas", json!(1), json!(3)),
        ] {
            assert!(!destroys(&change(setting, is, wanted)), "{setting}");
        }
    }

    #[test]
    fn every_declared_file_is_json_and_every_consumer_filters_a_declared_stream() {
        let declared = Declared::new(1);
        assert!(declared.streams.iter().all(|stream| stream["name"].is_string()));
        for consumer in &declared.consumers {
            assert!(declared.streams.iter().any(|stream| stream["name"] == consumer["stream_name"]), "{consumer}");
            assert!(consumer["config"]["filter_subjects"].is_array(), "{consumer}");
        }
    }
}
