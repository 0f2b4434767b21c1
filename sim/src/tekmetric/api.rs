//! The REST API, with the quirks that were observed on the live one.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    extract::{ConnectInfo, Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use super::token;
use crate::{
    Event, Vendor,
    connection::Cut,
    faults::{after, before},
    world::World,
};

const LARGEST_PAGE: usize = 100;
const USUAL_PAGE: usize = 10;

pub fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/api/v1/oauth/token", post(token::give))
        .route("/api/v1/shops", get(shops))
        .route("/api/v1/{table}", get(list))
        .route("/api/v1/{table}/{id}", get(by_id))
}

/// Who may not enter gets an empty answer.
fn may_enter(world: &World, headers: &HeaderMap) -> Result<(), Response> {
    let expected = format!("Bearer {}", world.tekmetric.state().token);
    let is_refused = world.tekmetric.refuses_tokens();
    if !is_refused && headers.get("authorization").is_some_and(|value| value.as_bytes() == expected.as_bytes()) {
        return Ok(());
    }
    world.journal.write(Event::Refused { vendor: "tekmetric".into(), why: "401".into() });
    Err(StatusCode::UNAUTHORIZED.into_response())
}

/// In one of two shapes.
fn out_of_scope(shop: i64) -> Response {
    let body = if shop % 2 == 0 {
        json!({"type": "ERROR", "message": "Access Denied", "data": null, "details": {}})
    } else {
        json!({"error": "insufficient_scope", "error_description": "Insufficient scope", "scope": shop.to_string()})
    };
    (StatusCode::FORBIDDEN, Json(body)).into_response()
}

/// Meets a request with its fault, or answers it. What is too much is said without a word.
async fn meet(world: &World, cut: &Cut, headers: &HeaderMap, answer: impl FnOnce() -> Response) -> Response {
    world.tekmetric.state().requests += 1;
    let fault = world.faults.meet(Vendor::Tekmetric);
    if let Some(answer) = before(fault, cut).await {
        world.journal.write(Event::Refused { vendor: "tekmetric".into(), why: format!("{fault:?}") });
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            let mut silent = StatusCode::TOO_MANY_REQUESTS.into_response();
            if let Some(after) = answer.headers().get(header::RETRY_AFTER) {
                silent.headers_mut().insert(header::RETRY_AFTER, after.clone());
            }
            return silent;
        }
        return answer;
    }
    let answer = may_enter(world, headers).map_or_else(|refused| refused, |()| answer());
    after(fault, cut, answer)
}

async fn shops(State(world): State<Arc<World>>, ConnectInfo(cut): ConnectInfo<Cut>, headers: HeaderMap) -> Response {
    let answer = || {
        let scope = world.tekmetric.state().scope.clone();
        let shops: Vec<_> = scope.iter().map(|id| json!({"id": id, "name": format!("Sample Shop {id}")})).collect();
        Json(shops).into_response()
    };
    meet(&world, &cut, &headers, answer).await
}

async fn by_id(
    State(world): State<Arc<World>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    Path((table, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let answer = || {
        // Canned jobs are only listed.
        let row = id.parse().ok().filter(|_| table != "canned-jobs").and_then(|id| world.tekmetric.row(&table, id));
        let Some(row) = row else { return StatusCode::NOT_FOUND.into_response() };
        let state = world.tekmetric.state();
        match row["shopId"].as_i64() {
            Some(shop) if !state.scope.contains(&shop) => out_of_scope(shop),
            _ => Json(shown(row, state.is_zoneless)).into_response(),
        }
    };
    meet(&world, &cut, &headers, answer).await
}

async fn list(
    State(world): State<Arc<World>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    Path(table): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    if table == "canned-jobs" {
        let filter = query.get("shop").cloned().unwrap_or_default();
        world.journal.write(Event::CatalogAsked { filter });
    }
    let answer = || {
        let state = world.tekmetric.state();
        let shop: Option<i64> = query.get("shop").and_then(|shop| shop.parse().ok());
        if let Some(shop) = shop.filter(|shop| !state.scope.contains(shop)) {
            return out_of_scope(shop);
        }
        let rows = state.tables.get(table.as_str());
        let matching: Vec<_> = rows
            .into_iter()
            .flat_map(|rows| rows.values())
            .filter(|row| matches(&table, row, shop, &query, &state.deaf_to))
            .cloned()
            .collect();
        let number = |name: &str, usual| query.get(name).and_then(|text| text.parse().ok()).unwrap_or(usual);
        // A page that is too large is made smaller without a word.
        let (page, size) = (number("page", 0_usize), number("size", USUAL_PAGE).clamp(1, LARGEST_PAGE));
        let pages = matching.len().div_ceil(size);
        let content: Vec<_> =
            matching.iter().skip(page * size).take(size).map(|row| shown(row.clone(), state.is_zoneless)).collect();
        let (count, is_last) = (content.len(), page + 1 >= pages);
        let sort = json!({"sorted": true, "unsorted": false, "empty": false});
        // In older answers of this list it is an array.
        let sort = if table == "customers" { json!([sort]) } else { sort };
        Json(json!({
            "content": content,
            "pageable": {"pageNumber": page, "pageSize": size, "offset": page * size, "paged": true, "unpaged": false},
            "totalPages": pages, "totalElements": matching.len(), "last": is_last, "first": page == 0, "size": size,
            "number": page, "sort": sort, "numberOfElements": count, "empty": count == 0
        }))
        .into_response()
    };
    meet(&world, &cut, &headers, answer).await
}

/// Asked for what was changed and what was deleted at once, it gives what was deleted. Deleted appointments are in every list.
fn matches(table: &str, row: &Value, shop: Option<i64>, query: &HashMap<String, String>, deaf: &[String]) -> bool {
    let its_shop = if table == "canned-jobs" { &row["sim.shop"] } else { &row["shopId"] };
    if shop.is_some_and(|shop| its_shop != shop) {
        return false;
    }
    let asks_for_deleted = query.keys().any(|name| name.starts_with("deletedDate"));
    let is_deleted = row["deletedDate"].is_string();
    if is_deleted != asks_for_deleted && !(is_deleted && table == "appointments") {
        return false;
    }
    let bound = |name: &str| query.get(name).filter(|_| !deaf.iter().any(|deaf| deaf == name));
    let within = |field: &str, start: &str, end: &str| {
        let (from, until) = (bound(start), bound(end));
        let at = row[field].as_str();
        from.is_none_or(|from| at.is_some_and(|at| instant(at) >= instant(from)))
            && until.is_none_or(|until| at.is_some_and(|at| instant(at) <= instant(until)))
    };
    (asks_for_deleted || within("updatedDate", "updatedDateStart", "updatedDateEnd"))
        && within("deletedDate", "deletedDateStart", "deletedDateEnd")
        && within("createdDate", "start", "end")
}

fn instant(text: &str) -> i64 {
    text.parse::<chrono::DateTime<chrono::Utc>>().map(|at| at.timestamp_millis()).unwrap_or_default()
}

/// As it is shown: without what is only ours to know, and, where they are left out, without zones.
fn shown(mut row: Value, is_zoneless: bool) -> Value {
    if let Some(fields) = row.as_object_mut() {
        fields.remove("sim.shop");
    }
    for field in ["startTime", "endTime"] {
        if is_zoneless && let Some(time) = row[field].as_str() {
            row[field] = time.trim_end_matches('Z').to_owned().into();
        }
    }
    row
}
