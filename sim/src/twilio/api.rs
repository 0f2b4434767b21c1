//! `Messages.json`: create, list, fetch.

use std::{collections::HashMap, sync::Arc, sync::PoisonError, time::Duration};

use axum::{
    Form, Json, Router,
    extract::{ConnectInfo, Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use super::{ACCOUNT_SID, AUTH_TOKEN, FROM, MESSAGING_SERVICE_SID, Message, callbacks};
use crate::{
    Event, FaultKind, Vendor,
    connection::Cut,
    faults::{after, before},
    world::World,
};

const LONGEST_BODY: usize = 1_600;

pub fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/2010-04-01/Accounts/{file}", get(account))
        .route("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json", get(numbers))
        .route("/2010-04-01/Accounts/{account}/Messages.json", get(list).post(create))
        .route("/2010-04-01/Accounts/{account}/Messages/{file}", get(fetch))
}

fn refuse(world: &World, status: StatusCode, code: u32, message: &str) -> Response {
    world.journal.write(Event::Refused { vendor: "twilio".into(), why: code.to_string() });
    let more = format!("https://www.twilio.com/docs/errors/{code}");
    let body = json!({"code": code, "message": message, "more_info": more, "status": status.as_u16()});
    (status, Json(body)).into_response()
}

fn may_enter(world: &World, account: &str, headers: &HeaderMap) -> Result<(), Response> {
    let wanted = format!("Basic {}", STANDARD.encode(format!("{ACCOUNT_SID}:{AUTH_TOKEN}")));
    let given = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if given == wanted && account == ACCOUNT_SID {
        return Ok(());
    }
    Err(refuse(world, StatusCode::UNAUTHORIZED, 20003, "Authenticate"))
}

async fn account(State(world): State<Arc<World>>, Path(file): Path<String>, headers: HeaderMap) -> Response {
    let account = file.trim_end_matches(".json");
    if let Err(refused) = may_enter(&world, account, &headers) {
        return refused;
    }
    Json(json!({"sid": account, "friendly_name": "Sample Tint", "status": "active", "type": "Full"})).into_response()
}

async fn numbers(State(world): State<Arc<World>>, Path(account): Path<String>, headers: HeaderMap) -> Response {
    if let Err(refused) = may_enter(&world, &account, &headers) {
        return refused;
    }
    let number = json!({"sid": "PN1", "phone_number": FROM, "capabilities": {"voice": true, "sms": true, "mms": true, "fax": false}});
    Json(json!({"incoming_phone_numbers": [number], "page": 0, "page_size": 100, "next_page_uri": null}))
        .into_response()
}

async fn create(
    State(world): State<Arc<World>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    Path(account): Path<String>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let fault = world.faults.meet(Vendor::Twilio);
    if let Some(answer) = before(fault, &cut).await {
        world.journal.write(Event::Refused { vendor: "twilio".into(), why: format!("{fault:?}") });
        return answer;
    }
    if let Err(refused) = may_enter(&world, &account, &headers) {
        return refused;
    }
    let field = |name: &str| form.get(name).cloned().unwrap_or_default();
    let (to, body, callback) = (field("To"), field("Body"), field("StatusCallback"));
    if let Some((code, message)) = world.twilio.objection(&to, &body, &field("MessagingServiceSid")) {
        return refuse(&world, StatusCode::BAD_REQUEST, code, message);
    }
    #[expect(clippy::disallowed_methods, reason = "a vendor has its own clock")]
    let created_at = Utc::now();
    let sid = format!("SM{}", uuid::Uuid::new_v4().simple());
    // Nobody's telephone ever shows one that is thrown away.
    let is_expired = fault == Some(FaultKind::Expired);
    let status = if is_expired { "failed" } else { "accepted" }.to_owned();
    let message = Message { sid: sid.clone(), to: to.clone(), body: body.clone(), status, created_at };
    let answer = (StatusCode::CREATED, Json(shown(&message))).into_response();
    world.twilio.messages.lock().unwrap_or_else(PoisonError::into_inner).push(message);
    let attempt = callback.split_once("attempt=").map(|(_, id)| id.split('&').next().unwrap_or(id).to_owned());
    world.journal.write(if is_expired {
        Event::Refused { vendor: "twilio".into(), why: "expired".into() }
    } else {
        Event::Text { sid: sid.clone(), to: to.clone(), body, attempt }
    });
    if !callback.is_empty() && fault != Some(FaultKind::LoseReceipts) {
        let late = match fault {
            Some(FaultKind::LateReceipts { ms }) => Duration::from_millis(ms),
            _ => world.settings.receipt_delay,
        };
        let statuses = callbacks::statuses(fault);
        tokio::spawn(callbacks::report(world.clone(), callback, (sid, to), late, statuses));
    }
    after(fault, &cut, answer)
}

impl super::Twilio {
    fn objection(&self, to: &str, body: &str, service: &str) -> Option<(u32, &'static str)> {
        let dialable = to.starts_with('+') && to.len() >= 11 && to[1..].bytes().all(|byte| byte.is_ascii_digit());
        Some(match (to, body) {
            // The vendor's own magic numbers.
            ("+15005550001", _) => (21211, "Invalid 'To' Phone Number"),
            ("+15005550002", _) => (21612, "The 'To' number is not reachable"),
            ("+15005550003", _) => (21408, "Permission to send to this region is not enabled"),
            ("+15005550004", _) => (21610, "Attempt to send to unsubscribed recipient"),
            ("+15005550009", _) => (21614, "'To' number is not a valid mobile number"),
            _ if !dialable => (21211, "Invalid 'To' Phone Number"),
            _ if service.is_empty() => (21603, "A 'From' number is required"),
            _ if service != MESSAGING_SERVICE_SID => (21705, "Messaging Service is not valid"),
            (_, "") => (21602, "Message body is required"),
            _ if body.chars().count() > LONGEST_BODY => (21617, "Message body exceeds the 1600 character limit"),
            _ if self.blocked.lock().unwrap_or_else(PoisonError::into_inner).contains(to) => {
                (21610, "Attempt to send to unsubscribed recipient")
            }
            _ => return None,
        })
    }
}

fn shown(message: &Message) -> Value {
    let date = message.created_at.to_rfc2822();
    json!({
        "account_sid": ACCOUNT_SID, "api_version": "2010-04-01", "body": message.body, "date_created": date,
        "date_sent": null, "date_updated": date, "direction": "outbound-api", "error_code": null, "error_message": null,
        "from": null, "messaging_service_sid": MESSAGING_SERVICE_SID, "num_media": "0", "num_segments": "0",
        "price": null, "price_unit": null, "sid": message.sid, "status": message.status, "to": message.to,
        "uri": format!("/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{}.json", message.sid)
    })
}

/// Newest first; what was taken a moment ago may not be there yet.
async fn list(
    State(world): State<Arc<World>>,
    Path(account): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    if let Err(refused) = may_enter(&world, &account, &headers) {
        return refused;
    }
    world.journal.write(Event::LookedUp { vendor: "twilio".into() });
    #[expect(clippy::disallowed_methods, reason = "a vendor has its own clock")]
    let visible = Utc::now() - TimeDelta::from_std(world.settings.list_lag).unwrap_or_default();
    let number = |name: &str, default: usize| query.get(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (size, page) = (number("PageSize", 50).clamp(1, 1_000), number("Page", 0));
    let messages = world.twilio.messages.lock().unwrap_or_else(PoisonError::into_inner);
    let wanted =
        |message: &&Message| message.created_at <= visible && query.get("To").is_none_or(|to| *to == message.to);
    let all: Vec<_> = messages.iter().rev().filter(wanted).collect();
    let shown: Vec<_> = all.iter().skip(page * size).take(size).map(|message| shown(message)).collect();
    let path = format!("/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json");
    let next = ((page + 1) * size < all.len()).then(|| {
        let to = query.get("To").map(|to| format!("&To={}", to.replace('+', "%2B"))).unwrap_or_default();
        format!("{path}?PageSize={size}&Page={}{to}", page + 1)
    });
    Json(json!({"messages": shown, "page": page, "page_size": size, "uri": path, "next_page_uri": next}))
        .into_response()
}

async fn fetch(
    State(world): State<Arc<World>>,
    Path((account, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Err(refused) = may_enter(&world, &account, &headers) {
        return refused;
    }
    let sid = file.trim_end_matches(".json");
    let messages = world.twilio.messages.lock().unwrap_or_else(PoisonError::into_inner);
    match messages.iter().find(|message| message.sid == sid) {
        Some(message) => Json(shown(message)).into_response(),
        None => refuse(&world, StatusCode::NOT_FOUND, 20404, "The requested resource was not found"),
    }
}
