//! `GET /c/{token}`: the page behind a lead's link, with the conversation in it, so that it shows something before its script is there.
//!
//! The script is built out of `web/`; what is here is what `make page` wrote.

use std::{io::Write as _, sync::LazyLock};

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::{Language, LeadId};
use flate2::{Compression, write::GzEncoder};
use serde::Serialize;
use service::Problem;
use sha2::{Digest as _, Sha256};
use store::LinkedShop;
use templates::Page;

use crate::{
    App,
    context::{self, Context},
    database_away,
    history::{self, History},
    session::{Caller, LONGEST_LINK},
};

const SCRIPT: &str = include_str!("chat.js");
const CSS: &str = include_str!("chat.css");
const A_YEAR: &str = "public, max-age=31536000, immutable";

/// Turns that the page is delivered with.
const SHOWN_AT_FIRST: u16 = 30;

static PAGES: LazyLock<Option<Pages>> = LazyLock::new(Pages::new);

/// What does not change while the program runs.
struct Pages {
    shell: Page,
    other: Page,
    /// With its content in its name: a page of an older version asks for an older one.
    script_name: String,
    script_gzip: Bytes,
    content_security_policy: HeaderValue,
}

impl Pages {
    fn new() -> Option<Self> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(SCRIPT.as_bytes()).ok()?;
        let digest = Sha256::digest(SCRIPT.as_bytes());
        let name = hex::encode(&digest[..6]);
        let style = STANDARD.encode(Sha256::digest(CSS.as_bytes()));
        let policy = format!(
            "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'sha256-{style}'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'"
        );
        Some(Self {
            shell: Page::new(include_str!("shell.html")).ok()?,
            other: Page::new(include_str!("other.html")).ok()?,
            script_name: format!("chat-{name}.js"),
            script_gzip: gzip.finish().ok()?.into(),
            content_security_policy: HeaderValue::from_str(&policy).ok()?,
        })
    }
}

/// What the script begins with.
#[derive(Serialize)]
struct Start<'a> {
    lead: LeadId,
    now: DateTime<Utc>,
    wall: DateTime<Utc>,
    context: &'a Context,
    history: &'a History,
}

#[derive(Serialize)]
struct Shell<'a> {
    language: Language,
    shop: &'a context::Shop,
    turns: &'a [history::Shown],
    css: &'static str,
    script: &'a str,
    start: String,
}

#[derive(Serialize, Default)]
struct Other<'a> {
    /// `ended`, `away` or `nothing`.
    what: &'static str,
    language: Language,
    css: &'static str,
    token: &'a str,
    shop: &'a str,
    phone: &'a str,
    /// As people read it.
    number: String,
    address: &'a str,
    hours: &'a str,
}

/// Opening it changes nothing: programs that look for harmful links open every one.
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    token: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    let token = token.map(|Path(token)| token).unwrap_or_default();
    let spoken = headers.get(header::ACCEPT_LANGUAGE).and_then(|tags| tags.to_str().ok());
    let spoken = spoken.and_then(|tags| tags.split([',', ';']).find_map(Language::of_tag)).unwrap_or_default();
    match open(&app, &caller, &token, spoken).await {
        Ok(response) => response,
        Err(problem) => {
            let status = problem.into_response().status();
            let mut response = other(status, &Other { what: "away", language: spoken, ..Other::default() });
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            response
        }
    }
}

async fn open(app: &App, caller: &Caller, token: &str, spoken: Language) -> Result<Response, Problem> {
    caller.within_rate(app).await?;
    let nothing = || other(StatusCode::NOT_FOUND, &Other { what: "nothing", language: spoken, ..Other::default() });
    if token.is_empty() || token.len() > LONGEST_LINK {
        return Ok(nothing());
    }
    let Some(session) = app.find_conversation(token).await? else {
        return Ok(match find_shop(app, token).await.map_err(|error| database_away(&error))? {
            Some(shop) => ended(token, &shop),
            None => nothing(),
        });
    };
    let history = history::read(app, session, None, SHOWN_AT_FIRST).await?;
    let context = context::read(app, session).await?;
    let cookie = app.cookie(session)?;
    let (now, wall) = (app.0.clock.now(), app.0.clock.wall());
    let start = Start { lead: session.lead, now, wall, context: &context, history: &history };
    // Within a script element nothing but its end would be read as markup.
    let start = serde_json::to_string(&start).unwrap_or_default().replace('<', "\\u003c");
    let Some(pages) = PAGES.as_ref() else { return Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response()) };
    let shell = Shell {
        language: context.language,
        shop: &context.shop,
        turns: &history.turns,
        css: CSS,
        script: &pages.script_name,
        start,
    };
    let mut response = html(StatusCode::OK, pages, pages.shell.fill(&shell));
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// The shop of a link that nobody talks by any more.
async fn find_shop(app: &App, token: &str) -> Result<Option<LinkedShop>, store::Error> {
    let Some((tenant, lead)) = app.0.store.everywhere().find_link(token).await? else { return Ok(None) };
    app.0.store.begin(tenant).await?.links().find_shop(lead).await
}

fn ended(token: &str, shop: &LinkedShop) -> Response {
    let shown = Other {
        what: "ended",
        language: shop.language,
        css: CSS,
        token,
        shop: &shop.name,
        phone: &shop.phone,
        number: domain::as_people_read(&shop.phone),
        address: &shop.postal_address,
        hours: &shop.hours,
    };
    other(StatusCode::GONE, &shown)
}

fn other(status: StatusCode, shown: &Other<'_>) -> Response {
    match PAGES.as_ref() {
        Some(pages) => {
            html(status, pages, pages.other.fill(&Other { css: CSS, number: shown.number.clone(), ..*shown }))
        }
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn html<E>(status: StatusCode, pages: &Pages, filled: Result<String, E>) -> Response {
    let Ok(filled) = filled else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let mut response = (status, Html(filled)).into_response();
    let headers = response.headers_mut();
    // The address is a secret of two: no other website learns it, and no cache keeps it.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, pages.content_security_policy.clone());
    response
}

/// `GET /c/page/{name}`: the page's script. One of another version is answered with this one's, which nobody keeps.
pub(crate) async fn script(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(pages) = PAGES.as_ref() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    if !name.starts_with("chat-") {
        return StatusCode::NOT_FOUND.into_response();
    }
    let takes = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let takes_gzip = takes.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip") && weight.trim() != "q=0"
    });
    let body = if takes_gzip { pages.script_gzip.clone() } else { Bytes::from_static(SCRIPT.as_bytes()) };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if takes_gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let kept = if name == pages.script_name { A_YEAR } else { "no-store" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST_GZIP_BYTES: usize = 30_000;

    #[test]
    fn the_script_fits_a_slow_phone() {
        let pages = PAGES.as_ref().expect("pages that can be filled");
        assert!(pages.script_gzip.len() < MOST_GZIP_BYTES, "{} bytes", pages.script_gzip.len());
    }

    #[test]
    fn every_page_without_a_conversation_can_be_filled() {
        let shop = LinkedShop {
            name: "Sample Tint & <Sons>".into(),
            phone: "+18135550100".into(),
            postal_address: "1 Main St".into(),
            hours: "9 to 6".into(),
            language: Language::English,
        };
        for language in Language::ALL {
            let gone = ended("abc", &LinkedShop { language, ..shop.clone() });
            assert_eq!(gone.status(), StatusCode::GONE);
            for what in ["away", "nothing"] {
                let response = other(StatusCode::OK, &Other { what, language, ..Other::default() });
                assert_eq!(response.status(), StatusCode::OK, "{what}");
            }
        }
    }
}
