//! `POST /webhooks/sendgrid/{token}`: a batch of events about emails, kept whole.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use events::{InboundKind, Source};
use ring::digest::{SHA256, digest};
use service::{Code, Problem};

use crate::{
    App,
    app::{Verified, refuse},
    door::{Body, Token},
    signature::sendgrid,
};

const SOURCE: Source = Source::Sendgrid;

pub(crate) async fn events(
    State(app): State<App>,
    Token(token): Token,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let door = app.0.doors.open(SOURCE, &token).await?;
    let body = body.whole(SOURCE)?;
    let is_signed = |key: &str| sendgrid::verify(&headers, &body, key);
    let tenant = app.0.doors.verify(SOURCE, &token, &door, is_signed).await?;
    // The batch's end is CR LF and part of what is signed, so the body is looked at and never changed.
    if !body.trim_ascii().starts_with(b"[") || !body.trim_ascii().ends_with(b"]") {
        return Err(refuse(SOURCE, Problem::new(Code::NotReadable, "The body is not a list of events.")));
    }
    let key = hex::encode(&digest(&SHA256, &body).as_ref()[..16]);
    app.store(Verified { tenant, source: SOURCE, kind: InboundKind::Receipt, key, query: String::new(), body }).await?;
    Ok(StatusCode::NO_CONTENT)
}
