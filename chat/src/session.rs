//! Whoever opened a lead's link has a session: a sealed word that names one conversation and an end. It is kept nowhere here.

use std::{net::SocketAddr, time::Duration};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{LeadId, TenantId};
use limits::ComeBackAfter;
use serde::{Deserialize, Serialize};
use service::{Code, Problem};

use crate::{App, Config, database_away};

const COOKIE: &str = "leads_chat";
/// What a session is sealed for.
const WHAT: &str = "chat session";
/// Longer than any of ours.
const LONGEST: usize = 600;
/// A link has fourteen letters.
pub(crate) const LONGEST_LINK: usize = 64;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Sealed {
    tenant: TenantId,
    lead: LeadId,
    opened_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
}

/// Somebody who may talk in the conversation that the address names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Session {
    pub(crate) tenant: TenantId,
    pub(crate) lead: LeadId,
}

#[derive(Deserialize)]
pub(crate) struct Opened {
    /// What the link ends with.
    link: String,
}

fn no_session() -> Problem {
    Problem::new(Code::NoSession, "Open the link in our message to you again.")
}

/// `POST /api/chat/open`: a link for a session, in a cookie that no script reads and that goes to this conversation alone.
pub(crate) async fn open(
    State(app): State<App>,
    caller: Caller,
    body: Result<axum::Json<Opened>, axum::extract::rejection::JsonRejection>,
) -> Result<Response, Problem> {
    caller.within_rate(&app).await?;
    let Ok(axum::Json(Opened { link })) = body else {
        return Err(Problem::new(Code::NotReadable, "Send the last part of the link as {\"link\": \"…\"}."));
    };
    let Some(session) = app.find_conversation(&link).await? else {
        return Err(Problem::new(Code::NoSession, "This link has ended. Answer one of our messages, or call us."));
    };
    let cookie = app.cookie(session)?;
    let lead = session.lead;
    let body = serde_json::json!({ "lead": lead, "history": format!("/api/chat/{lead}/history"), "stream": format!("/api/chat/{lead}/stream") });
    let mut response = (StatusCode::OK, axum::Json(body)).into_response();
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

impl App {
    /// Whose link this is, as long as it opens a conversation.
    pub(crate) async fn find_conversation(&self, link: &str) -> Result<Option<Session>, Problem> {
        if link.is_empty() || link.len() > LONGEST_LINK {
            return Ok(None);
        }
        let found = self.0.store.everywhere().find_chat_link(link).await.map_err(|error| database_away(&error))?;
        let age = |made_at: DateTime<Utc>| (self.0.clock.now() - made_at).to_std().unwrap_or_default();
        let young = found.filter(|(_, _, made_at)| age(*made_at) < self.0.config.link_ttl);
        Ok(young.map(|(tenant, lead, _)| Session { tenant, lead }))
    }

    /// What a browser sends from now on, to this conversation alone.
    pub(crate) fn cookie(&self, Session { tenant, lead }: Session) -> Result<HeaderValue, Problem> {
        let Config { session_ttl, is_secure, path_before, .. } = &self.0.config;
        let wall = self.0.clock.wall();
        let ends_at = wall + TimeDelta::from_std(*session_ttl).unwrap_or_default();
        let session = self.seal(&Sealed { tenant, lead, opened_at: wall, ends_at })?;
        let secure = if *is_secure { "; Secure" } else { "" };
        let seconds = session_ttl.as_secs();
        let cookie = format!(
            "{COOKIE}={session}; Path={path_before}/api/chat/{lead}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
        );
        HeaderValue::from_str(&cookie).map_err(|_| Problem::new(Code::Internal, "Please try again."))
    }

    fn seal(&self, session: &Sealed) -> Result<String, Problem> {
        let internal = |_| Problem::new(Code::Internal, "Please try again.");
        let plain = serde_json::to_vec(session).map_err(|_| Problem::new(Code::Internal, "Please try again."))?;
        let sealed = self.0.store.seal(WHAT, &plain).map_err(internal)?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    fn unseal(&self, text: &str) -> Option<Sealed> {
        let sealed = URL_SAFE_NO_PAD.decode(text.as_bytes().get(..text.len().min(LONGEST))?).ok()?;
        serde_json::from_slice(&self.0.store.open_sealed(WHAT, &sealed).ok()?).ok()
    }

    /// When the lead's links were taken back last, as it was a short while ago.
    async fn revoked_at(&self, session: Session) -> Result<Option<DateTime<Utc>>, Problem> {
        if let Some(known) = self.0.revoked.get(&session.lead).await {
            return Ok(known);
        }
        let look_up = async { self.0.store.begin(session.tenant).await?.links().find_revoked_at(session.lead).await };
        let found = look_up.await.map_err(|error| database_away(&error))?;
        self.0.revoked.insert(session.lead, found).await;
        Ok(found)
    }
}

/// The session's words: of the cookie, or of the header that a page on another website sends.
fn words(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let ours =
        cookies.flat_map(|value| value.split(';')).find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='));
    bearer.or(ours)
}

impl FromRequestParts<App> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Caller::of(parts, app).within_rate(app).await?;
        let Path(named): Path<String> = Path::from_request_parts(parts, app).await.map_err(|_| no_session())?;
        let sealed = words(&parts.headers).and_then(|text| app.unseal(text)).ok_or_else(no_session)?;
        // Somebody else's conversation looks like none.
        if sealed.lead.to_string() != named || sealed.ends_at <= app.0.clock.wall() {
            return Err(no_session());
        }
        let session = Self { tenant: sealed.tenant, lead: sealed.lead };
        if app.revoked_at(session).await?.is_some_and(|revoked_at| revoked_at >= sealed.opened_at) {
            return Err(no_session());
        }
        within_rate(app, &format!("chat-lead:{}", session.lead), app.0.config.per_lead).await?;
        Ok(session)
    }
}

/// Who calls, as far as anybody knows.
pub(crate) struct Caller(Option<String>);

impl Caller {
    fn of(parts: &Parts, app: &App) -> Self {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer);
        Self(service::caller::address(app.0.config.client_address_header.as_deref(), &parts.headers, peer))
    }

    pub(crate) async fn within_rate(&self, app: &App) -> Result<(), Problem> {
        match &self.0 {
            Some(address) => within_rate(app, &format!("chat-address:{address}"), app.0.config.per_address).await,
            None => Ok(()),
        }
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Ok(Self::of(parts, app))
    }
}

/// So many pass in a minute, and as many at once.
async fn within_rate(app: &App, line: &str, per_minute: u32) -> Result<(), Problem> {
    let passed = app.0.limiter.pass(line, f64::from(per_minute) / 60.0, per_minute).await;
    passed.map_err(|ComeBackAfter(delay)| {
        let seconds = u32::try_from(delay.max(Duration::from_secs(1)).as_secs()).unwrap_or(u32::MAX);
        Problem::new(Code::TooMany, "Please wait a little and try again.").retry_after(seconds)
    })
}
