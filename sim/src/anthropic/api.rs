//! `POST /v1/messages`: prompts that the vendor would refuse are refused here, too.

use std::sync::{Arc, PoisonError};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{API_KEY, mind, stream};
use crate::{FaultKind, Vendor, connection::Cut, faults::before, world::World};

pub fn router() -> Router<Arc<World>> {
    Router::new().route("/v1/messages", post(messages)).route("/v1/models", get(models))
}

fn refuse(status: u16, kind: &str, message: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json!({ "type": "error", "error": { "type": kind, "message": message }, "request_id": "req_sim" });
    (status, Json(body)).into_response()
}

async fn models(headers: HeaderMap) -> Response {
    if headers.get("x-api-key").is_none_or(|key| key != API_KEY) {
        return refuse(401, "authentication_error", "invalid x-api-key");
    }
    Json(json!({ "data": [{ "type": "model", "id": "claude-haiku-5-5" }], "has_more": true })).into_response()
}

async fn messages(
    State(world): State<Arc<World>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = world.faults.meet(Vendor::Anthropic);
    match fault {
        Some(FaultKind::FailBefore) => return refuse(529, "overloaded_error", "Overloaded"),
        Some(FaultKind::SpendLimit) => {
            return refuse(400, "invalid_request_error", "You have reached your specified spend limit.");
        }
        _ => {}
    }
    if let Some(answer) = before(fault, &cut).await {
        return answer;
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if header("x-api-key") != API_KEY {
        return refuse(401, "authentication_error", "invalid x-api-key");
    }
    if header("anthropic-version").is_empty() {
        return refuse(400, "invalid_request_error", "anthropic-version: header is required");
    }
    let Ok(prompt) = serde_json::from_slice::<Value>(&body) else {
        return refuse(400, "invalid_request_error", "The request body is not valid JSON");
    };
    if let Err(wrong) = check(&prompt) {
        return refuse(400, "invalid_request_error", wrong);
    }
    let told = prompt["messages"].as_array().cloned().unwrap_or_default();
    let scripted = world.anthropic.next_scripted().unwrap_or_else(|| mind::answer(&told));
    let number = {
        let mut asked = world.anthropic.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(prompt.clone());
        asked.len()
    };
    let model = prompt["model"].as_str().unwrap_or_default();
    let events = stream::events(&format!("{number:04}"), model, &scripted, fault);
    let body = Body::from_stream(stream::bytes(events, world.anthropic.pause(), fault));
    ([(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")], body).into_response()
}

/// As the vendor checks it: what is missing, what is gone in this version, and calls without their results.
fn check(prompt: &Value) -> Result<(), &'static str> {
    if prompt["model"].as_str().is_none_or(str::is_empty) {
        return Err("model: Field required");
    }
    if prompt["max_tokens"].as_u64().is_none_or(|most| most == 0) {
        return Err("max_tokens: Field required");
    }
    if prompt["stream"] != true {
        return Err("stream: this stands for streams alone");
    }
    if ["temperature", "top_p", "top_k"].iter().any(|gone| !prompt[gone].is_null()) {
        return Err("temperature: Extra inputs are not permitted");
    }
    let messages = prompt["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    if messages.first().is_none_or(|message| message["role"] != "user") {
        return Err("messages: first message must use the \"user\" role");
    }
    if messages.last().is_some_and(|message| message["role"] == "assistant") {
        return Err("messages: this model does not support assistant message prefill");
    }
    let ids = |message: &Value, kind: &str, name: &str| -> Vec<String> {
        let blocks = message["content"].as_array().cloned().unwrap_or_default();
        let of_kind = blocks.iter().filter(|block| block["type"] == kind);
        of_kind.filter_map(|block| block[name].as_str().map(str::to_owned)).collect()
    };
    for (place, message) in messages.iter().enumerate() {
        let called = ids(message, "tool_use", "id");
        let answered = messages.get(place + 1).map(|next| ids(next, "tool_result", "tool_use_id")).unwrap_or_default();
        if called != answered {
            return Err("messages: `tool_use` ids were found without `tool_result` blocks immediately after");
        }
        let is_empty = |block: &Value| block["type"] == "text" && block["text"].as_str().is_none_or(str::is_empty);
        if message["content"].as_array().is_some_and(|blocks| blocks.iter().any(is_empty)) {
            return Err("messages: text content blocks must be non-empty");
        }
    }
    Ok(())
}
