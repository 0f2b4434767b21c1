//! Signed webhooks: at least once, unordered, with a new id for each attempt.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::Utc;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;

use super::Quote;
use crate::{Event, world::World};

/// Where webhooks go and what they are signed with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WebhookTarget {
    pub url: String,
    pub secret: String,
}

/// How one event is delivered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manners {
    /// Delivered this many times more, as if the first answer had been lost.
    pub duplicates: u32,
    /// Held back, so that later events overtake it.
    pub delay_ms: u64,
    /// Signed with another secret. Sent once.
    pub bad_signature: bool,
    /// Signed an hour ago. Sent once.
    pub stale: bool,
    /// Never sent.
    pub lost: bool,
}

const MOST_ATTEMPTS: u32 = 40;

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
        let targets = self.shopmonkey.targets(table, operation);
        if manners.lost {
            return;
        }
        let id = row["id"].as_str().unwrap_or_default().to_owned();
        let body = json!({"apiVersion": "3", "operation": operation, "table": table, "data": row}).to_string();
        for (target, copy) in targets.iter().flat_map(|target| (0..=manners.duplicates).map(move |copy| (target, copy)))
        {
            let delivery = Delivery {
                order: id.clone(),
                table: table.into(),
                body: body.clone(),
                target: target.clone(),
                manners,
            };
            tokio::spawn(delivery.deliver(self.clone(), copy));
        }
    }
}

struct Delivery {
    order: String,
    table: String,
    body: String,
    target: WebhookTarget,
    manners: Manners,
}

impl Delivery {
    async fn deliver(self, world: Arc<World>, copy: u32) {
        let delay_ms = self.manners.delay_ms + u64::from(copy) * 7;
        if delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        }
        let what = match self.manners {
            Manners { bad_signature: true, .. } => "bad_signature",
            Manners { stale: true, .. } => "stale",
            _ if copy > 0 => "duplicate",
            _ => "first",
        };
        let (order, table) = (self.order.clone(), self.table.clone());
        world.journal.write(Event::WebhookSent { order, table, what: what.into() });
        for attempt in 1..=MOST_ATTEMPTS {
            let status = self.attempt(&world, attempt).await;
            let order = self.order.clone();
            world.journal.write(Event::WebhookAnswered { order, status, attempt, what: what.into() });
            if (200..300).contains(&status) || self.manners.bad_signature || self.manners.stale {
                return;
            }
            tokio::time::sleep(Duration::from_millis((100_u64 << attempt.min(5)).min(2_000))).await;
        }
    }

    /// The answer's status; 0 when there was none.
    async fn attempt(&self, world: &World, attempt: u32) -> u16 {
        #[expect(clippy::disallowed_methods, reason = "a vendor signs with its own clock")]
        let now = Utc::now().timestamp() - if self.manners.stale { 3600 } else { 0 };
        let id = uuid::Uuid::new_v4().to_string();
        let secret = if self.manners.bad_signature { "not-the-secret" } else { &self.target.secret };
        let Ok(hmac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
            return 0;
        };
        let mac = hmac.chain_update(format!("{id}.{now}.{}", self.body)).finalize().into_bytes();
        let sent = world
            .http
            .post(&self.target.url)
            .header("content-type", "application/json")
            .header("user-agent", "Shopmonkey (+https://shopmonkey.io)")
            .header("x-attempt", attempt)
            .header("x-request-id", &self.order)
            .header("webhook-id", &id)
            .header("webhook-timestamp", now)
            .header("webhook-signature", format!("v1,{}", STANDARD.encode(mac)))
            .header("webhook-version", "3")
            .body(self.body.clone())
            .send()
            .await;
        sent.map_or(0, |response| response.status().as_u16())
    }
}
