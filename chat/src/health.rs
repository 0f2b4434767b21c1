//! `GET /api/health`: who can answer. Whether this process is ready does not depend on it: the concierge always can.

use axum::Json;
use serde_json::{Value, json};

pub(crate) async fn health() -> Json<Value> {
    Json(json!({ "status": "ok", "providers": [{ "name": "concierge", "is_ready": true }] }))
}
