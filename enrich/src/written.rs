//! What customers write back, in each vendor's form.

use anyhow::anyhow;
use chrono::{DateTime, Utc};
use domain::{Channel, E164};
use events::{Inbound, Source};
use serde::Deserialize;
use serde_json::Value;
use stage::Failure;
use tracing::warn;

/// What we read of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    /// The vendor's.
    pub(crate) id: String,
    pub(crate) channel: Channel,
    pub(crate) from: E164,
    pub(crate) body: String,
    /// By the vendor's clock, where it says so.
    pub(crate) written_at: Option<DateTime<Utc>>,
}

/// Everything that customers wrote. What comes from a number that nobody can write to answers nothing of ours, and is left out.
pub(crate) fn read(inbound: &Inbound) -> Result<Vec<Text>, Failure> {
    match inbound.source {
        Source::Twilio => twilio(inbound).map(|text| text.into_iter().collect()),
        Source::Whatsapp => whatsapp(inbound),
        other => Err(Failure::reject(anyhow!("nobody writes back by {other}"))),
    }
}

fn twilio(inbound: &Inbound) -> Result<Option<Text>, Failure> {
    let form: Vec<(String, String)> = serde_urlencoded::from_bytes(&inbound.body).map_err(Failure::reject)?;
    let field = |name: &str| {
        let found = form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        found.ok_or_else(|| Failure::reject(anyhow!("the reply has no {name}")))
    };
    let id = field("MessageSid")?;
    let Ok(from) = E164::parse(&field("From")?) else { return Ok(None) };
    let body = kept(&field("Body").unwrap_or_default());
    Ok(Some(Text { id, channel: Channel::Sms, from, body, written_at: None }))
}

#[derive(Debug, Deserialize)]
struct Webhook {
    #[serde(default)]
    entry: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(default)]
    changes: Vec<Change>,
}

#[derive(Debug, Deserialize)]
struct Change {
    #[serde(default)]
    value: Value,
}

/// To the number that the door is for. One that cannot be read does not keep the others from being heard.
fn whatsapp(inbound: &Inbound) -> Result<Vec<Text>, Failure> {
    let webhook: Webhook = serde_json::from_slice(&inbound.body).map_err(Failure::reject)?;
    let changes = webhook.entry.into_iter().flat_map(|entry| entry.changes);
    let ours = changes.filter(|change| inbound.is_of_number(change.value["metadata"]["phone_number_id"].as_str()));
    let messages: Vec<Value> =
        ours.flat_map(|change| change.value["messages"].as_array().cloned().unwrap_or_default()).collect();
    let texts = messages.iter().filter_map(|message| {
        let text = whatsapp_text(message);
        if text.is_none() {
            warn!("a message by WhatsApp cannot be read, or is nobody's; it stays in INBOUND");
        }
        text
    });
    Ok(texts.collect())
}

fn whatsapp_text(message: &Value) -> Option<Text> {
    // Such as that somebody has another number now.
    if message["type"] == "system" {
        return None;
    }
    let seconds = message["timestamp"].as_str().and_then(|at| at.parse().ok());
    Some(Text {
        id: message["id"].as_str()?.to_owned(),
        channel: Channel::Whatsapp,
        from: E164::parse(&format!("+{}", message["from"].as_str()?)).ok()?,
        body: kept(&whatsapp_words(message)),
        written_at: seconds.and_then(|at| DateTime::from_timestamp(at, 0)),
    })
}

/// The words of whatever it is: what has none is shown to the staff by its kind.
fn whatsapp_words(message: &Value) -> String {
    let kind = message["type"].as_str().unwrap_or("unknown");
    let content = &message[kind];
    let words = [
        &content["body"],
        &content["text"],
        &content["caption"],
        &content["emoji"],
        &content["button_reply"]["title"],
        &content["list_reply"]["title"],
    ];
    match words.into_iter().find_map(Value::as_str) {
        Some(words) => words.to_owned(),
        None => format!("[{kind}]"),
    }
}

/// Postgres has no room for this one character; a customer's words are not lost over it.
fn kept(words: &str) -> String {
    words.replace('\0', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbound(query: &str, body: &'static [u8]) -> Inbound {
        Inbound {
            tenant: domain::TenantId::new(uuid::Uuid::nil()),
            source: Source::Whatsapp,
            kind: events::InboundKind::Reply,
            key: String::new(),
            told_by: domain::ToldBy::Webhook,
            received_at: DateTime::UNIX_EPOCH,
            query: query.to_owned(),
            body: body.into(),
        }
    }

    #[test]
    fn whatsapp_brings_several_messages_of_many_kinds() {
        let body = br#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{
            "messaging_product":"whatsapp","metadata":{"phone_number_id":"7"},"messages":[
                {"from":"15125550142","id":"wamid.1","timestamp":"1795366014","type":"text","text":{"body":"STOP"}},
                {"from":"15125550142","id":"wamid.2","type":"button","button":{"text":"Yes, please","payload":"yes"}},
                {"from":"15125550142","id":"wamid.3","type":"image","image":{"id":"5","mime_type":"image/jpeg"}},
                {"from":"15125550142","id":"wamid.4","type":"interactive","interactive":{"type":"list_reply","list_reply":{"id":"a","title":"Tuesday"}}},
                {"from":"nobody","id":"wamid.5","type":"text","text":{"body":"hi"}},
                {"nonsense":true}]}}]}]}"#;
        let texts = whatsapp(&inbound("number=7", body)).unwrap();
        assert_eq!(whatsapp(&inbound("number=8", body)).unwrap(), [], "to another number of the same application");
        let words: Vec<_> = texts.iter().map(|text| text.body.as_str()).collect();
        assert_eq!(words, ["STOP", "Yes, please", "[image]", "Tuesday"]);
        assert_eq!(texts[0].from.as_str(), "+15125550142");
        assert_eq!(texts[0].written_at.map(|at| at.timestamp()), Some(1_795_366_014));
        assert!(whatsapp(&inbound("", b"[1]")).is_err());
        let odd = br#"{"entry":[{"changes":[{"value":5},{"value":{"messages":null}},{"value":{"metadata":{"phone_number_id":"7"},
            "messages":[{"from":"15125550142","id":"wamid.6","type":"text","text":{"body":"STOP"}}]}}]}]}"#;
        let texts = whatsapp(&inbound("number=7", odd)).unwrap();
        assert_eq!(texts.len(), 1, "what is odd beside it keeps nobody from being heard");
    }
}
