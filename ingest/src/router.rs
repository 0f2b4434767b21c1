use axum::{Router, extract::DefaultBodyLimit, middleware::from_fn_with_state, routing::post};
use service::{Code, Problem};

use crate::{App, door::LARGEST_BODY_BYTES, refusals, sendgrid, shopmonkey, twilio};

/// Every address from outside, on one screen.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/webhooks/shopmonkey/{token}", post(shopmonkey::changed))
        .route("/webhooks/twilio/{token}/status", post(twilio::status))
        .route("/webhooks/twilio/{token}/reply", post(twilio::reply))
        .route("/webhooks/sendgrid/{token}", post(sendgrid::events))
        .fallback(async || Problem::new(Code::NotFound, "Webhooks live under /webhooks/."))
        .method_not_allowed_fallback(async || Problem::new(Code::WrongMethod, "Webhooks are sent with POST."))
        .layer(DefaultBodyLimit::max(LARGEST_BODY_BYTES))
        .layer(from_fn_with_state(app.clone(), refusals::note))
        .with_state(app)
}
