//! WhatsApp: what customers write, and what became of messages, several of both in one request.

use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
};
use events::{InboundKind, Source};
use ring::digest::{SHA256, digest};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::Value;
use service::{Code, Problem};

use crate::{
    App,
    app::{Verified, refuse},
    door::{Body, Token},
    signature::meta,
};

const SOURCE: Source = Source::Whatsapp;

/// What the vendor asks when somebody writes down the address.
#[derive(Deserialize)]
pub(crate) struct Question {
    #[serde(rename = "hub.mode")]
    mode: Option<String>,
    #[serde(rename = "hub.verify_token")]
    verify_token: Option<String>,
    #[serde(rename = "hub.challenge")]
    challenge: Option<String>,
}

#[derive(Deserialize)]
struct Webhook {
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    #[serde(default)]
    value: Value,
}

/// `GET /webhooks/whatsapp/{token}?hub.mode=subscribe&hub.verify_token=…&hub.challenge=…`: the challenge, if they name the address's
/// last part, which nobody else knows.
pub(crate) async fn prove(
    State(app): State<App>,
    Token(token): Token,
    Query(question): Query<Question>,
) -> Result<String, Problem> {
    app.0.doors.open(SOURCE, &token).await?;
    let is_asked = question.mode.as_deref() == Some("subscribe");
    if !is_asked || question.verify_token.as_deref() != Some(token.as_str()) {
        return Err(refuse(
            SOURCE,
            Problem::new(Code::BadSignature, "The verify token is the last part of the address."),
        ));
    }
    Ok(question.challenge.unwrap_or_default())
}

/// `POST /webhooks/whatsapp/{token}`
pub(crate) async fn told(
    State(app): State<App>,
    Token(token): Token,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let door = app.0.doors.open(SOURCE, &token).await?;
    let body = body.whole(SOURCE)?;
    let is_signed = |secret: &str| meta::verify(&headers, &body, of_number(secret).1);
    let tenant = app.0.doors.verify(SOURCE, &token, &door, is_signed).await?;
    // As it is now: it may have been looked up anew.
    let door = app.0.doors.open(SOURCE, &token).await?;
    let (number, _) = of_number(door.secret.expose_secret());
    let webhook: Webhook = serde_json::from_slice(&body)
        .map_err(|_| refuse(SOURCE, Problem::new(Code::NotReadable, "The body is no webhook of WhatsApp's.")))?;
    let key = hex::encode(&digest(&SHA256, &body).as_ref()[..16]);
    // Whole for each who reads some of it. What the vendor sends again after one of the two is kept twice by neither.
    let query = format!("number={number}");
    for kind in kinds(&webhook, number) {
        let (key, query, body) = (key.clone(), query.clone(), body.clone());
        app.store(Verified { tenant, source: SOURCE, kind, key, query, body }).await?;
    }
    Ok(StatusCode::OK)
}

/// What a door is kept with: the application's secret, and which of its numbers the door is for.
pub fn secret(phone_number_id: &str, app_secret: &str) -> String {
    format!("{phone_number_id}:{app_secret}")
}

/// A door's secret has the number it is for before the application's: one application may have several.
fn of_number(secret: &str) -> (&str, &str) {
    secret.split_once(':').unwrap_or(("", secret))
}

fn kinds(webhook: &Webhook, number: &str) -> Vec<InboundKind> {
    let is_ours = |change: &&Change| change.value["metadata"]["phone_number_id"] == number;
    let has = |what: &str| {
        let mut changes = webhook.entry.iter().flat_map(|entry| &entry.changes).filter(is_ours);
        changes.any(|change| change.value[what].as_array().is_some_and(|all| !all.is_empty()))
    };
    let found = [(InboundKind::Reply, "messages"), (InboundKind::Receipt, "statuses")];
    let kinds: Vec<_> = found.into_iter().filter(|(_, what)| has(what)).map(|(kind, _)| kind).collect();
    // Of the account, its templates and its other numbers: kept, and read by nobody.
    if kinds.is_empty() { vec![InboundKind::Other] } else { kinds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_may_be_for_two_readers() {
        let kinds_of = |value: &str| {
            let body =
                format!(r#"{{"object":"whatsapp_business_account","entry":[{{"changes":[{{"value":{value}}}]}}]}}"#);
            kinds(&serde_json::from_str(&body).unwrap(), "7")
        };
        let ours = r#""metadata":{"phone_number_id":"7"}"#;
        let both = format!(r#"{{{ours},"messages":[{{}}],"statuses":[{{}}]}}"#);
        assert_eq!(kinds_of(&both), [InboundKind::Reply, InboundKind::Receipt]);
        assert_eq!(kinds_of(&both.replace('7', "8")), [InboundKind::Other], "another number's");
        assert_eq!(kinds_of(&format!(r#"{{{ours},"statuses":[{{}}],"messages":[]}}"#)), [InboundKind::Receipt]);
        assert_eq!(kinds_of(r#"{"event":"APPROVED"}"#), [InboundKind::Other]);
        assert_eq!(kinds_of("null"), [InboundKind::Other]);
    }
}
