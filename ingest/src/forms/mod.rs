//! `POST /api/forms/{form_key}` and the forms that are described already: somebody asks for a quote on a website.
//!
//! The key is public. What keeps a stranger from flooding a shop with leads is the list of websites, a field that no person
//! sees, and two rates.

mod given;
mod keys;
mod metadata;

use std::time::Duration;

use axum::{
    Json,
    body::Bytes,
    extract::{ConnectInfo, Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use domain::{FormPreset, FormSchema, LocationId};
use events::{Consent, FormSubmission, InboundKind, Source};
use futures::future::try_join;
use limits::ComeBackAfter;
use ring::digest::{Context, SHA256};
use serde::Deserialize;
use serde_json::json;
use service::{Code, Problem};
use store::FormKey;

use self::given::Given;
pub(crate) use self::keys::FormKeys;
use crate::{
    App,
    app::{Verified, count, refuse},
};

const SOURCE: Source = Source::Form;
/// A field that no person sees; whoever fills it in is none.
const HONEYPOT: &str = "company_website";
/// Without a key of its own, the same words from the same address within this time are one submission.
const SAME_WITHIN_S: i64 = 600;
const LONGEST_IDEMPOTENCY_KEY: usize = 200;

#[derive(Deserialize, Default)]
pub(crate) struct KeyInQuery {
    key: Option<String>,
}

/// Who calls, and from where.
pub(crate) struct Caller {
    address: String,
    headers: HeaderMap,
}

pub(crate) async fn form(
    State(app): State<App>,
    Path(key): Path<String>,
    ConnectInfo(peer): ConnectInfo<std::net::SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let caller = Caller { address: metadata::address(&app.0.config, &headers, peer), headers };
    take(&app, &key, None, &caller, &body).await
}

pub(crate) async fn chatbot_lead(
    state: State<App>,
    key: Query<KeyInQuery>,
    peer: ConnectInfo<std::net::SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    preset(FormPreset::ChatbotLead, state, key, peer, headers, body).await
}

pub(crate) async fn contact(
    state: State<App>,
    key: Query<KeyInQuery>,
    peer: ConnectInfo<std::net::SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    preset(FormPreset::Contact, state, key, peer, headers, body).await
}

pub(crate) async fn property_inquiry(
    state: State<App>,
    key: Query<KeyInQuery>,
    peer: ConnectInfo<std::net::SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    preset(FormPreset::PropertyInquiry, state, key, peer, headers, body).await
}

async fn preset(
    preset: FormPreset,
    State(app): State<App>,
    Query(query): Query<KeyInQuery>,
    ConnectInfo(peer): ConnectInfo<std::net::SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let in_header = headers.get("x-publishable-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
    let key = in_header.or(query.key).unwrap_or_default();
    let caller = Caller { address: metadata::address(&app.0.config, &headers, peer), headers };
    take(&app, &key, Some(preset), &caller, &body).await
}

/// Before a browser sends a form from another website it asks whether it may. This answer gives nothing away; the form itself is
/// looked at when it comes.
pub(crate) async fn preflight(headers: HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let answer = response.headers_mut();
    if let Some(origin) = headers.get(header::ORIGIN) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    let fixed = HeaderValue::from_static;
    answer.insert(header::VARY, fixed("Origin"));
    answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, fixed("POST"));
    answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, fixed("Content-Type, Idempotency-Key, X-Publishable-Key"));
    answer.insert(header::ACCESS_CONTROL_MAX_AGE, fixed("600"));
    response
}

async fn take(app: &App, key: &str, preset: Option<FormPreset>, caller: &Caller, body: &Bytes) -> Response {
    let found = app.0.form_keys.find(key).await;
    let origin = caller.headers.get(header::ORIGIN).cloned();
    let is_allowed = |found: &FormKey| {
        origin.as_ref().is_none_or(|origin| {
            found.origins.is_empty() || found.origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes())
        })
    };
    let (answer, may_read) = match found {
        Err(problem) => (Err(problem), false),
        Ok(found) if !is_allowed(&found) => {
            let detail = "This form is not for this website; its owner can add the website to the form's key.";
            (Err(refuse(SOURCE, Problem::new(Code::OriginRefused, detail))), false)
        }
        Ok(found) => (read(app, key, preset, &found, caller, body).await, true),
    };
    let mut response = answer.map_or_else(Problem::into_response, |id| {
        (StatusCode::CREATED, Json(json!({"id": id, "status": "received"}))).into_response()
    });
    // So that the page can show which field is wrong.
    if let Some(origin) = origin.filter(|_| may_read) {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Origin"));
    response
}

/// Answers the submission's id once it is stored.
async fn read(
    app: &App,
    key: &str,
    preset: Option<FormPreset>,
    found: &FormKey,
    caller: &Caller,
    body: &Bytes,
) -> Result<String, Problem> {
    let (schema, form): (FormSchema, &str) = match (preset, &found.schema) {
        (Some(preset), None) => (preset.schema(), preset.as_str()),
        (None, Some(schema)) => (schema.clone(), &found.name),
        (Some(_), Some(_)) | (None, None) => return Err(refuse(SOURCE, keys::unknown())),
    };
    within_rates(app, key, &caller.address).await?;
    let given =
        Given::read(&caller.headers, body).map_err(|detail| refuse(SOURCE, Problem::new(Code::NotReadable, detail)))?;
    let id = name(app, key, form, caller, body)?;
    if given.fields.get(HONEYPOT).is_some_and(|words| !words.trim().is_empty()) {
        // Whoever filled it in should not learn to leave it empty.
        count(SOURCE, "trapped");
        return Ok(id);
    }
    let read = schema.read(&given.fields);
    let shop = shop_of(found, given.fields.get("location"));
    let (answers, location) = match (read, shop) {
        (Ok(answers), Ok(location)) => (answers, location),
        (answers, shop) => {
            let errors = answers.err().into_iter().flatten().chain(given.errors).chain(shop.err());
            let errors: Vec<_> = errors.map(|error| json!({"field": error.field, "says": error.says})).collect();
            let detail = format!("{} of the fields are wrong; each is named in errors.", errors.len());
            return Err(refuse(SOURCE, Problem::new(Code::InvalidFields, detail).with("errors", errors.into())));
        }
    };
    let asked_at = app.0.clock.now();
    let consent = schema.consent_words.filter(|_| answers.has_consented);
    let submission = FormSubmission {
        id: id.clone(),
        form: form.to_owned(),
        location,
        answers: answers.fields,
        consent: consent.map(|words| Consent { words, given_at: asked_at }),
        metadata: metadata::of(&app.0.config, &caller.headers, &given.fields),
        asked_at,
    };
    let body = serde_json::to_vec(&submission).map_err(|_| Problem::new(Code::Internal, "Please send this again."))?;
    app.store(Verified {
        tenant: found.tenant,
        source: SOURCE,
        kind: InboundKind::Form,
        key: id.clone(),
        query: String::new(),
        body: body.into(),
    })
    .await?;
    Ok(id)
}

async fn within_rates(app: &App, key: &str, address: &str) -> Result<(), Problem> {
    let wait = async |line: String, per_minute: u32| {
        app.0.limiter.wait(&line, f64::from(per_minute) / 60.0, per_minute, 1, Duration::ZERO).await
    };
    let config = &app.0.config;
    let passed = try_join(
        wait(format!("form-address:{address}"), config.form_per_address),
        wait(format!("form-key:{key}"), config.form_per_key),
    );
    let Err(ComeBackAfter(delay)) = passed.await else { return Ok(()) };
    let seconds = u32::try_from(delay.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
    let problem = Problem::new(Code::TooMany, "Please wait a little and send this again.");
    Err(refuse(SOURCE, problem.retry_after(seconds)))
}

/// What a repeat of the same submission is called too.
fn name(app: &App, key: &str, form: &str, caller: &Caller, body: &Bytes) -> Result<String, Problem> {
    let mut hash = Context::new(&SHA256);
    let mut add = |part: &[u8]| {
        hash.update(&part.len().to_le_bytes());
        hash.update(part);
    };
    add(key.as_bytes());
    add(form.as_bytes());
    match caller.headers.get("idempotency-key") {
        Some(given) if given.is_empty() || given.len() > LONGEST_IDEMPOTENCY_KEY => {
            let detail = format!("Idempotency-Key has from 1 to {LONGEST_IDEMPOTENCY_KEY} characters.");
            return Err(refuse(SOURCE, Problem::new(Code::NotReadable, detail)));
        }
        Some(given) => add(given.as_bytes()),
        None => {
            add(body);
            add(caller.address.as_bytes());
            add(&(app.0.clock.wall().timestamp() / SAME_WITHIN_S).to_le_bytes());
        }
    }
    Ok(hex::encode(&hash.finish().as_ref()[..16]))
}

/// The shop that is asked: the form's own word for it goes before the key's.
fn shop_of(found: &FormKey, given: Option<&String>) -> Result<LocationId, domain::FieldError> {
    let error = |says: &str| domain::FieldError { field: "location".to_owned(), says: says.to_owned() };
    match given.map(|words| words.trim()).filter(|words| !words.is_empty()) {
        Some(words) => found.shops.get(words).copied().ok_or_else(|| error("is none of our shops")),
        None => found.location.ok_or_else(|| error("is missing: which shop is asked?")),
    }
}
