//! Telegram: a bot that writes into chats, and people who press its buttons.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicI64, Ordering},
};

use axum::{
    Json, Router,
    extract::{ConnectInfo, Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};

use crate::{
    Event, FaultKind, Vendor,
    connection::Cut,
    faults::{after, before},
    world::World,
};

pub const BOT_TOKEN: &str = "1234567890:example-telegram-token";
pub const SECRET_TOKEN: &str = "example-telegram-secret";
/// Whoever is there has blocked the bot.
pub const BLOCKED_CHAT: i64 = 403;

#[derive(Debug, Default)]
pub struct Telegram {
    webhook_url: Mutex<Option<String>>,
    updates: AtomicI64,
}

impl Telegram {
    /// Where updates are posted to.
    pub fn set_webhook_url(&self, url: String) {
        *self.webhook_url.lock().unwrap_or_else(PoisonError::into_inner) = Some(url);
    }
}

pub fn router() -> Router<Arc<World>> {
    Router::new().route("/{bot}/sendMessage", post(write)).route("/{bot}/getMe", post(me))
}

fn no(status: StatusCode, description: &str) -> Response {
    let body = json!({"ok": false, "error_code": status.as_u16(), "description": description});
    (status, Json(body)).into_response()
}

async fn me(Path(bot): Path<String>) -> Response {
    if bot == format!("bot{BOT_TOKEN}") {
        return Json(json!({"ok": true, "result": {"id": 1, "is_bot": true}})).into_response();
    }
    no(StatusCode::UNAUTHORIZED, "Unauthorized")
}

async fn write(
    State(world): State<Arc<World>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    Path(bot): Path<String>,
    Json(message): Json<Value>,
) -> Response {
    let fault = world.faults.meet(Vendor::Telegram);
    if let Some(FaultKind::TooMany { retry_after_s }) = fault {
        let wait = retry_after_s.unwrap_or(1);
        let body = json!({
            "ok": false, "error_code": 429, "description": format!("Too Many Requests: retry after {wait}"),
            "parameters": {"retry_after": wait}
        });
        return (StatusCode::TOO_MANY_REQUESTS, Json(body)).into_response();
    }
    if let Some(answer) = before(fault, &cut).await {
        return answer;
    }
    if bot != format!("bot{BOT_TOKEN}") {
        return no(StatusCode::UNAUTHORIZED, "Unauthorized");
    }
    let (chat, text) = (message["chat_id"].as_i64(), message["text"].as_str().unwrap_or_default());
    let Some(chat) = chat else { return no(StatusCode::BAD_REQUEST, "Bad Request: chat not found") };
    if chat == BLOCKED_CHAT {
        return no(StatusCode::FORBIDDEN, "Forbidden: bot was blocked by the user");
    }
    if text.is_empty() {
        return no(StatusCode::BAD_REQUEST, "Bad Request: message text is empty");
    }
    let button = message["reply_markup"]["inline_keyboard"][0][0]["callback_data"].as_str().map(str::to_owned);
    world.journal.write(Event::StaffTold {
        vendor: "telegram".into(),
        to: chat.to_string(),
        text: text.into(),
        button,
    });
    let result = json!({"ok": true, "result": {"message_id": 7, "date": 0, "chat": {"id": chat}, "text": text}});
    after(fault, &cut, Json(result).into_response())
}

impl World {
    /// Somebody presses the button of the newest message in this chat. Answers the receiver's status; `None`: there is none.
    pub async fn press_in_telegram(&self, chat: i64, who: &str) -> Option<u16> {
        let button = self.newest_button("telegram", &chat.to_string())?;
        let url = self.telegram.webhook_url.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let update = self.telegram.updates.fetch_add(1, Ordering::Relaxed) + 1;
        let body = json!({
            "update_id": update,
            "callback_query": {
                "id": "1", "from": {"id": 5, "is_bot": false, "first_name": who}, "message": {"message_id": 7, "chat": {"id": chat}},
                "chat_instance": "1", "data": button
            }
        });
        let request = self.http.post(url).header("x-telegram-bot-api-secret-token", SECRET_TOKEN).json(&body);
        let status = request.send().await.map_or(StatusCode::BAD_GATEWAY.as_u16(), |answer| answer.status().as_u16());
        self.journal.write(Event::CallbackAnswered { vendor: "telegram".into(), status });
        Some(status)
    }
}
