//! `mail/send`, and the logs that say what became of it.

use std::{sync::Arc, sync::PoisonError, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{ConnectInfo, Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::Utc;
use serde_json::{Value, json};

use super::{API_KEY, Mail, webhook};
use crate::{
    Event, FaultKind, Vendor,
    connection::Cut,
    faults::{after, before},
    world::World,
};

pub fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/v3/mail/send", post(send))
        .route("/v3/scopes", get(scopes))
        .route("/v3/logs", post(logs))
        .route("/v3/logs/{id}", get(log))
}

fn refuse(world: &World, status: StatusCode, field: Option<&str>, message: &str) -> Response {
    world.journal.write(Event::Refused { vendor: "sendgrid".into(), why: message.into() });
    (status, Json(json!({"errors": [{"message": message, "field": field, "help": null}]}))).into_response()
}

fn may_enter(world: &World, headers: &HeaderMap) -> Result<(), Response> {
    let given = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if given == format!("Bearer {API_KEY}") {
        return Ok(());
    }
    Err(refuse(
        world,
        StatusCode::UNAUTHORIZED,
        None,
        "The provided authorization grant is invalid, expired, or revoked",
    ))
}

async fn scopes(State(world): State<Arc<World>>, headers: HeaderMap) -> Response {
    if let Err(refused) = may_enter(&world, &headers) {
        return refused;
    }
    Json(json!({"scopes": ["mail.send"]})).into_response()
}

async fn send(
    State(world): State<Arc<World>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = world.faults.meet(Vendor::Sendgrid);
    if let Some(answer) = before(fault, &cut).await {
        world.journal.write(Event::Refused { vendor: "sendgrid".into(), why: format!("{fault:?}") });
        return answer;
    }
    if let Err(refused) = may_enter(&world, &headers) {
        return refused;
    }
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return refuse(&world, StatusCode::BAD_REQUEST, None, "Bad Request");
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let person = &request["personalizations"][0];
    let to = text(&person["to"][0]["email"]);
    for (field, missing) in [
        ("from.email", text(&request["from"]["email"]).is_empty()),
        ("personalizations.0.to", to.is_empty()),
        ("subject", text(&request["subject"]).is_empty()),
        ("content", request["content"][0]["type"] != "text/plain"),
        ("content.1", request["content"][1].is_object() && request["content"][1]["type"] != "text/html"),
        ("custom_args", request["custom_args"].is_object()),
        ("attachments", attachment(&request).is_err()),
    ] {
        if missing {
            return refuse(
                &world,
                StatusCode::BAD_REQUEST,
                Some(field),
                "The request is missing a field or has a bad one",
            );
        }
    }
    #[expect(clippy::disallowed_methods, reason = "a vendor has its own clock")]
    let created_at = Utc::now();
    let mail = Mail {
        id: uuid::Uuid::new_v4().simple().to_string()[..22].to_owned(),
        to,
        subject: text(&request["subject"]),
        body: format!("{}{}", text(&request["content"][0]["value"]), way_out(&request["tracking_settings"])),
        attempt: person["custom_args"]["attempt_id"].as_str().map(str::to_owned),
        one_click: one_click(&request["headers"]),
        created_at,
    };
    if let Ok(Some(file)) = attachment(&request) {
        let mut newest = world.sendgrid.files.lock().unwrap_or_else(PoisonError::into_inner);
        newest.insert(mail.to.clone(), file);
    }
    if let Some(html) = request["content"][1]["value"].as_str() {
        let mut newest = world.sendgrid.html.lock().unwrap_or_else(PoisonError::into_inner);
        newest.insert(mail.to.clone(), html.to_owned());
    }
    world.sendgrid.mails.lock().unwrap_or_else(PoisonError::into_inner).push(mail.clone());
    let Mail { id, to, subject, body, attempt, .. } = mail.clone();
    world.journal.write(Event::Email { id: id.clone(), to, subject, body, attempt });
    if fault != Some(FaultKind::LoseReceipts) {
        let late = match fault {
            Some(FaultKind::LateReceipts { ms }) => Duration::from_millis(ms),
            _ => world.settings.receipt_delay,
        };
        tokio::spawn(webhook::report(world.clone(), mail, late, fault == Some(FaultKind::Undelivered)));
    }
    let headers = [
        ("x-message-id", id),
        ("x-ratelimit-limit", "10000".into()),
        ("x-ratelimit-remaining", "9999".into()),
        ("x-ratelimit-reset", (created_at.timestamp() + 1).to_string()),
    ];
    after(fault, &cut, (StatusCode::ACCEPTED, headers).into_response())
}

/// The file beside it, as its reader opens it. `Err`: not as the vendor takes files.
fn attachment(request: &Value) -> Result<Option<(String, String)>, ()> {
    let file = match &request["attachments"] {
        Value::Null => return Ok(None),
        files => &files[0],
    };
    let (name, content) = (file["filename"].as_str().ok_or(())?, file["content"].as_str().ok_or(())?);
    let content = STANDARD.decode(content).map_err(drop)?;
    Ok(Some((name.to_owned(), String::from_utf8(content).map_err(drop)?)))
}

/// As mailboxes read it: one address over HTTPS or HTTP, and the word that one press is enough (RFC 8058).
fn one_click(headers: &Value) -> Option<String> {
    if headers["List-Unsubscribe-Post"] != "List-Unsubscribe=One-Click" {
        return None;
    }
    let list = headers["List-Unsubscribe"].as_str()?;
    let addresses = list.split(',').filter_map(|part| part.trim().strip_prefix('<')?.strip_suffix('>'));
    addresses.filter(|address| address.starts_with("http")).map(str::to_owned).next()
}

/// What is put below an email when its sender wants a link to unsubscribe.
fn way_out(tracking: &Value) -> String {
    let subscription = &tracking["subscription_tracking"];
    match subscription["text"].as_str() {
        Some(text) if subscription["enable"] == true => {
            format!("\n\n{}", text.replace("<% %>", "https://u.sendgrid.example/unsubscribe"))
        }
        _ => String::new(),
    }
}

/// Understands the one query we ask: by recipient, newer than a time.
async fn logs(State(world): State<Arc<World>>, headers: HeaderMap, Json(request): Json<Value>) -> Response {
    if let Err(refused) = may_enter(&world, &headers) {
        return refused;
    }
    world.journal.write(Event::LookedUp { vendor: "sendgrid".into() });
    let query = request["query"].as_str().unwrap_or_default();
    let between = |start: &str, end: &str| Some(query.split_once(start)?.1.split_once(end)?.0.to_owned());
    let (Some(to), Some(since)) = (between("to_email = '", "'"), between("TIMESTAMP \"", "\"")) else {
        return refuse(&world, StatusCode::BAD_REQUEST, Some("query"), "invalid query");
    };
    let since = chrono::DateTime::parse_from_rfc3339(&since).map(|at| at.to_utc()).unwrap_or_default();
    let mails = world.sendgrid.mails.lock().unwrap_or_else(PoisonError::into_inner);
    let found: Vec<_> = mails
        .iter()
        .filter(|mail| mail.to == to && mail.created_at > since)
        .map(|mail| json!({"sg_message_id": format!("{}.recvd-sim-1", mail.id), "status": "delivered", "to_email": mail.to}))
        .collect();
    Json(json!({"messages": found})).into_response()
}

async fn log(State(world): State<Arc<World>>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    if let Err(refused) = may_enter(&world, &headers) {
        return refused;
    }
    let id = id.split('.').next().unwrap_or_default();
    let mails = world.sendgrid.mails.lock().unwrap_or_else(PoisonError::into_inner);
    match mails.iter().find(|mail| mail.id == id) {
        Some(mail) => Json(json!({
            "sg_message_id": format!("{}.recvd-sim-1", mail.id), "to_email": mail.to, "subject": mail.subject,
            "custom_args": {"attempt_id": mail.attempt}
        }))
        .into_response(),
        None => refuse(&world, StatusCode::NOT_FOUND, None, "not found"),
    }
}
