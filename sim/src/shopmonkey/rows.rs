//! Rows as the vendor keeps them: null-rich, with ids of several shapes.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A quote that somebody asked for, as a test or the demo describes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Quote {
    pub order_id: String,
    pub location_id: Option<String>,
    pub name: String,
    pub first_name: Option<String>,
    pub phone: Option<String>,
    pub texts_allowed: bool,
    pub email: Option<String>,
    pub vehicle: Option<(i32, String, String)>,
    pub total_cents: i64,
    /// Fields of the order that differ from a fresh website quote's.
    #[serde(default)]
    pub differs: Value,
}

impl Default for Quote {
    fn default() -> Self {
        Self {
            order_id: "5d0c7c1e-9a52-4f0b-8e61-2f4f6f0a1b33".into(),
            location_id: Some("6123456789abcdef01234568".into()),
            name: "New Quote: Window Tint".into(),
            first_name: Some("Dana".into()),
            phone: Some("+15125550142".into()),
            texts_allowed: true,
            email: Some("dana@example.com".into()),
            vehicle: Some((2021, "Honda".into(), "Civic".into())),
            total_cents: 45_999,
            differs: Value::Null,
        }
    }
}

/// As they write dates.
pub(super) fn date(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl Quote {
    pub(crate) fn customer_id(&self) -> String {
        format!("c-{}", self.order_id)
    }

    pub(crate) fn vehicle_id(&self) -> String {
        format!("v-{}", self.order_id)
    }

    pub(crate) fn order(&self, now: DateTime<Utc>) -> Value {
        let now = date(now);
        let mut row = json!({
            "id": self.order_id, "publicId": format!("p-{}", self.order_id), "companyId": "6123456789abcdef01234567",
            "locationId": self.location_id, "number": "10482", "externalNumber": null, "status": "Estimate",
            "workflowStatusId": "6123456789abcdef01234569", "workflowStatusDate": now, "workflowStatusPosition": 1024.5,
            "name": self.name, "coalescedName": self.name, "generatedName": null, "complaint": "Web form: all windows",
            "recommendation": null, "customerId": self.customer_id(),
            "vehicleId": self.vehicle.as_ref().map(|_| self.vehicle_id()), "serviceWriterId": null,
            "appointmentDates": [], "assignedTechnicianIds": [], "labels": [],
            "authorized": false, "authorizedDate": null, "invoiced": false, "invoicedDate": null, "paid": false,
            "archived": false, "deleted": false, "imported": false, "readOnly": false,
            "messageCount": 0, "shopUnreadMessageCount": 0, "inspectionStatus": "None",
            "totalCostCents": self.total_cents, "paidCostCents": 0, "remainingCostCents": null,
            "orderCreatedDate": now, "createdDate": now, "updatedDate": now, "metadata": null, "customFields": null,
            "profitability": null, "workflowStatusDuration": {},
            "meta": { "userId": "system", "version": 1, "modelVersion": "70afab14ff74a71b" }
        });
        for (name, value) in self.differs.as_object().into_iter().flatten() {
            row[name] = value.clone();
        }
        row
    }

    pub(crate) fn customer(&self, now: DateTime<Utc>) -> Value {
        let phones: Vec<_> = self
            .phone
            .iter()
            .map(|number| json!({"id": "ph-1", "number": number, "primary": true, "type": "Mobile", "optIn": self.texts_allowed}))
            .collect();
        let emails: Vec<_> = self
            .email
            .iter()
            .map(|email| json!({"id": "em-1", "email": email, "primary": true, "subscribed": true}))
            .collect();
        json!({
            "id": self.customer_id(), "customerType": "Customer", "firstName": self.first_name, "lastName": "Example",
            "companyName": null, "email": null, "phone": null, "emails": emails, "phoneNumbers": phones,
            "createdDate": date(now), "updatedDate": date(now), "state": null, "preferredContactMethod": null, "meta": { "version": 1 }
        })
    }

    pub(crate) fn vehicle(&self) -> Option<Value> {
        let (year, make, model) = self.vehicle.as_ref()?;
        Some(json!({
            "id": self.vehicle_id(), "size": "LightDuty", "year": year, "make": make, "model": model, "submodel": null,
            "vin": null, "color": null, "meta": { "version": 1 }
        }))
    }
}
