//! Rows as the vendor keeps them: integer ids, cents, dates to the second, nulls wherever they may be.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::Quote;

/// As they write dates.
pub(super) fn date(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Here a quote's ids are numbers.
pub(super) fn number(text: &str) -> i64 {
    text.parse().unwrap_or_default()
}

pub(super) fn order_id(quote: &Quote) -> i64 {
    number(&quote.order_id)
}

fn shop_id(quote: &Quote) -> Option<i64> {
    quote.location_id.as_deref().map(number)
}

/// Nothing else has these ids.
pub(crate) fn customer_id(quote: &Quote) -> i64 {
    5_000_000_000 + order_id(quote)
}

fn vehicle_id(quote: &Quote) -> i64 {
    6_000_000_000 + order_id(quote)
}

/// What a quote is about stands in the name of its one job: repair orders have no names.
pub(super) fn repair_order(quote: &Quote, now: DateTime<Utc>) -> Value {
    let (id, now) = (order_id(quote), date(now));
    let job = quote.name.split_once(':').map_or(quote.name.as_str(), |(_, service)| service).trim();
    let mut row = json!({
        "id": id, "repairOrderNumber": 4_000 + id % 1_000_000, "shopId": shop_id(quote),
        "repairOrderStatus": {"id": 1, "code": "ESTIMATE", "name": "Estimate"},
        "repairOrderLabel": {"id": 3, "code": "NEW", "name": "New", "status": {"id": 1, "code": "ESTIMATE", "name": "Estimate"}},
        "repairOrderCustomLabel": {"name": "Web lead"}, "color": "#1786E8", "appointmentStartTime": null,
        "customerId": customer_id(quote), "vehicleId": quote.vehicle.as_ref().map(|_| vehicle_id(quote)), "technicianId": null,
        "serviceWriterId": 900, "milesIn": null, "milesOut": null, "keytag": null, "completedDate": null, "postedDate": null,
        "laborSales": quote.total_cents, "partsSales": 0, "subletSales": 0, "discountTotal": 0, "feeTotal": 0, "taxes": 0,
        "amountPaid": 0, "totalSales": quote.total_cents,
        "jobs": [{
            "id": 8_000_000_000_i64 + id, "repairOrderId": id, "name": job, "authorized": null, "authorizedDate": null,
            "selected": true, "note": null, "jobCategoryName": null, "subtotal": quote.total_cents, "archived": false,
            "createdDate": now, "updatedDate": now, "completedDate": null, "labor": [], "parts": [], "fees": [],
            "discounts": [], "laborHours": 3.5, "loggedHours": 0, "sort": 1
        }],
        "sublets": [], "fees": [], "discounts": [], "customerConcerns": [{"id": 9, "concern": "WEB FORM", "techComment": null}],
        "somethingNew": {"nobody": ["knows"]},
        "createdDate": now, "updatedDate": now, "deletedDate": null
    });
    for (name, value) in quote.differs.as_object().into_iter().flatten() {
        row[name] = value.clone();
    }
    row
}

/// The shape that is read; writing one takes another. `texts_allowed` is as near as this CRM comes to it.
pub(super) fn customer(quote: &Quote, now: DateTime<Utc>) -> Value {
    let written = |number: &String| {
        let digits = number.trim_start_matches("+1");
        let parts = (digits.get(..3), digits.get(3..6), digits.get(6..));
        match parts {
            (Some(area), Some(exchange), Some(line)) => format!("({area}) {exchange}-{line}"),
            _ => number.clone(),
        }
    };
    let phones: Vec<_> = quote
        .phone
        .iter()
        .map(|number| json!({"id": 1, "number": written(number), "type": "Mobile", "primary": true}))
        .collect();
    json!({
        "id": customer_id(quote), "firstName": quote.first_name, "lastName": "Example", "email": quote.email, "phone": phones,
        "customerType": {"id": 1, "code": "PERSON", "name": "Person"}, "contactFirstName": null, "contactLastName": null,
        "address": null, "shopId": shop_id(quote), "okForMarketing": quote.texts_allowed, "notes": null, "birthday": null,
        "createdDate": date(now), "updatedDate": date(now), "deletedDate": null
    })
}

pub(super) fn vehicle(quote: &Quote, now: DateTime<Utc>) -> Option<Value> {
    let (year, make, model) = quote.vehicle.as_ref()?;
    Some(json!({
        "id": vehicle_id(quote), "customerId": customer_id(quote), "shopId": shop_id(quote), "year": year, "make": make,
        "model": model, "subModel": null, "engine": null, "color": null, "licensePlate": null, "state": null, "vin": null,
        "createdDate": date(now), "updatedDate": date(now), "deletedDate": null
    }))
}

pub(super) fn appointment(fields: &Value, now: DateTime<Utc>) -> Value {
    let mut row = json!({
        "shopId": null, "customerId": null, "vehicleId": null, "startTime": null, "endTime": null, "title": "", "description": null,
        "color": "#33B679", "arrived": null, "appointmentStatus": "NONE", "leadSource": null,
        "rideOption": {"id": 3, "code": "NONE", "name": "None"}, "dropoffTime": null, "pickupTime": null,
        "appointmentOption": {"id": 1, "code": "STAY", "name": "Stay With Vehicle"},
        "createdDate": date(now), "updatedDate": date(now), "deletedDate": null
    });
    for (name, value) in fields.as_object().into_iter().flatten() {
        row[name] = value.clone();
    }
    row
}

/// Of this there is only the list; it has no dates.
pub(super) fn canned_job(id: i64, shop: i64, name: &str, cents: i64, hours: f64) -> Value {
    json!({
        "id": id, "name": name, "note": null, "totalCost": cents, "jobTemplateType": null, "jobCategoryCode": null,
        "laborRates": [12_000], "labor": [{"id": 1, "name": "LABOR", "rate": 12_000, "hours": hours, "complete": false}],
        "parts": [], "discounts": [], "fees": [], "packagePrice": false, "sim.shop": shop
    })
}
