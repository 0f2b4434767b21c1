//! `POST /webhooks/telegram/{token}`: somebody of the staff pressed a button, or wrote to the bot.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use events::{InboundKind, Source};
use ring::hmac;
use serde::Deserialize;
use serde_json::Value;
use service::{Code, Problem};

use crate::{
    App,
    app::{Verified, refuse},
    door::{Body, Token},
    signature,
};

const SOURCE: Source = Source::Telegram;

#[derive(Deserialize)]
struct Update {
    update_id: i64,
    callback_query: Option<Value>,
}

pub(crate) async fn update(
    State(app): State<App>,
    Token(token): Token,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let door = app.0.doors.open(SOURCE, &token).await?;
    let body = body.whole(SOURCE)?;
    let token_bytes = token.clone().into_bytes();
    let is_signed = |secret: &str| {
        let given = headers.get("x-telegram-bot-api-secret-token").map_or(&b""[..], |value| value.as_bytes());
        // The secret itself comes with the request: both are hashed with one key, so that comparing takes the same time for all.
        let key = hmac::Key::new(hmac::HMAC_SHA256, &token_bytes);
        hmac::verify(&key, given, hmac::sign(&key, secret.as_bytes()).as_ref())
            .map_err(|_| signature::bad("X-Telegram-Bot-Api-Secret-Token is missing or another one."))
    };
    let tenant = app.0.doors.verify(SOURCE, &token, &door, is_signed).await?;
    let update: Update = serde_json::from_slice(&body)
        .map_err(|_| refuse(SOURCE, Problem::new(Code::NotReadable, "The body is no update of a bot's.")))?;
    // Whatever else somebody writes to the bot is kept, and read by nobody.
    let pressed = update.callback_query.as_ref().and_then(|press| press["data"].as_str());
    let is_ours = pressed.is_some_and(|data| data.starts_with("take:"));
    let kind = if is_ours { InboundKind::Acknowledgement } else { InboundKind::Other };
    let key = update.update_id.to_string();
    app.store(Verified { tenant, source: SOURCE, kind, key, query: String::new(), body }).await?;
    Ok(StatusCode::OK)
}
