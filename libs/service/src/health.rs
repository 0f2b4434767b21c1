//! `/health` (the process answers), `/ready` (it can do its work), `/metrics` (Prometheus).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use futures::future::{BoxFuture, join_all};
use serde::Serialize;

use crate::{Code, Problem};

/// One thing a role needs. Answers, in an operator's words, what is wrong.
pub type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

#[derive(Clone, Default)]
pub struct Checks(Vec<(&'static str, Check)>);

impl Checks {
    pub fn add(&mut self, name: &'static str, check: Check) {
        self.0.push((name, check));
    }

    /// Runs every check at once; one that hangs counts as failed.
    pub async fn run(&self) -> BTreeMap<&'static str, Result<(), String>> {
        let checks = self.0.iter().map(|(name, check)| async {
            let answer = tokio::time::timeout(Duration::from_secs(2), check()).await;
            (*name, answer.unwrap_or_else(|_| Err("no answer within two seconds".into())))
        });
        join_all(checks).await.into_iter().collect()
    }
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    checks: BTreeMap<&'static str, String>,
}

pub fn router(checks: Checks) -> Router {
    Router::new()
        .route("/health", get(|| async { "ok\n" }))
        .route("/ready", get(ready))
        .route("/metrics", get(|| async { crate::telemetry::render_metrics() }))
        .method_not_allowed_fallback(async || Problem::new(Code::WrongMethod, "This address is read with GET."))
        .with_state(checks)
}

async fn ready(State(checks): State<Checks>) -> impl IntoResponse {
    let answers = checks.run().await;
    let ready = answers.values().all(Result::is_ok);
    let checks =
        answers.into_iter().map(|(name, answer)| (name, answer.err().unwrap_or_else(|| "ok".into()))).collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, checks }))
}
