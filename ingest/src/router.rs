use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::from_fn_with_state,
    routing::{get, post},
};
use service::{Code, Problem};

use crate::{
    App, door::LARGEST_BODY_BYTES, forms, links, refusals, sendgrid, shopmonkey, slack, tekmetric, telegram, twilio,
    whatsapp,
};

/// Every address from outside, on one screen.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/webhooks/shopmonkey/{token}", post(shopmonkey::changed))
        .route("/webhooks/tekmetric/{token}", post(tekmetric::happened))
        .route("/webhooks/twilio/{token}/status", post(twilio::status))
        .route("/webhooks/twilio/{token}/reply", post(twilio::reply))
        .route("/webhooks/sendgrid/{token}", post(sendgrid::events))
        .route("/webhooks/whatsapp/{token}", get(whatsapp::prove).post(whatsapp::told))
        .route("/webhooks/slack/{token}", post(slack::interaction))
        .route("/webhooks/telegram/{token}", post(telegram::update))
        .route("/api/forms/{form_key}", post(forms::form).options(forms::preflight))
        .route("/api/chatbot/leads", post(forms::chatbot_lead).options(forms::preflight))
        .route("/api/submit-contact", post(forms::contact).options(forms::preflight))
        .route("/api/property-inquiry", post(forms::property_inquiry).options(forms::preflight))
        .route("/u/{token}", get(links::ask_to_leave).post(links::leave))
        .fallback(async || Problem::new(Code::NotFound, "Webhooks live under /webhooks/, forms under /api/."))
        .method_not_allowed_fallback(async || Problem::new(Code::WrongMethod, "Webhooks and forms are sent with POST."))
        .layer(DefaultBodyLimit::max(LARGEST_BODY_BYTES))
        .layer(from_fn_with_state(app.clone(), refusals::note))
        .with_state(app)
}
