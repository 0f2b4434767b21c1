use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    http::{HeaderMap, header},
};
use domain::FieldError;
use serde_json::Value;

/// What was sent, before anybody has looked whether it makes sense: JSON, or a form as browsers send them.
pub(crate) struct Given {
    pub(crate) fields: BTreeMap<String, String>,
    /// Fields that are lists or objects.
    pub(super) errors: Vec<FieldError>,
}

/// A form of ours has twenty.
const MOST_FIELDS: usize = 100;
const LARGEST_BODY_BYTES: usize = 64 << 10;

impl Given {
    pub(crate) fn read(headers: &HeaderMap, body: &Bytes) -> Result<Self, String> {
        if body.len() > LARGEST_BODY_BYTES {
            return Err("A form may have 64 KiB.".to_owned());
        }
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let mut given = Self { fields: BTreeMap::new(), errors: Vec::new() };
        if kind.starts_with("application/x-www-form-urlencoded") {
            let pairs: Vec<(String, String)> =
                serde_urlencoded::from_bytes(body).map_err(|_| "The body is not a form.".to_owned())?;
            given.fields = pairs.into_iter().collect();
        } else {
            let json: BTreeMap<String, Value> = serde_json::from_slice(body).map_err(|error| {
                let (line, column) = (error.line(), error.column());
                format!("The body is not a JSON object: line {line}, column {column}. Send JSON, or a form as browsers send them.")
            })?;
            for (name, value) in json {
                match value {
                    Value::String(words) => drop(given.fields.insert(name, words)),
                    Value::Bool(tick) => drop(given.fields.insert(name, tick.to_string())),
                    Value::Number(number) => drop(given.fields.insert(name, number.to_string())),
                    Value::Null => {}
                    Value::Array(_) | Value::Object(_) => {
                        let field = name.chars().take(100).collect();
                        given.errors.push(FieldError { field, says: "is a list or an object; write words".to_owned() });
                    }
                }
            }
        }
        if given.fields.len() + given.errors.len() > MOST_FIELDS {
            return Err(format!("A form may have {MOST_FIELDS} fields."));
        }
        Ok(given)
    }
}
