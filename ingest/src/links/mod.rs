//! `/u/{token}`: the way out. Whoever has a lead's link is who it was sent to.
//!
//! Leaving takes a press of a button, or the one request of a mailbox (RFC 8058): opening the page changes nothing, because programs
//! that look for harmful links open every one.

use std::sync::LazyLock;

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use domain::{Language, LeadId, TenantId};
use events::{InboundKind, Source};
use serde::Serialize;
use service::Problem;
use store::LinkedShop;
use templates::Page;

use crate::{
    App,
    app::{Verified, refuse},
    door::{LONGEST_TOKEN, come_again},
    remembered::{Found, Remembered},
};

/// Whose link ends with what. With the database away a link that was opened once goes on working.
pub(crate) type Links = Remembered<String, (TenantId, LeadId, LinkedShop)>;

static PAGE: LazyLock<Option<Page>> = LazyLock::new(|| Page::new(include_str!("page.html")).ok());

#[derive(Serialize)]
struct Shown<'a> {
    /// `leave`, `left` or `nothing`.
    what: &'static str,
    language: &'static str,
    token: &'a str,
    shop: &'a str,
    phone: &'a str,
    /// As people read it.
    number: String,
}

pub(crate) async fn ask_to_leave(
    State(app): State<App>,
    token: Option<Path<String>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    show(&app, token, &headers, "leave").await
}

/// Nothing in the request counts but its address: a mailbox sends `List-Unsubscribe=One-Click` in one of two forms, a browser nothing.
pub(crate) async fn leave(
    State(app): State<App>,
    token: Option<Path<String>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let token = token.map(|Path(token)| token).unwrap_or_default();
    let Some((tenant, lead, shop)) = find(&app, &token).await? else {
        return Ok(nothing(&headers, &token));
    };
    // Twice within a second is one request. No longer: whoever came back by text meanwhile, and leaves again, leaves.
    let key = format!("{lead}:{}", app.0.clock.wall().timestamp());
    let body = serde_json::json!({ "lead": lead }).to_string().into();
    let kind = InboundKind::Unsubscribe;
    app.store(Verified { tenant, source: Source::Link, kind, key, query: String::new(), body }).await?;
    Ok(page(StatusCode::OK, "left", &token, shop.language, Some(&shop)))
}

async fn show(
    app: &App,
    token: Option<Path<String>>,
    headers: &HeaderMap,
    what: &'static str,
) -> Result<Response, Problem> {
    let token = token.map(|Path(token)| token).unwrap_or_default();
    Ok(match find(app, &token).await? {
        Some((_, _, shop)) => page(StatusCode::OK, what, &token, shop.language, Some(&shop)),
        None => nothing(headers, &token),
    })
}

/// Nobody's lead: in what the browser speaks.
fn nothing(headers: &HeaderMap, token: &str) -> Response {
    let spoken = headers.get(header::ACCEPT_LANGUAGE).and_then(|tags| tags.to_str().ok());
    let spoken = spoken.and_then(|tags| tags.split([',', ';']).find_map(Language::of_tag));
    page(StatusCode::NOT_FOUND, "nothing", token, spoken.unwrap_or_default(), None)
}

async fn find(app: &App, token: &str) -> Result<Option<(TenantId, LeadId, LinkedShop)>, Problem> {
    if token.is_empty() || token.len() > LONGEST_TOKEN {
        return Ok(None);
    }
    let look_up = async {
        let Some((tenant, lead)) = app.0.store.everywhere().find_link(token).await? else { return Ok(None) };
        let shop = app.0.store.begin(tenant).await?.links().find_shop(lead).await?;
        Ok(shop.map(|shop| (tenant, lead, shop)))
    };
    match app.0.links.find(&token.to_owned(), "a link", look_up).await {
        Found::Now(found) | Found::Before(found) => Ok(Some(found)),
        Found::Nothing => Ok(None),
        Found::Away => Err(refuse(Source::Link, come_again())),
    }
}

fn page(
    status: StatusCode,
    what: &'static str,
    token: &str,
    language: Language,
    shop: Option<&LinkedShop>,
) -> Response {
    let text = |read: fn(&LinkedShop) -> &str| shop.map_or("", read);
    let shown = Shown {
        what,
        language: language.as_str(),
        token,
        shop: text(|shop| &shop.name),
        phone: text(|shop| &shop.phone),
        number: domain::as_people_read(text(|shop| &shop.phone)),
    };
    let Some(filled) = PAGE.as_ref().and_then(|page| page.fill(&shown).ok()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = (status, Html(filled)).into_response();
    let headers = response.headers_mut();
    // The address is a secret of two: no other website learns it, and no cache keeps it.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
        ),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_can_be_filled() {
        let shop = LinkedShop {
            name: "Sample Tint & <Sons>".into(),
            phone: "+18135550100".into(),
            postal_address: "1 Main St".into(),
            hours: "9 to 6".into(),
            language: Language::English,
        };
        for (what, language) in
            ["leave", "left", "nothing"].into_iter().flat_map(|what| Language::ALL.map(|l| (what, l)))
        {
            let response = page(StatusCode::OK, what, "abc", language, Some(&shop));
            assert_eq!(response.status(), StatusCode::OK, "{what}");
        }
    }
}
