//! Webhooks as they are registered: rows like others, with a secret that is never shown again.

use serde_json::{Value, json};

use super::{Shopmonkey, WebhookTarget};

const ENTITIES: [&str; 11] = [
    "Appointment",
    "Customer",
    "Inspection",
    "Inventory",
    "Message",
    "Order",
    "Payment",
    "PurchaseOrder",
    "User",
    "Vehicle",
    "Vendor",
];
const TABLE: &str = "webhook";

impl Shopmonkey {
    pub(super) fn register(&self, target: &WebhookTarget) {
        let row = json!({
            "id": "wh-1", "companyId": "6123456789abcdef01234567", "locationId": null, "name": "Lead Orchestrator",
            "url": target.url, "secret": target.secret, "enabled": true, "error": false, "errorMessage": null,
            "errorDate": null, "version": "3", "triggers": ["Order", "Customer", "Appointment", "CannedService"],
            "meta": {"version": 1}
        });
        self.put(TABLE, "wh-1", row);
    }

    /// Nobody answered it for so long that it is switched off.
    pub fn give_up_webhooks(&self, problem: &str) {
        for mut row in self.rows(TABLE) {
            let id = row["id"].as_str().unwrap_or_default().to_owned();
            (row["enabled"], row["error"], row["errorMessage"]) = (false.into(), true.into(), problem.into());
            self.put(TABLE, &id, row);
        }
    }

    /// Where a change of this table goes.
    pub(super) fn targets(&self, table: &str, operation: &str) -> Vec<WebhookTarget> {
        let entity: String = table.split('_').map(capital).collect();
        let trigger = format!("{entity}{}", capital(&operation.to_lowercase()));
        let is_told = |row: &Value| {
            let triggers = row["triggers"].as_array();
            let mut triggers = triggers.into_iter().flatten().filter_map(Value::as_str);
            row["enabled"] == true && triggers.any(|name| name == entity || name == trigger)
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let told = self.rows(TABLE).into_iter().filter(is_told);
        told.map(|row| WebhookTarget { url: text(&row["url"]), secret: text(&row["secret"]) }).collect()
    }

    /// Adds a webhook, or changes the one with this id. Answers the row, or why not.
    pub(super) fn save_registration(&self, id: Option<&str>, fields: &Value) -> Result<Option<Value>, String> {
        let rows = self.rows(TABLE);
        let mut row = match id {
            Some(id) => match rows.iter().find(|row| row["id"] == id) {
                Some(row) => row.clone(),
                None => return Ok(None),
            },
            None => json!({
                "id": uuid::Uuid::new_v4().to_string(), "companyId": "6123456789abcdef01234567", "locationId": null,
                "error": false, "errorMessage": null, "errorDate": null, "version": "3", "secret": null
            }),
        };
        for (name, value) in fields.as_object().into_iter().flatten() {
            row[name] = value.clone();
        }
        if row["enabled"] == true {
            (row["error"], row["errorMessage"]) = (false.into(), Value::Null);
        }
        for needed in ["name", "url"] {
            if row[needed].as_str().is_none_or(str::is_empty) {
                return Err(format!("{needed} is required"));
            }
        }
        if rows.iter().any(|other| other["name"] == row["name"] && other["id"] != row["id"]) {
            return Err("name must be unique".to_owned());
        }
        let is_known = |trigger: &Value| {
            let name = trigger.as_str().unwrap_or_default();
            let entity = ["Insert", "Update", "Delete"].iter().find_map(|what| name.strip_suffix(what)).unwrap_or(name);
            ENTITIES.contains(&entity) && (!self.knows_entities_alone() || entity == name)
        };
        if let Some(unknown) = row["triggers"].as_array().into_iter().flatten().find(|name| !is_known(name)) {
            return Err(format!("unknown trigger {unknown}"));
        }
        self.put(TABLE, row["id"].as_str().unwrap_or_default(), row.clone());
        Ok(Some(row))
    }
}

/// As it is shown: a secret is told once, by whoever made it.
pub(super) fn shown(mut row: Value) -> Value {
    if row.get("secret").is_some() {
        row["secret"] = Value::Null;
    }
    row
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
