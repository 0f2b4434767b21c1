//! What the shops sell.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::rows::date;
use crate::{Manners, world::World};

/// Name, label, cents, hours.
const SERVICES: [(&str, &str, i64, f64); 8] = [
    ("Ceramic Tint - Full Sedan", "Window Tint", 45_999, 3.5),
    ("Ceramic Tint - Full SUV", "Window Tint", 55_999, 4.0),
    ("Dyed Tint - Full Sedan", "Window Tint", 19_999, 2.5),
    ("Windshield Film", "Window Tint", 14_999, 1.0),
    ("Tint Removal", "Window Tint", 9_999, 1.5),
    ("PPF Front End", "Paint Protection", 159_900, 8.0),
    ("Full Wrap", "Wrap", 349_900, 24.0),
    ("Ceramic Coating", "Paint Protection", 89_900, 6.0),
];

impl World {
    /// Puts services on a shop's list, without a word about it.
    pub fn stock(&self, location: &str) {
        self.shopmonkey.put("location", location, json!({"id": location, "name": format!("Sample Shop {location}")}));
        for (number, (name, label, cents, hours)) in SERVICES.into_iter().enumerate() {
            let id = format!("s-{location}-{number}");
            let row = service(&id, location, name, label, cents, hours, self.settings.clock.now());
            self.shopmonkey.put("canned_service", &id, row);
        }
    }

    /// The shop changes a service, or adds one.
    pub fn change_service(self: &Arc<Self>, id: &str, location: &str, fields: &Value, manners: Manners) {
        let now = self.settings.clock.now();
        if self.shopmonkey.row("canned_service", id).is_none() {
            let row = service(id, location, "New service", "Other", 0, 1.0, now);
            self.shopmonkey.put("canned_service", id, row);
        }
        if let Some(row) = self.shopmonkey.change("canned_service", id, fields, now) {
            self.tell("canned_service", "UPDATE", &row, manners);
        }
    }
}

fn service(id: &str, location: &str, name: &str, label: &str, cents: i64, hours: f64, now: DateTime<Utc>) -> Value {
    json!({
        "id": id, "publicId": format!("p-{id}"), "companyId": "6123456789abcdef01234567", "locationId": location,
        "name": name, "note": "", "pricing": "FixedPrice", "fixedPriceCents": cents, "totalCents": cents, "bookable": true,
        "bookableOrdinal": 1, "express": null, "lumpSum": false, "recommended": false, "deleted": false, "deletedDate": null,
        "labels": [{"id": "lbl-1", "name": label, "color": "blue"}],
        "labors": [{"id": "lab-1", "name": "Labor", "hours": hours, "rateCents": 12_000}],
        "parts": [], "fees": [], "tires": [], "subcontracts": [], "createdDate": date(now), "updatedDate": date(now),
        "metadata": null, "meta": {"version": 1}
    })
}
