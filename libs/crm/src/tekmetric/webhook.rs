//! What a webhook of Tekmetric's says: an English sentence, and a row that shows by its fields what it is.
//!
//! The sentences are not documented and not all known, so none is relied upon. A payment names its repair order.

use chrono::{DateTime, Utc};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::wire::Dates;
use crate::{About, Change, UnreadableChange as Error, lenient::id};

#[derive(Deserialize)]
struct Body {
    #[serde(default, deserialize_with = "data")]
    data: Option<Data>,
}

/// What is no object is none that we know.
fn data<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Data>, D::Error> {
    let value: Option<Value> = Option::deserialize(from)?;
    Ok(value.and_then(|value| serde_json::from_value(value).ok()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    #[serde(default, deserialize_with = "id")]
    id: Option<String>,
    #[serde(default, deserialize_with = "id")]
    shop_id: Option<String>,
    /// Of a payment.
    #[serde(default, deserialize_with = "id")]
    repair_order_id: Option<String>,
    /// Only a repair order has one.
    #[serde(default, deserialize_with = "id")]
    repair_order_number: Option<String>,
    start_time: Option<Value>,
    phone: Option<Value>,
    customer_type: Option<Value>,
    #[serde(flatten)]
    dates: Dates,
}

/// A retry has the same bytes, and nothing else to know it by.
pub(crate) fn parse(body: &[u8]) -> Result<Change, Error> {
    let parsed: Body = serde_json::from_slice(body).map_err(|error| Error::not_json(&error))?;
    let hash = hex::encode(&digest(&SHA256, body).as_ref()[..16]);
    // What nobody has seen yet is kept, and harms nobody.
    let Some((data, own_id)) =
        parsed.data.and_then(|mut data| Some((data.id.take()?, data))).map(|(id, data)| (data, id))
    else {
        let (id, key) = (hash.clone(), hash);
        return Ok(Change { about: About::Other, key, id, is_deletion: false, row_version: None, location_id: None });
    };
    let deleted_at: Option<DateTime<Utc>> = data.dates.deleted_at();
    let version = data.dates.version();
    let (about, id, row_version, is_deletion) = if data.repair_order_number.is_some() {
        (About::Order, own_id, version, deleted_at.is_some())
    } else if let Some(order) = data.repair_order_id {
        // What the payment says of itself says nothing of the order's version.
        (About::Order, order, None, false)
    } else if data.start_time.is_some() {
        (About::Appointment, own_id, version, deleted_at.is_some())
    } else if data.phone.is_some() || data.customer_type.is_some() {
        (About::Customer, own_id, version, deleted_at.is_some())
    } else {
        (About::Other, own_id, version, false)
    };
    Ok(Change { about, key: format!("{id}:{hash}"), id, is_deletion, row_version, location_id: data.shop_id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_by_its_fields_what_it_is() {
        let read =
            |data: &str| parse(format!(r#"{{"event":"Something new happened","data":{data}}}"#).as_bytes()).unwrap();
        let order = read(r#"{"id":700123,"repairOrderNumber":4312,"shopId":77,"updatedDate":"2026-03-02T15:04:05Z"}"#);
        assert_eq!((order.about, order.id.as_str()), (About::Order, "700123"));
        assert_eq!((order.row_version, order.location_id.as_deref()), (Some(1_772_463_845_000), Some("77")));
        let payment = read(r#"{"id":910045,"repairOrderId":700123,"shopId":77,"paymentDate":"2026-03-09T17:41:10"}"#);
        assert_eq!((payment.about, payment.id.as_str(), payment.row_version), (About::Order, "700123", None));
        assert_eq!(read(r#"{"id":4001,"startTime":"2026-03-09T14:00:00"}"#).about, About::Appointment);
        assert_eq!(read(r#"{"id":51001,"firstName":"Dana","phone":[]}"#).about, About::Customer);
        assert_eq!(read(r#"{"id":5,"inspection":true}"#).about, About::Other);
    }

    #[test]
    fn the_same_bytes_are_the_same_event() {
        let key = |total: i32| {
            let body = format!(r#"{{"event":"x","data":{{"id":1,"repairOrderNumber":2,"totalSales":{total}}}}}"#);
            parse(body.as_bytes()).unwrap().key
        };
        assert_eq!(key(1), key(1));
        assert_ne!(key(1), key(2));
    }

    #[test]
    fn what_nobody_has_seen_yet_is_kept_and_what_is_no_json_is_refused() {
        assert!(matches!(parse(b"<html>"), Err(Error::NotJson { .. })));
        for unknown in ["{}", r#"{"data":[1]}"#, r#"{"event":"New","data":{"id":null}}"#] {
            assert_eq!(parse(unknown.as_bytes()).unwrap().about, About::Other, "{unknown}");
        }
    }
}
