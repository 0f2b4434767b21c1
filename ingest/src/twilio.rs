//! Twilio's two callbacks: what became of a text, and what a customer wrote back.

use axum::{
    extract::{OriginalUri, State},
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use events::{InboundKind, Source};
use service::{Code, Problem};

use crate::{
    App,
    app::{Verified, refuse},
    door::{Body, Token},
    signature::twilio,
};

const SOURCE: Source = Source::Twilio;

/// `POST /webhooks/twilio/{token}/status?attempt=…`
pub(crate) async fn status(
    State(app): State<App>,
    Token(token): Token,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let call = Call { app: &app, token: &token, path_and_query: &uri, headers: &headers };
    let key = |form: &Form| Some(format!("{}:{}", form.get("MessageSid")?, form.get("MessageStatus")?));
    call.take(body, InboundKind::Receipt, key).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /webhooks/twilio/{token}/reply`. The answer is TwiML that says nothing: whatever we answer leaves by `notify`.
pub(crate) async fn reply(
    State(app): State<App>,
    Token(token): Token,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Problem> {
    let call = Call { app: &app, token: &token, path_and_query: &uri, headers: &headers };
    call.take(body, InboundKind::Reply, |form| form.get("MessageSid").map(str::to_owned)).await?;
    Ok(([(header::CONTENT_TYPE, "text/xml")], "<Response/>"))
}

struct Call<'a> {
    app: &'a App,
    token: &'a str,
    path_and_query: &'a axum::http::Uri,
    headers: &'a HeaderMap,
}

/// Decoded pairs of a form, in the order they came.
pub(crate) struct Form(pub(crate) Vec<(String, String)>);

impl Form {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }
}

impl Call<'_> {
    async fn take(&self, body: Body, kind: InboundKind, key: impl Fn(&Form) -> Option<String>) -> Result<(), Problem> {
        let parts = &self.app.0;
        let door = parts.doors.open(SOURCE, self.token).await?;
        let body = body.whole(SOURCE)?;
        let not_readable = |what: &str| refuse(SOURCE, Problem::new(Code::NotReadable, what));
        let form =
            serde_urlencoded::from_bytes(&body).map(Form).map_err(|_| not_readable("The body is not a form."))?;
        let is_signed =
            |token: &str| twilio::verify(&parts.config.public_url, self.path_and_query, &form, self.headers, token);
        let tenant = parts.doors.verify(SOURCE, self.token, &door, is_signed).await?;
        let key = key(&form).ok_or_else(|| {
            not_readable(match kind {
                InboundKind::Reply => "The form has no MessageSid.",
                _ => "The form has no MessageSid or no MessageStatus.",
            })
        })?;
        let query = self.path_and_query.query().unwrap_or_default().to_owned();
        self.app.store(Verified { tenant, source: SOURCE, kind, key, query, body }).await
    }
}
