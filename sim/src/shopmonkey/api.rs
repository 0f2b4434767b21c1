//! The REST API, with the quirks that were observed on the live one.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    extract::{ConnectInfo, Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use rand::seq::SliceRandom as _;
use serde_json::{Value, json};

use super::{API_KEY, registrations::shown};
use crate::{
    Event, Manners, Vendor,
    connection::Cut,
    faults::{after, before},
    world::World,
};

const LARGEST_PAGE: usize = 100;

pub fn router() -> Router<Arc<World>> {
    Router::new().route("/v3/{table}", get(list).post(create)).route("/v3/{table}/{id}", get(by_id).put(change))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let id = uuid::Uuid::new_v4().to_string();
    (status, [("x-request-id", id)], Json(body.clone())).into_response()
}

fn refuse(world: &World, status: StatusCode, code: &str, message: &str) -> Response {
    world.journal.write(Event::Refused { vendor: "shopmonkey".into(), why: code.into() });
    answer(status, &json!({"success": false, "code": code, "message": message}))
}

fn may_enter(world: &World, headers: &HeaderMap) -> Result<(), Response> {
    let key = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if key == format!("Bearer {API_KEY}") {
        return Ok(());
    }
    Err(refuse(world, StatusCode::UNAUTHORIZED, "API-00401", "The API key is missing or not valid."))
}

async fn by_id(
    State(world): State<Arc<World>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    Path((table, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let fault = world.faults.meet(Vendor::Shopmonkey);
    if let Some(answer) = before(fault, &cut).await {
        world.journal.write(Event::Refused { vendor: "shopmonkey".into(), why: format!("{fault:?}") });
        return answer;
    }
    if let Err(refused) = may_enter(&world, &headers) {
        return refused;
    }
    let found = match world.shopmonkey.row(&table, &id) {
        Some(row) => answer(StatusCode::OK, &json!({"success": true, "data": row})),
        None => refuse(&world, StatusCode::NOT_FOUND, "ORM-00404", "Not found."),
    };
    after(fault, &cut, found)
}

/// Bare operators filter; `$gte` and everything else unknown is ignored without a word, as there.
async fn list(
    State(world): State<Arc<World>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    Path(table): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    if table == "canned_service" {
        world.journal.write(Event::CatalogAsked { filter: query.get("where").cloned().unwrap_or_default() });
    }
    let fault = world.faults.meet(Vendor::Shopmonkey);
    if let Some(answer) = before(fault, &cut).await {
        world.journal.write(Event::Refused { vendor: "shopmonkey".into(), why: format!("{fault:?}") });
        return answer;
    }
    if let Err(refused) = may_enter(&world, &headers) {
        return refused;
    }
    if query.contains_key("orderby") {
        return refuse(&world, StatusCode::BAD_REQUEST, "API-00400", "Invalid parameter orderby.");
    }
    let filter: Value = query.get("where").and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
    let number = |name: &str, default| query.get(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let deaf = world.shopmonkey.deaf_to();
    let mut matching = world.shopmonkey.rows_where(&table, |row| matches(row, &filter, &deaf));
    if matching.len() > LARGEST_PAGE {
        // Pages of a long list are not the same from one request to the next.
        matching.shuffle(&mut rand::rng());
    }
    let (skip, limit) = (number("skip", 0), number("limit", LARGEST_PAGE).min(LARGEST_PAGE));
    let page: Vec<_> = matching.iter().skip(skip).take(limit).cloned().map(shown).collect();
    let has_more = skip + page.len() < matching.len();
    let found = answer(
        StatusCode::OK,
        &json!({"success": true, "data": page, "meta": {"hasMore": has_more, "total": matching.len()}}),
    );
    after(fault, &cut, found)
}

fn matches(row: &Value, filter: &Value, deaf: &[String]) -> bool {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    filter.as_object().into_iter().flatten().all(|(field, wanted)| match wanted.as_object() {
        _ if deaf.contains(field) => true,
        None => row[field] == *wanted,
        // A date that is not there is in no window.
        Some(_) if row[field].is_null() => false,
        Some(operators) => operators.iter().all(|(operator, bound)| {
            let (value, bound) = (text(&row[field]), text(bound));
            match operator.as_str() {
                "gte" => value >= bound,
                "gt" => value > bound,
                "lt" => value < bound,
                "lte" => value <= bound,
                _ => true,
            }
        }),
    })
}

/// Appointments and webhooks alone: what else can be made there, nothing of ours makes yet.
async fn create(
    State(world): State<Arc<World>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    Path(table): Path<String>,
    headers: HeaderMap,
    Json(mut row): Json<Value>,
) -> Response {
    if let Err(refused) = may_enter(&world, &headers) {
        return refused;
    }
    if table == "webhook" {
        return save_registration(&world, None, &row);
    }
    if table != "appointment" {
        return refuse(&world, StatusCode::NOT_FOUND, "API-00404", "Not found.");
    }
    let fault = world.faults.meet(Vendor::Shopmonkey);
    if let Some(answer) = before(fault, &cut).await {
        world.journal.write(Event::Refused { vendor: "shopmonkey".into(), why: format!("{fault:?}") });
        return answer;
    }
    for needed in ["name", "startDate", "endDate", "color"] {
        if row[needed].as_str().is_none_or(str::is_empty) {
            let message = format!("{needed} is required");
            return refuse(&world, StatusCode::BAD_REQUEST, "API-00400", &message);
        }
    }
    row["id"] = json!(uuid::Uuid::new_v4().to_string());
    let row = world.book(&row, Manners::default());
    after(fault, &cut, answer(StatusCode::OK, &json!({"success": true, "data": row})))
}

/// Webhooks alone: what else can be changed there, nothing of ours changes yet.
async fn change(
    State(world): State<Arc<World>>,
    Path((table, id)): Path<(String, String)>,
    headers: HeaderMap,
    Json(fields): Json<Value>,
) -> Response {
    if let Err(refused) = may_enter(&world, &headers) {
        return refused;
    }
    if table != "webhook" {
        return refuse(&world, StatusCode::NOT_FOUND, "API-00404", "Not found.");
    }
    save_registration(&world, Some(&id), &fields)
}

fn save_registration(world: &World, id: Option<&str>, fields: &Value) -> Response {
    match world.shopmonkey.save_registration(id, fields) {
        Ok(Some(row)) => answer(StatusCode::OK, &json!({"success": true, "data": shown(row)})),
        Ok(None) => refuse(world, StatusCode::NOT_FOUND, "ORM-00404", "Not found."),
        Err(why) => refuse(world, StatusCode::BAD_REQUEST, "API-00400", &why),
    }
}
