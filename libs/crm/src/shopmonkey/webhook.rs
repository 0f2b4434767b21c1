//! What a webhook of Shopmonkey's says: enough to name it. What it is about is read again from the API.

use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde_json::Value;

/// A webhook's envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// `order`, `customer`, …
    pub table: String,
    /// `INSERT`, `UPDATE`, `DELETE`.
    pub operation: String,
    pub id: String,
    /// What tells this state of the row from another: its version, else when it changed, else a hash of the body.
    pub version: String,
    /// The row's own count of its changes, where the vendor sends it: the API's copy may be behind it for a while.
    pub row_version: Option<i64>,
    /// The vendor's id of the shop.
    pub location_id: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Only where: the parser's own words quote what it read.
    #[error("the body is not JSON that a webhook has: line {line}, column {column}")]
    NotJson { line: usize, column: usize },
    #[error("the body has no {0}")]
    Missing(&'static str),
}

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

impl Webhook {
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let parsed: Body = serde_json::from_slice(body)
            .map_err(|error| Error::NotJson { line: error.line(), column: error.column() })?;
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
        Ok(Self {
            table: parsed.table.filter(|table| !table.is_empty()).ok_or(Error::Missing("table"))?,
            operation: parsed.operation.unwrap_or_default(),
            id,
            version,
            row_version,
            location_id: data.location_id.and_then(|id| id.as_str().map(str::to_owned)),
        })
    }

    /// What the vendor would call the same event again. Its `webhook-id` names an attempt and changes with each retry.
    pub fn key(&self) -> String {
        format!("{}:{}:{}:{}", self.table, self.id, self.operation, self.version)
    }
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
        let key = |version| Webhook::parse(body(version).as_bytes()).unwrap().key();
        assert_eq!(key(3), "order:a:UPDATE:v3");
        assert_ne!(key(3), key(4));
    }

    #[test]
    fn without_a_version_the_body_itself_is_the_key() {
        let one = Webhook::parse(br#"{"table":"order","operation":"INSERT","data":{"id":"a","name":"x"}}"#).unwrap();
        let two = Webhook::parse(br#"{"table":"order","operation":"INSERT","data":{"id":"a","name":"y"}}"#).unwrap();
        assert_ne!(one.key(), two.key());
    }

    #[test]
    fn nonsense_is_refused_with_what_is_missing() {
        assert!(matches!(Webhook::parse(b"<html>"), Err(Error::NotJson { .. })));
        assert!(matches!(Webhook::parse(b"{}"), Err(Error::Missing("data"))));
        assert!(matches!(Webhook::parse(br#"{"data":{"id":""}}"#), Err(Error::Missing("data.id"))));
        assert!(matches!(Webhook::parse(br#"{"data":{"id":"a"}}"#), Err(Error::Missing("table"))));
    }
}
