//! WhatsApp's Cloud API: approved templates, texts within a day of the customer's last message, statuses, and customers who write.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{ConnectInfo, Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    Event, FaultKind, Vendor,
    connection::Cut,
    faults::{after, before},
    world::World,
};

pub const PHONE_NUMBER_ID: &str = "100000000000001";
pub const ACCESS_TOKEN: &str = "example-whatsapp-token";
pub const APP_SECRET: &str = "example-whatsapp-app-secret";
/// Nobody with this number has WhatsApp.
pub const UNREACHABLE: &str = "+15005550009";

#[derive(Debug, Default)]
pub struct Whatsapp {
    webhook_url: Mutex<Option<String>>,
    /// By name and code of the language: words with `{{1}}` in them.
    approved: Mutex<HashMap<(String, String), String>>,
    /// When each customer last wrote.
    heard: Mutex<HashMap<String, DateTime<Utc>>>,
    /// Recipient and words.
    taken: Mutex<Vec<(String, String)>>,
}

/// How a request is refused.
struct Refusal(StatusCode, u32, &'static str);

impl Whatsapp {
    /// Where statuses and customers' messages are posted to.
    pub fn set_webhook_url(&self, url: String) {
        *self.webhook_url.lock().unwrap_or_else(PoisonError::into_inner) = Some(url);
    }

    /// The vendor approves a template.
    pub fn approve(&self, name: &str, language_code: &str, words: &str) {
        let key = (name.to_owned(), language_code.to_owned());
        self.approved.lock().unwrap_or_else(PoisonError::into_inner).insert(key, words.to_owned());
    }

    /// How often each message (recipient and words) was taken; more than once is what must never happen.
    pub fn repeated_messages(&self) -> Vec<(String, String)> {
        let mut seen = HashSet::new();
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.iter().filter(|message| !seen.insert(*message)).cloned().collect()
    }

    /// What the recipient reads, or why nobody does.
    fn words(&self, message: &Value) -> Result<(String, Option<String>), Refusal> {
        let missing = Refusal(StatusCode::BAD_REQUEST, 131_008, "Required parameter is missing");
        let to = message["to"].as_str().unwrap_or_default();
        let is_number = to.len() >= 10 && to.bytes().all(|byte| byte.is_ascii_digit());
        if message["messaging_product"] != "whatsapp" || message["recipient_type"] != "individual" || !is_number {
            return Err(missing);
        }
        match message["type"].as_str() {
            Some("text") => {
                let text = message["text"]["body"].as_str().filter(|text| !text.is_empty()).ok_or(missing)?;
                let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner).get(&format!("+{to}")).copied();
                if heard.is_none_or(|at| at + TimeDelta::hours(24) < now()) {
                    return Err(Refusal(StatusCode::BAD_REQUEST, 131_047, "Re-engagement message"));
                }
                Ok((text.to_owned(), None))
            }
            Some("template") => {
                let template = &message["template"];
                let name = template["name"].as_str().unwrap_or_default();
                let code = template["language"]["code"].as_str().unwrap_or_default();
                let approved = self.approved.lock().unwrap_or_else(PoisonError::into_inner);
                let words = approved.get(&(name.to_owned(), code.to_owned()));
                let unknown =
                    Refusal(StatusCode::NOT_FOUND, 132_001, "Template name does not exist in the translation");
                Ok((fill(words.ok_or(unknown)?, template)?, Some(name.to_owned())))
            }
            _ => Err(Refusal(StatusCode::BAD_REQUEST, 100, "Invalid parameter")),
        }
    }
}

fn fill(words: &str, template: &Value) -> Result<String, Refusal> {
    let mismatch = Refusal(StatusCode::BAD_REQUEST, 132_000, "Number of parameters does not match");
    let parameters: Vec<_> = template["components"].as_array().map_or_else(Vec::new, |components| {
        let bodies = components.iter().filter(|component| component["type"] == "body");
        bodies.flat_map(|body| body["parameters"].as_array().cloned().unwrap_or_default()).collect()
    });
    let mut filled = words.to_owned();
    for (index, parameter) in parameters.iter().enumerate() {
        let place = format!("{{{{{}}}}}", index + 1);
        let text = parameter["text"].as_str().filter(|text| !text.is_empty() && !text.contains('\n'));
        let text = text.filter(|_| filled.contains(&place));
        filled = filled.replace(&place, text.ok_or(Refusal(mismatch.0, mismatch.1, mismatch.2))?);
    }
    if filled.contains("{{") { Err(mismatch) } else { Ok(filled) }
}

pub fn router() -> Router<Arc<World>> {
    Router::new().route("/v23.0/{number}", get(number)).route("/v23.0/{number}/messages", post(send))
}

fn refuse(world: &World, Refusal(status, code, message): Refusal) -> Response {
    world.journal.write(Event::Refused { vendor: "whatsapp".into(), why: code.to_string() });
    let error = json!({"message": format!("(#{code}) {message}"), "type": "OAuthException", "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": message}, "fbtrace_id": "A1"});
    (status, Json(json!({ "error": error }))).into_response()
}

fn may_enter(number: &str, headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.get("authorization").is_none_or(|given| given != format!("Bearer {ACCESS_TOKEN}").as_str()) {
        return Err(Refusal(StatusCode::UNAUTHORIZED, 190, "Invalid OAuth access token"));
    }
    if number == PHONE_NUMBER_ID { Ok(()) } else { Err(Refusal(StatusCode::BAD_REQUEST, 100, "Unsupported request")) }
}

async fn number(
    State(world): State<Arc<World>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    Path(number): Path<String>,
    headers: HeaderMap,
) -> Response {
    // A vendor that is away is away for questions, too.
    if let Some(answer) = before(world.faults.meet(Vendor::Whatsapp), &cut).await {
        return answer;
    }
    if let Err(refusal) = may_enter(&number, &headers) {
        return refuse(&world, refusal);
    }
    Json(json!({"id": number, "verified_name": "Sample Tint", "display_phone_number": "+1 512-555-0101", "quality_rating": "GREEN"}))
        .into_response()
}

async fn send(
    State(world): State<Arc<World>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    Path(number): Path<String>,
    headers: HeaderMap,
    Json(message): Json<Value>,
) -> Response {
    let fault = world.faults.meet(Vendor::Whatsapp);
    if let Some(FaultKind::TooMany { .. }) = fault {
        return refuse(&world, Refusal(StatusCode::TOO_MANY_REQUESTS, 130_429, "Rate limit hit"));
    }
    if let Some(answer) = before(fault, &cut).await {
        world.journal.write(Event::Refused { vendor: "whatsapp".into(), why: format!("{fault:?}") });
        return answer;
    }
    let written = may_enter(&number, &headers).and_then(|()| world.whatsapp.words(&message));
    let (body, template) = match written {
        Ok(written) => written,
        Err(refusal) => return refuse(&world, refusal),
    };
    let wa_id = message["to"].as_str().unwrap_or_default().to_owned();
    let to = format!("+{wa_id}");
    let id = format!("wamid.{}", uuid::Uuid::new_v4().simple());
    let answer = json!({"messaging_product": "whatsapp", "contacts": [{"input": wa_id, "wa_id": wa_id}],
        "messages": [{"id": id, "message_status": "accepted"}]});
    let is_undelivered = fault == Some(FaultKind::Undelivered) || to == UNREACHABLE;
    if is_undelivered {
        world.journal.write(Event::Refused { vendor: "whatsapp".into(), why: "undelivered".into() });
    } else {
        world.whatsapp.taken.lock().unwrap_or_else(PoisonError::into_inner).push((to.clone(), body.clone()));
        world.journal.write(Event::Whatsapp { id: id.clone(), to, body, template });
    }
    if fault != Some(FaultKind::LoseReceipts) {
        let late = match fault {
            Some(FaultKind::LateReceipts { ms }) => Duration::from_millis(ms),
            _ => world.settings.receipt_delay,
        };
        tokio::spawn(report(world.clone(), (id, wa_id), late, is_undelivered));
    }
    after(fault, &cut, Json(answer).into_response())
}

/// What becomes of it; the end comes twice, and once more in one webhook with what came before it.
async fn report(world: Arc<World>, (id, wa_id): (String, String), late: Duration, is_undelivered: bool) {
    let status = |word: &str| {
        let mut status =
            json!({"id": id, "status": word, "timestamp": now().timestamp().to_string(), "recipient_id": wa_id});
        if word == "failed" {
            status["errors"] = json!([{"code": 131_026, "title": "Message undeliverable"}]);
        }
        status
    };
    let last = if is_undelivered { "failed" } else { "delivered" };
    for statuses in [vec![status("sent")], vec![status(last)], vec![status(last), status("sent")]] {
        tokio::time::sleep(late).await;
        world.post_whatsapp(&json!({ "statuses": statuses })).await;
    }
}

impl World {
    /// A customer writes by WhatsApp. Answers the receiver's status.
    pub async fn write_whatsapp(&self, from: &str, body: &str) -> u16 {
        self.journal.write(Event::Reply { from: from.into(), body: body.into() });
        self.whatsapp.heard.lock().unwrap_or_else(PoisonError::into_inner).insert(from.to_owned(), now());
        let wa_id = from.trim_start_matches('+');
        let id = format!("wamid.{}", uuid::Uuid::new_v4().simple());
        let message = json!({"from": wa_id, "id": id, "timestamp": now().timestamp().to_string(), "type": "text",
            "text": {"body": body}});
        let contact = json!({"profile": {"name": "Dana"}, "wa_id": wa_id});
        self.post_whatsapp(&json!({"contacts": [contact], "messages": [message]})).await
    }

    /// Posts, and posts again where it was not taken, as the vendor does for a week.
    async fn post_whatsapp(&self, value: &Value) -> u16 {
        let url = self.whatsapp.webhook_url.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(url) = url else { return 0 };
        let mut value = value.clone();
        value["messaging_product"] = json!("whatsapp");
        value["metadata"] = json!({"display_phone_number": "15125550101", "phone_number_id": PHONE_NUMBER_ID});
        let body = json!({"object": "whatsapp_business_account",
            "entry": [{"id": "200000000000001", "changes": [{"field": "messages", "value": value}]}]})
        .to_string();
        let signature = sign(body.as_bytes());
        let mut status = 0;
        for attempt in 0..6 {
            let request = self.http.post(&url).header("content-type", "application/json");
            let sent = request.header("x-hub-signature-256", &signature).body(body.clone()).send().await;
            status = sent.map_or(0, |response| response.status().as_u16());
            if (200..300).contains(&status) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200 << attempt)).await;
        }
        self.journal.write(Event::CallbackAnswered { vendor: "whatsapp".into(), status });
        status
    }
}

fn sign(body: &[u8]) -> String {
    let hmac = Hmac::<Sha256>::new_from_slice(APP_SECRET.as_bytes()).expect("HMAC takes keys of any length");
    format!("sha256={}", hex::encode(hmac.chain_update(body).finalize().into_bytes()))
}

#[expect(clippy::disallowed_methods, reason = "a vendor has its own clock")]
fn now() -> DateTime<Utc> {
    Utc::now()
}
