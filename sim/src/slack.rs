//! Slack: a bot that writes into channels, and people who press its buttons.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Json, Router,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use chrono::Utc;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    Event, Vendor,
    connection::Cut,
    faults::{after, before},
    world::World,
};

pub const BOT_TOKEN: &str = "xoxb-example-slack-token";
pub const SIGNING_SECRET: &str = "example-slack-signing-secret";
/// The one channel there is not.
pub const NO_CHANNEL: &str = "C0NOTHERE";

#[derive(Debug, Default)]
pub struct Slack {
    interaction_url: Mutex<Option<String>>,
}

impl Slack {
    /// Where presses of buttons are posted to.
    pub fn set_interaction_url(&self, url: String) {
        *self.interaction_url.lock().unwrap_or_else(PoisonError::into_inner) = Some(url);
    }
}

pub fn router() -> Router<Arc<World>> {
    Router::new().route("/api/chat.postMessage", post(write)).route("/api/auth.test", post(test))
}

fn may_enter(headers: &HeaderMap) -> bool {
    headers.get("authorization").is_some_and(|given| given == format!("Bearer {BOT_TOKEN}").as_str())
}

async fn test(headers: HeaderMap) -> Json<Value> {
    Json(if may_enter(&headers) {
        json!({"ok": true, "bot_id": "B1"})
    } else {
        json!({"ok": false, "error": "invalid_auth"})
    })
}

async fn write(
    State(world): State<Arc<World>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    headers: HeaderMap,
    Json(message): Json<Value>,
) -> Response {
    let fault = world.faults.meet(Vendor::Slack);
    if let Some(answer) = before(fault, &cut).await {
        return answer;
    }
    let no = |why: &str| {
        world.journal.write(Event::Refused { vendor: "slack".into(), why: why.into() });
        Json(json!({"ok": false, "error": why})).into_response()
    };
    if !may_enter(&headers) {
        return no("invalid_auth");
    }
    let (channel, text) =
        (message["channel"].as_str().unwrap_or_default(), message["text"].as_str().unwrap_or_default());
    if channel.is_empty() || channel == NO_CHANNEL {
        return no("channel_not_found");
    }
    if text.is_empty() {
        return no("no_text");
    }
    let button = message["blocks"][1]["elements"][0]["value"].as_str().map(str::to_owned);
    let said = Event::StaffTold { vendor: "slack".into(), to: channel.into(), text: text.into(), button };
    world.journal.write(said);
    let ts = format!("{}.000200", now());
    after(fault, &cut, Json(json!({"ok": true, "channel": channel, "ts": ts})).into_response())
}

impl World {
    /// Somebody presses the button of the newest message in this channel. Answers the receiver's status; `None`: there is none.
    pub async fn press_in_slack(&self, channel: &str, who: &str) -> Option<u16> {
        let button = self.newest_button("slack", channel)?;
        let url = self.slack.interaction_url.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let payload = json!({
            "type": "block_actions", "user": {"id": "U1", "username": who, "name": who}, "channel": {"id": channel},
            "actions": [{"action_id": "take", "type": "button", "value": button, "action_ts": format!("{}.5", now())}],
            "trigger_id": "1.2.3", "response_url": "https://hooks.slack.example/actions/1"
        });
        let body = serde_urlencoded::to_string([("payload", payload.to_string())]).unwrap_or_default();
        let timestamp = now().to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(SIGNING_SECRET.as_bytes()).ok()?;
        mac.update(format!("v0:{timestamp}:{body}").as_bytes());
        let request = self
            .http
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-slack-request-timestamp", timestamp)
            .header("x-slack-signature", format!("v0={}", hex::encode(mac.finalize().into_bytes())))
            .body(body);
        let status = request.send().await.map_or(StatusCode::BAD_GATEWAY.as_u16(), |answer| answer.status().as_u16());
        self.journal.write(Event::CallbackAnswered { vendor: "slack".into(), status });
        Some(status)
    }

    /// Of a staff's message, the newest there.
    pub(crate) fn newest_button(&self, of_vendor: &str, there: &str) -> Option<String> {
        self.journal.entries().into_iter().rev().find_map(|entry| match entry.event {
            Event::StaffTold { vendor, to, button, .. } if vendor == of_vendor && to == there => button,
            _ => None,
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "a vendor has its own clock")]
fn now() -> i64 {
    Utc::now().timestamp()
}
