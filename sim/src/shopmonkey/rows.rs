//! Rows as the vendor keeps them: null-rich, with ids of several shapes.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::Quote;

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
