//! `POST /webhooks/slack/{token}`: somebody of the staff pressed a button.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use events::{InboundKind, Source};
use serde::Deserialize;
use service::{Code, Problem};

use crate::{
    App,
    app::{Verified, refuse},
    door::{Body, Token},
    signature::slack,
};

const SOURCE: Source = Source::Slack;

#[derive(Deserialize)]
struct Press {
    actions: Vec<Action>,
}

#[derive(Deserialize)]
struct Action {
    action_id: Option<String>,
    action_ts: Option<String>,
    value: Option<String>,
}

pub(crate) async fn interaction(
    State(app): State<App>,
    Token(token): Token,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let door = app.0.doors.open(SOURCE, &token).await?;
    let body = body.whole(SOURCE)?;
    let now = app.0.clock.wall();
    let is_signed = |secret: &str| slack::verify(&headers, &body, secret, now, app.0.config.timestamp_tolerance);
    let tenant = app.0.doors.verify(SOURCE, &token, &door, is_signed).await?;
    let Some(key) = press(&body) else {
        return Err(refuse(SOURCE, Problem::new(Code::NotReadable, "The body is no press of a button of ours.")));
    };
    let kind = InboundKind::Acknowledgement;
    app.store(Verified { tenant, source: SOURCE, kind, key, query: String::new(), body }).await?;
    // An empty answer leaves the message in Slack as it is.
    Ok(StatusCode::OK)
}

/// What makes a press itself: which button, and when.
fn press(body: &[u8]) -> Option<String> {
    let form: Vec<(String, String)> = serde_urlencoded::from_bytes(body).ok()?;
    let (_, payload) = form.iter().find(|(name, _)| name == "payload")?;
    let press: Press = serde_json::from_str(payload).ok()?;
    let action = press.actions.into_iter().find(|action| action.action_id.as_deref() == Some("take"))?;
    Some(format!("{}:{}", action.value?, action.action_ts.unwrap_or_default()))
}
