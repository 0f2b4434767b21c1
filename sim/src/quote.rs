//! What somebody asks for, at whichever CRM the shop has.

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    /// Fields of the order that differ from a fresh quote's.
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
