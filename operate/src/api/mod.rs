//! The operators' API. A key belongs to one tenant, so no address names one: nobody can ask for another's.

mod caller;
mod ledger;

use std::sync::Arc;

pub(crate) use caller::Scope;

use axum::{Router, routing::get, routing::post};
use service::{Code, Problem};
use stage::Bus;

use crate::Desk;

/// What every route has at hand. Cheap to clone.
#[derive(Clone)]
pub struct Api(Arc<Parts>);

struct Parts {
    desk: Desk,
    bus: Bus,
}

impl Api {
    pub fn new(desk: Desk, bus: Bus) -> Self {
        Self(Arc::new(Parts { desk, bus }))
    }
}

/// Every address of operators, on one screen.
pub fn router(api: Api) -> Router {
    Router::new()
        .route("/api/operate/v1/ledger", get(ledger::read))
        .route("/api/operate/v1/ledger/recover", post(ledger::recover))
        .method_not_allowed_fallback(async || {
            Problem::new(Code::WrongMethod, "A ledger is read with GET and recovered with POST.")
        })
        .with_state(api)
}
