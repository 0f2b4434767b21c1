//! `POST /api/forms/{form_key}` and the forms that are described already: somebody asks for a quote on a website.
//!
//! The key is public. What keeps a stranger from flooding a shop with leads is the list of websites, a field that no person sees,
//! and two rates; that nobody else is written to again and again, `enrich` sees to.

mod given;
mod keys;
mod metadata;

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use axum::{
    Json,
    extract::{ConnectInfo, FromRequest, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use domain::{Answers, FormPreset, FormSchema, HONEYPOT, LocationId};
use events::{Consent, FormSubmission, InboundKind, Source};
use limits::ComeBackAfter;
use ring::digest::{Context, SHA256};
use serde_json::json;
use service::{Code, Problem};
use store::FormKey;

pub(crate) use self::{given::Given, keys::FormKeys};
use crate::{
    App,
    app::{Verified, count, refuse},
    door::{Body, Token},
};

const SOURCE: Source = Source::Form;
/// Without a key of its own, the same words from the same address within this time are one submission.
const SAME_WITHIN_S: i64 = 600;
const LONGEST_IDEMPOTENCY_KEY: usize = 200;

/// Who calls, from where, and with what.
pub(crate) struct Call {
    /// `None`: a proxy that tells us nothing stands in front, and everybody has its address.
    address: Option<String>,
    headers: HeaderMap,
    query: String,
    body: Body,
}

impl FromRequest<App> for Call {
    type Rejection = Infallible;

    async fn from_request(request: Request, app: &App) -> Result<Self, Infallible> {
        let headers = request.headers().clone();
        let query = request.uri().query().unwrap_or_default().to_owned();
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer);
        let header = app.0.config.client_address_header.as_deref();
        let address = service::caller::address(header, &headers, peer);
        Ok(Self { address, headers, query, body: Body::from_request(request, app).await? })
    }
}

pub(crate) async fn form(State(app): State<App>, Token(key): Token, call: Call) -> Response {
    take(&app, &key, None, call).await
}

pub(crate) async fn chatbot_lead(State(app): State<App>, call: Call) -> Response {
    preset(&app, FormPreset::ChatbotLead, call).await
}

pub(crate) async fn contact(State(app): State<App>, call: Call) -> Response {
    preset(&app, FormPreset::Contact, call).await
}

pub(crate) async fn property_inquiry(State(app): State<App>, call: Call) -> Response {
    preset(&app, FormPreset::PropertyInquiry, call).await
}

async fn preset(app: &App, preset: FormPreset, call: Call) -> Response {
    let key = publishable_key(&call.headers, &call.query).unwrap_or_default();
    take(app, &key, Some(preset), call).await
}

/// The key stands in a header or, for pages that cannot set one, in the address.
fn publishable_key(headers: &HeaderMap, query: &str) -> Option<String> {
    let in_header = headers.get("x-publishable-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
    let in_query = || {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
        pairs.into_iter().find(|(name, _)| name == "key").map(|(_, key)| key)
    };
    in_header.or_else(in_query)
}

/// Under which key somebody sends a form. `None`: this is no form's address.
pub(crate) fn key_of(request: &Request) -> Option<String> {
    let path = request.uri().path();
    let key = match path.strip_prefix("/api/forms/") {
        Some(key) => key.to_owned(),
        None if path.starts_with("/api/") => {
            publishable_key(request.headers(), request.uri().query().unwrap_or_default())?
        }
        None => return None,
    };
    Some(key.chars().take(keys::LONGEST_KEY).collect())
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

async fn take(app: &App, key: &str, preset: Option<FormPreset>, call: Call) -> Response {
    let found = find(app, key, &call).await;
    let origin = call.headers.get(header::ORIGIN).cloned();
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
        Ok(found) => (read(app, key, preset, &found, call).await, true),
    };
    let mut response = answer.map_or_else(Problem::into_response, |id| {
        (StatusCode::CREATED, Json(json!({"id": id, "status": "received"}))).into_response()
    });
    // So that the page can show which field is wrong.
    if let Some(origin) = origin.filter(|_| may_read) {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let exposed = HeaderValue::from_static("Retry-After");
        response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Origin"));
    response
}

/// Whoever tries keys that nobody knows costs the database a question each; only so many from one address.
async fn find(app: &App, key: &str, call: &Call) -> Result<Arc<FormKey>, Problem> {
    // Behind a proxy that says no address everybody would share one line, and two guesses a second would close it to all.
    if let Some(address) = &call.address
        && app.0.form_keys.is_guess(key)
    {
        within_rate(app, &format!("form-guess:{address}"), app.0.config.form_per_key).await?;
    }
    app.0.form_keys.find(key).await
}

/// Answers the submission's id once it is stored.
async fn read(
    app: &App,
    key: &str,
    preset: Option<FormPreset>,
    found: &FormKey,
    call: Call,
) -> Result<String, Problem> {
    let (schema, form): (FormSchema, &str) = match (preset, &found.schema) {
        (Some(preset), None) => (preset.schema(), preset.as_str()),
        (None, Some(schema)) => (schema.clone(), &found.name),
        (Some(_), Some(_)) | (None, None) => return Err(refuse(SOURCE, keys::unknown())),
    };
    let config = &app.0.config;
    // In this order: whoever is refused by their own address takes nobody's place.
    if let Some(address) = &call.address {
        within_rate(app, &format!("form-address:{address}"), config.form_per_address).await?;
    }
    within_rate(app, &format!("form-key:{key}"), config.form_per_key).await?;
    let Call { address, headers, body, .. } = call;
    let body = body.whole(SOURCE)?;
    let given =
        Given::read(&headers, &body).map_err(|detail| refuse(SOURCE, Problem::new(Code::NotReadable, detail)))?;
    let read = schema.read(&given.fields);
    let shop = shop_of(found, given.fields.get("location"));
    let (answers, location) = match (read, shop) {
        (Ok(answers), Ok(location)) => (answers, location),
        (answers, shop) => {
            // A list where we look for nothing is nobody's mistake.
            let nested =
                given.errors.into_iter().filter(|error| schema.fields.iter().any(|field| field.name == error.field));
            let errors = answers.err().into_iter().flatten().chain(nested).chain(shop.err());
            let errors: Vec<_> = errors.map(|error| json!({"field": error.field, "says": error.says})).collect();
            let detail = match errors.len() {
                1 => "One of the fields is wrong; it is named in errors.".to_owned(),
                many => format!("{many} of the fields are wrong; each is named in errors."),
            };
            return Err(refuse(SOURCE, Problem::new(Code::InvalidFields, detail).with("errors", errors.into())));
        }
    };
    let id = name(app, &[key, form], &answers, location, address.as_deref(), &headers)?;
    let is_suspected = given.fields.get(HONEYPOT).is_some_and(|words| !words.trim().is_empty());
    if is_suspected {
        count(SOURCE, "suspected");
    }
    let asked_at = app.0.clock.now();
    let consent = schema.consent_words.filter(|_| answers.has_consented);
    let submission = FormSubmission {
        id: id.clone(),
        form: form.to_owned(),
        location,
        answers: answers.fields,
        consent: consent.map(|words| Consent { words, given_at: asked_at }),
        metadata: metadata::of(config, &headers, &given.fields),
        is_suspected,
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

/// So many pass in a minute, and as many at once.
async fn within_rate(app: &App, line: &str, per_minute: u32) -> Result<(), Problem> {
    let passed = app.0.limiter.pass(line, f64::from(per_minute) / 60.0, per_minute).await;
    passed.map_err(|ComeBackAfter(delay)| {
        let seconds = u32::try_from(delay.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        let problem = Problem::new(Code::TooMany, "Please wait a little and send this again.");
        refuse(SOURCE, problem.retry_after(seconds))
    })
}

/// What a repeat of the same submission is called too. Whoever corrects a field and sends it again says something new.
fn name(
    app: &App,
    form: &[&str],
    answers: &Answers,
    location: LocationId,
    address: Option<&str>,
    headers: &HeaderMap,
) -> Result<String, Problem> {
    let mut hash = Context::new(&SHA256);
    let mut add = |part: &[u8]| {
        hash.update(&part.len().to_le_bytes());
        hash.update(part);
    };
    for part in form {
        add(part.as_bytes());
    }
    for (name, words) in &answers.fields {
        add(name.as_bytes());
        add(words.as_bytes());
    }
    add(&[u8::from(answers.has_consented)]);
    add(location.uuid().as_bytes());
    match headers.get("idempotency-key") {
        Some(given) if given.is_empty() || given.len() > LONGEST_IDEMPOTENCY_KEY => {
            let detail = format!("Idempotency-Key has from 1 to {LONGEST_IDEMPOTENCY_KEY} characters.");
            return Err(refuse(SOURCE, Problem::new(Code::NotReadable, detail)));
        }
        Some(given) => add(given.as_bytes()),
        None => {
            add(address.unwrap_or_default().as_bytes());
            add(&(app.0.clock.wall().timestamp() / SAME_WITHIN_S).to_le_bytes());
        }
    }
    Ok(hex::encode(&hash.finish().as_ref()[..16]))
}

/// The shop that is asked: the key's, or where the key is no shop's, the form's own word for it.
fn shop_of(found: &FormKey, given: Option<&String>) -> Result<LocationId, domain::FieldError> {
    let error = |says: &str| domain::FieldError { field: "location".to_owned(), says: says.to_owned() };
    match given.map(|words| words.trim()).filter(|words| !words.is_empty()) {
        Some(words) => {
            let shop = found.shops.get(words).copied().ok_or_else(|| error("is none of our shops"))?;
            let is_ours = found.location.is_none_or(|ours| ours == shop);
            if is_ours { Ok(shop) } else { Err(error("is another shop than this form is for; leave it out")) }
        }
        None => found.location.ok_or_else(|| error("is missing: which shop is asked?")),
    }
}
