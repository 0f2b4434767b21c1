//! `GET /api/operate/v1/ledger?from=&to=`, and `POST …/ledger/recover` with the same days.

use axum::{
    Json,
    body::Bytes,
    extract::{Query, State, rejection::QueryRejection},
};
use chrono::{Days, NaiveDate};
use serde::Deserialize;
use service::{Code, Problem, telemetry::causes};

use super::{
    Api,
    caller::{Caller, Scope},
};
use crate::{Error, Ledger, read_ledger};

/// Every day is a walk through the CRM, at the rate that it takes.
const MOST_DAYS: i64 = 31;

/// Days of the shops, both included. Left out: yesterday and today.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Range {
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
}

type Given = Result<Query<Range>, QueryRejection>;

/// The days' orders at the CRM, and what became of each.
pub(super) async fn read(State(api): State<Api>, caller: Caller, range: Given) -> Result<Json<Ledger>, Problem> {
    let slug = caller.may(Scope::LedgerRead)?;
    let (from, to) = days(&api, range)?;
    read_ledger(&api.0.desk, slug, from, to, None).await.map(Json).map_err(|error| problem(&error))
}

/// Takes in what is missing, and answers what is still missing then. May be asked again.
pub(super) async fn recover(
    State(api): State<Api>,
    caller: Caller,
    range: Given,
    body: Bytes,
) -> Result<Json<Ledger>, Problem> {
    let slug = caller.may(Scope::LedgerRecover)?;
    if !body.is_empty() {
        // Whoever writes the days there would have others recovered.
        let detail = "Write the days as ?from=2026-03-01&to=2026-03-02 in the address, and send no body.";
        return Err(Problem::new(Code::WrongQuery, detail));
    }
    let (from, to) = days(&api, range)?;
    let ledger = read_ledger(&api.0.desk, slug, from, to, Some(&api.0.bus)).await;
    ledger.map(Json).map_err(|error| problem(&error))
}

fn days(api: &Api, range: Given) -> Result<(NaiveDate, NaiveDate), Problem> {
    let not_readable = |detail: String| Problem::new(Code::WrongQuery, detail);
    let Query(Range { from, to }) = range.map_err(|error| {
        let said = error.body_text();
        let what = said.rsplit(": ").next().unwrap_or_default();
        not_readable(format!("Write the days as ?from=2026-03-01&to=2026-03-02 in the address; this is wrong: {what}."))
    })?;
    let to = to.unwrap_or_else(|| api.0.desk.clock.now().date_naive());
    let from = from.unwrap_or_else(|| to.checked_sub_days(Days::new(1)).unwrap_or(to));
    if from > to {
        return Err(not_readable(format!("from ({from}) is after to ({to}).")));
    }
    if (to - from).num_days() >= MOST_DAYS {
        return Err(not_readable(format!("At most {MOST_DAYS} days at once; ask for the others after these.")));
    }
    Ok((from, to))
}

/// What is wrong on our side or the CRM's passes; who asks learns which, and nobody's data.
fn problem(error: &Error) -> Problem {
    tracing::warn!(error = causes(error), "a ledger could not be read");
    match error {
        Error::Account(account) => {
            let seconds = account.retry_after().map_or(30, |after| u32::try_from(after.as_secs()).unwrap_or(60).max(1));
            Problem::new(Code::CrmAway, account.to_string()).retry_after(seconds)
        }
        Error::Store(_) => Problem::new(Code::DatabaseAway, "Please ask again later.").retry_after(5),
        Error::Publish(_) => Problem::new(Code::StreamAway, "Please ask again later.").retry_after(5),
        Error::NoDays { .. } => Problem::new(Code::WrongQuery, error.to_string()),
        _ => Problem::new(Code::Internal, "Please ask again later."),
    }
}
