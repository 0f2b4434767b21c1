//! `POST /webhooks/tekmetric/{token}`: something happened in a shop.
//!
//! The vendor signs nothing, so the token in the address is all that shows who speaks. What is said is only ever a reason to look: what
//! is true is read from the CRM.

use axum::{extract::State, http::StatusCode};
use crm::Change;
use domain::CrmName;
use events::Source;
use service::{Code, Problem};

use crate::{
    App,
    app::{Verified, refuse},
    door::{Body, Token},
};

const SOURCE: Source = Source::Crm(CrmName::Tekmetric);

pub(crate) async fn happened(State(app): State<App>, Token(token): Token, body: Body) -> Result<StatusCode, Problem> {
    let door = app.0.doors.open(SOURCE, &token).await?;
    let body = body.whole(SOURCE)?;
    let change = Change::parse(CrmName::Tekmetric, &body)
        .map_err(|error| refuse(SOURCE, Problem::new(Code::NotReadable, error.to_string())))?;
    app.store(Verified::change(door.tenant, SOURCE, change, body)).await?;
    Ok(StatusCode::NO_CONTENT)
}
