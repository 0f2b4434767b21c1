//! What happens in the shops, and the webhooks about it: no id, no signature, no headers of their own.

use std::sync::Arc;

use serde_json::{Value, json};

use super::rows;
use crate::{
    Quote,
    delivery::{Delivery, Manners},
    world::World,
};

/// Name, cents, hours.
const JOBS: [(&str, i64, f64); 4] = [
    ("CERAMIC TINT FULL SEDAN", 45_999, 3.5),
    ("CERAMIC TINT FULL SUV", 55_999, 4.0),
    ("WINDSHIELD FILM", 14_999, 1.0),
    ("PPF FRONT END", 159_900, 8.0),
];

impl World {
    /// An advisor writes an estimate for somebody who asked for it: rows appear, and a webhook goes out.
    pub fn ask_for_estimate(self: &Arc<Self>, quote: &Quote, manners: Manners) {
        let now = self.settings.clock.now();
        let order = rows::repair_order(quote, now);
        self.tekmetric.put("customers", rows::customer(quote, now));
        if let Some(vehicle) = rows::vehicle(quote, now) {
            self.tekmetric.put("vehicles", vehicle);
        }
        self.tekmetric.put("repair-orders", order.clone());
        self.say(
            &format!("Repair Order #{} created by advisor@example.com", order["repairOrderNumber"]),
            &order,
            manners,
        );
    }

    /// The shop changes a repair order. Most changes are not told.
    pub fn change_estimate(self: &Arc<Self>, id: &str, fields: &Value, sentence: Option<&str>, manners: Manners) {
        let now = self.settings.clock.now();
        if let Some(row) = self.tekmetric.change("repair-orders", rows::number(id), fields, now)
            && let Some(sentence) = sentence
        {
            self.say(sentence, &row, manners);
        }
    }

    /// The customer decides on the jobs.
    pub fn approve_estimate(self: &Arc<Self>, id: &str, manners: Manners) {
        let Some(mut row) = self.tekmetric.row("repair-orders", rows::number(id)) else { return };
        for job in row["jobs"].as_array_mut().into_iter().flatten() {
            job["authorized"] = true.into();
            // This one is written without a zone.
            job["authorizedDate"] = self.settings.clock.now().format("%Y-%m-%dT%H:%M:%S").to_string().into();
        }
        let sentence = format!(
            "Dana Example approved 1 job(s) and declined 0 job(s) for Repair Order #{}",
            row["repairOrderNumber"]
        );
        self.change_estimate(id, &json!({"jobs": row["jobs"]}), Some(&sentence), manners);
    }

    /// The shop deletes a repair order, without a word.
    pub fn delete_estimate(&self, id: &str) {
        let now = self.settings.clock.now();
        let deleted = self.tekmetric.row("repair-orders", rows::number(id));
        if let Some(mut row) = deleted {
            row["deletedDate"] = rows::date(now).into();
            row["repairOrderStatus"] = json!({"id": 7, "code": "DELETED", "name": "Deleted"});
            self.tekmetric.put("repair-orders", row);
        }
    }

    /// Somebody pays. What comes about it is not the repair order.
    pub fn pay_estimate(self: &Arc<Self>, id: &str, manners: Manners) {
        let Some(row) = self.tekmetric.row("repair-orders", rows::number(id)) else { return };
        let fields = json!({"amountPaid": row["totalSales"]});
        self.change_estimate(id, &fields, None, manners);
        let paid_at = self.settings.clock.now().format("%Y-%m-%dT%H:%M:%S").to_string();
        let payment = json!({
            "id": 9_000_000_000 + rows::number(id), "repairOrderId": rows::number(id), "shopId": row["shopId"],
            "payerName": "Dana Example", "paymentDate": paid_at, "paymentType": {"code": "CC", "name": "Credit Card"},
            "amount": row["totalSales"], "voided": false, "refund": false, "arPayment": false
        });
        self.say("Payment made by Dana Example", &payment, manners);
    }

    /// The shop changes a customer, without a word.
    pub fn change_tekmetric_customer(&self, quote: &Quote, fields: &Value) {
        self.tekmetric.change("customers", rows::customer_id(quote), fields, self.settings.clock.now());
    }

    /// The shop notes an appointment, or changes it.
    pub fn note_appointment(self: &Arc<Self>, id: i64, quote: &Quote, fields: &Value, manners: Manners) {
        let now = self.settings.clock.now();
        let row = self.tekmetric.change("appointments", id, fields, now).unwrap_or_else(|| {
            let mut row = rows::appointment(fields, now);
            row["id"] = id.into();
            row["customerId"] = rows::customer_id(quote).into();
            row["shopId"] = quote.location_id.as_deref().map(rows::number).into();
            self.tekmetric.put("appointments", row.clone());
            row
        });
        self.say("Appointment saved by advisor@example.com", &row, manners);
    }

    /// Puts canned jobs on a shop's list, without a word about it.
    pub fn stock_jobs(&self, shop: i64, more: usize) {
        for (number, (name, cents, hours)) in (0_i64..).zip(JOBS) {
            self.tekmetric.put("canned-jobs", rows::canned_job(shop * 10_000 + number, shop, name, cents, hours));
        }
        for number in (0_i64..).take(more) {
            let name = format!("JOB {number:03}");
            self.tekmetric.put("canned-jobs", rows::canned_job(shop * 10_000 + 100 + number, shop, &name, 9_900, 1.0));
        }
    }

    /// Sends a webhook about something, in the background. A repeat has the same bytes.
    pub fn say(self: &Arc<Self>, sentence: &str, data: &Value, manners: Manners) {
        let body = json!({"event": sentence, "data": data}).to_string();
        let urls = self.tekmetric.state().webhook_urls.clone();
        for url in urls {
            let url = if manners.bad_signature { format!("{url}x") } else { url };
            let address = move |http: &reqwest::Client, _: &str, _| {
                Some(http.post(&url).header("content-type", "application/json"))
            };
            let (order, table) = (data["id"].to_string(), "repair-orders".to_owned());
            Delivery { order, table, body: body.clone(), manners, address }.start(self);
        }
    }
}
