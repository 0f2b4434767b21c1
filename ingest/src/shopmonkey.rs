//! `POST /webhooks/shopmonkey/{token}`: a row of the CRM changed.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use crm::Change;
use domain::CrmName;
use events::Source;
use service::{Code, Problem};

use crate::{
    App,
    app::{Verified, refuse},
    door::{Body, Token},
    signature::standard_webhooks,
};

const SOURCE: Source = Source::Crm(CrmName::Shopmonkey);

pub(crate) async fn changed(
    State(app): State<App>,
    Token(token): Token,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let door = app.0.doors.open(SOURCE, &token).await?;
    let body = body.whole(SOURCE)?;
    let (now, tolerance) = (app.0.clock.wall(), app.0.config.timestamp_tolerance);
    let is_signed = |secret: &str| standard_webhooks::verify(&headers, &body, secret, now, tolerance);
    let tenant = app.0.doors.verify(SOURCE, &token, &door, is_signed).await?;
    let change = Change::parse(CrmName::Shopmonkey, &body)
        .map_err(|error| refuse(SOURCE, Problem::new(Code::NotReadable, error.to_string())))?;
    app.store(Verified::change(tenant, SOURCE, change, body)).await?;
    Ok(StatusCode::NO_CONTENT)
}
