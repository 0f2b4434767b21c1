//! The token endpoint.

use std::sync::Arc;

use axum::{
    Form, Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::json;

use crate::{Event, world::World};

/// Examples, and of no use anywhere else.
pub const CLIENT_ID: &str = "example-tekmetric-client";
pub const CLIENT_SECRET: &str = "example-tekmetric-secret";

#[derive(Deserialize)]
pub(super) struct Grant {
    grant_type: Option<String>,
}

/// The same token for everybody who asks, until it is revoked; how long it is good it does not say.
pub(super) async fn give(
    State(world): State<Arc<World>>,
    headers: HeaderMap,
    Form(Grant { grant_type }): Form<Grant>,
) -> Response {
    let expected = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")));
    let is_known = headers.get("authorization").is_some_and(|value| value.as_bytes() == expected.as_bytes());
    if !is_known || grant_type.as_deref() != Some("client_credentials") {
        world.journal.write(Event::Refused { vendor: "tekmetric".into(), why: "invalid_client".into() });
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": "invalid_client"}))).into_response();
    }
    let mut state = world.tekmetric.state();
    state.tokens_given += 1;
    let scope = state.scope.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    Json(json!({"access_token": state.token, "token_type": "bearer", "scope": scope})).into_response()
}
