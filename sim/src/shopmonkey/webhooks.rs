//! Signed webhooks.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::Utc;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::RequestBuilder;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    Quote,
    delivery::{Delivery, Manners},
    world::World,
};

/// Where webhooks go and what they are signed with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WebhookTarget {
    pub url: String,
    pub secret: String,
}

impl World {
    /// Registers the one webhook of this account.
    pub fn set_webhook_target(&self, target: &WebhookTarget) {
        self.shopmonkey.register(target);
    }

    /// Somebody asks for a quote: rows appear, and a webhook goes out.
    pub fn ask_for_quote(self: &Arc<Self>, quote: &Quote, manners: Manners) {
        let now = self.settings.clock.now();
        let order = quote.order(now);
        self.shopmonkey.put("customer", &quote.customer_id(), quote.customer(now));
        if let Some(vehicle) = quote.vehicle() {
            self.shopmonkey.put("vehicle", &quote.vehicle_id(), vehicle);
        }
        self.shopmonkey.put("order", &quote.order_id, order.clone());
        self.tell("order", "INSERT", &order, manners);
    }

    /// The shop changes an order.
    pub fn change_order(self: &Arc<Self>, id: &str, fields: &Value, manners: Manners) {
        if let Some(row) = self.shopmonkey.change("order", id, fields, self.settings.clock.now()) {
            self.tell("order", "UPDATE", &row, manners);
        }
    }

    /// The shop changes a customer.
    pub fn change_customer(self: &Arc<Self>, id: &str, fields: &Value, manners: Manners) {
        if let Some(row) = self.shopmonkey.change("customer", id, fields, self.settings.clock.now()) {
            self.tell("customer", "UPDATE", &row, manners);
        }
    }

    /// The shop notes an appointment, or changes it. Where it names an order, that shows its date too.
    pub fn book(self: &Arc<Self>, appointment: &Value, manners: Manners) -> Value {
        let id = appointment["id"].as_str().unwrap_or_default();
        let now = self.settings.clock.now();
        let (operation, row) = match self.shopmonkey.change("appointment", id, appointment, now) {
            Some(row) => ("UPDATE", row),
            None => ("INSERT", self.shopmonkey.put_appointment(id, appointment, now)),
        };
        self.tell("appointment", operation, &row, manners);
        row
    }

    /// The shop deletes an order.
    pub fn delete_order(self: &Arc<Self>, id: &str) {
        if let Some(row) = self.shopmonkey.remove("order", id) {
            self.tell("order", "DELETE", &row, Manners::default());
        }
    }

    /// Sends a webhook about a row, in the background.
    pub fn tell(self: &Arc<Self>, table: &str, operation: &str, row: &Value, manners: Manners) {
        let id = row["id"].as_str().unwrap_or_default().to_owned();
        let body = json!({"apiVersion": "3", "operation": operation, "table": table, "data": row}).to_string();
        for target in self.shopmonkey.targets(table, operation) {
            let (order, table, body) = (id.clone(), table.to_owned(), body.clone());
            let address =
                move |http: &reqwest::Client, body: &str, attempt| sign(http, &target, manners, body, attempt);
            Delivery { order, table, body, manners, address }.start(self);
        }
    }
}

/// A signed request, with a new id for each attempt.
fn sign(
    http: &reqwest::Client,
    target: &WebhookTarget,
    manners: Manners,
    body: &str,
    attempt: u32,
) -> Option<RequestBuilder> {
    #[expect(clippy::disallowed_methods, reason = "a vendor signs with its own clock")]
    let now = Utc::now().timestamp() - if manners.stale { 3600 } else { 0 };
    let id = uuid::Uuid::new_v4().to_string();
    let secret = if manners.bad_signature { "not-the-secret" } else { &target.secret };
    let hmac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    let mac = hmac.chain_update(format!("{id}.{now}.{body}")).finalize().into_bytes();
    let request = http
        .post(&target.url)
        .header("content-type", "application/json")
        .header("user-agent", "Shopmonkey (+https://shopmonkey.io)")
        .header("x-attempt", attempt)
        .header("webhook-id", &id)
        .header("webhook-timestamp", now)
        .header("webhook-signature", format!("v1,{}", STANDARD.encode(mac)))
        .header("webhook-version", "3");
    Some(request)
}
