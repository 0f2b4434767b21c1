//! What a webhook of Shopmonkey's says.

use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde_json::Value;

use crate::{About, Change, UnreadableChange as Error};

#[derive(Deserialize)]
struct Body {
    table: Option<String>,
    operation: Option<String>,
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    id: Option<Value>,
    updated_date: Option<Value>,
    meta: Option<Value>,
    location_id: Option<Value>,
}

/// The vendor's `webhook-id` names an attempt and changes with each retry; so what is told again is known by the row's version, else
/// by when it changed, else by a hash of the body.
pub(crate) fn parse(body: &[u8]) -> Result<Change, Error> {
    let parsed: Body = serde_json::from_slice(body).map_err(|error| Error::not_json(&error))?;
    let data = parsed.data.ok_or(Error::Missing("data"))?;
    let id = match data.id {
        Some(Value::String(id)) if !id.is_empty() => id,
        Some(Value::Number(id)) => id.to_string(),
        _ => return Err(Error::Missing("data.id")),
    };
    let row_version = data.meta.as_ref().and_then(|meta| meta.get("version")).and_then(Value::as_i64);
    let version = match (row_version, data.updated_date) {
        (Some(version), _) => format!("v{version}"),
        (None, Some(Value::String(updated))) => updated,
        _ => hex::encode(&digest(&SHA256, body).as_ref()[..16]),
    };
    let table = parsed.table.filter(|table| !table.is_empty()).ok_or(Error::Missing("table"))?;
    let operation = parsed.operation.unwrap_or_default();
    Ok(Change {
        about: match table.as_str() {
            "order" => About::Order,
            "appointment" => About::Appointment,
            "customer" => About::Customer,
            "canned_service" => About::Service,
            _ => About::Other,
        },
        key: format!("{table}:{id}:{operation}:{version}"),
        is_deletion: operation == "DELETE",
        id,
        row_version,
        location_id: data.location_id.and_then(|id| id.as_str().map(str::to_owned)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_has_the_same_key_and_a_change_has_another() {
        let body = |version: i32| {
            format!(
                r#"{{"apiVersion":3,"table":"order","operation":"UPDATE","data":{{"id":"a","meta":{{"version":{version}}}}}}}"#
            )
        };
        let key = |version| parse(body(version).as_bytes()).unwrap().key;
        assert_eq!(key(3), "order:a:UPDATE:v3");
        assert_ne!(key(3), key(4));
    }

    #[test]
    fn without_a_version_the_body_itself_is_the_key() {
        let one = parse(br#"{"table":"order","operation":"INSERT","data":{"id":"a","name":"x"}}"#).unwrap();
        let two = parse(br#"{"table":"order","operation":"INSERT","data":{"id":"a","name":"y"}}"#).unwrap();
        assert_ne!(one.key, two.key);
    }

    #[test]
    fn nonsense_is_refused_with_what_is_missing() {
        assert!(matches!(parse(b"<html>"), Err(Error::NotJson { .. })));
        assert!(matches!(parse(b"{}"), Err(Error::Missing("data"))));
        assert!(matches!(parse(br#"{"data":{"id":""}}"#), Err(Error::Missing("data.id"))));
        assert!(matches!(parse(br#"{"data":{"id":"a"}}"#), Err(Error::Missing("table"))));
    }
}
