use std::time::Duration;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use service::http;

use crate::{App, book, calendar_file, context, health, history, message, page, session, stop, stream};

/// Of a request that is no stream, a wait for an answer in one piece included.
const SLOWEST: Duration = Duration::from_secs(40);
const LARGEST_BODY_BYTES: usize = 32 << 10;

/// Every address of a conversation, on one screen.
pub fn router(app: App) -> Router {
    let asked = Router::new()
        .route("/c/{token}", get(page::show))
        .route("/c/page/{name}", get(page::script))
        .route("/api/health", get(health::health))
        .route("/api/chat/open", post(session::open))
        .route("/api/chat/{lead}/message", post(message::message))
        .route("/api/chat/{lead}/history", get(history::history))
        .route("/api/chat/{lead}/context", get(context::context))
        .route("/api/chat/{lead}/stop", post(stop::stop))
        .route("/api/chat/{lead}/book", post(book::book))
        .route("/api/chat/{lead}/cancel", post(book::cancel))
        .route("/api/chat/{lead}/calendar", get(calendar_file::calendar_file))
        .layer(DefaultBodyLimit::max(LARGEST_BODY_BYTES))
        .with_state(app.clone());
    // A stream lasts as long as somebody reads it.
    let streamed = Router::new().route("/api/chat/{lead}/stream", get(stream::stream)).with_state(app);
    http::within(SLOWEST, asked).merge(streamed)
}
