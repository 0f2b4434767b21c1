//! What a CRM knows, in our words. Adapters in `crm` translate into these and nothing else leaves them.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{E164, Email};

/// An order (a repair order, a quote) as the CRM holds it now.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    pub id: String,
    /// The CRM's id of the shop.
    pub location_id: Option<String>,
    /// Grows with every change of the row. Decides which of two copies is newer.
    pub version: i64,
    /// `None`: in this CRM orders have no names.
    pub name: Option<String>,
    pub status: OrderStatus,
    pub workflow_status_id: Option<String>,
    /// Texts that say what was asked for: the names of services, the customer's own words. The best comes first.
    pub service_texts: Vec<String>,
    /// What the customer wrote, in their own words.
    pub customers_words: Option<String>,
    pub customer_id: Option<String>,
    pub vehicle_id: Option<String>,
    pub authorized: bool,
    pub invoiced: bool,
    pub paid: bool,
    pub archived: bool,
    pub deleted: bool,
    pub message_count: i64,
    pub appointments: Vec<DateTime<Utc>>,
    pub total_cents: i64,
    pub created_at: DateTime<Utc>,
}

/// Of a service that nobody has named but in a text.
const LONGEST_SERVICE: usize = 60;

/// Nobody looks at more.
const MOST_SERVICES: usize = 20;

/// Stands for what was asked for, where nobody says.
pub const NO_SERVICE: &str = "your request";

impl Order {
    /// Everything asked for, each once: the service, and what the texts say.
    pub fn services(&self) -> Vec<String> {
        let mut services = vec![self.service().trim().to_owned()];
        for text in &self.service_texts {
            let text = text.trim();
            if !services.iter().any(|known| known.eq_ignore_ascii_case(text)) {
                services.push(text.to_owned());
            }
        }
        services.retain(|service| !service.is_empty());
        services.truncate(MOST_SERVICES);
        services
    }

    /// What was asked for: what stands behind the prefix of its name, as in `New Quote: Window Tint`, or its first text.
    pub fn service(&self) -> &str {
        let Some(name) = &self.name else {
            // It goes into our own words to the customer, so not everything does.
            let is_fit = |text: &&String| {
                text.chars().count() <= LONGEST_SERVICE
                    && !text.contains(['\n', '\r'])
                    && !text.contains("://")
                    && !text.contains("www.")
            };
            return self.service_texts.first().filter(is_fit).map_or(NO_SERVICE, |text| text.trim());
        };
        let behind = name.split_once(':').map_or(name.as_str(), |(_, service)| service).trim();
        if behind.is_empty() { name.trim() } else { behind }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderStatus {
    Estimate,
    RepairOrder,
    Invoice,
    /// A word the vendor added since; never an error.
    Other(String),
}

/// A time that the shop keeps for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appointment {
    pub id: String,
    /// The order it is for. A shop can make an appointment without one.
    pub order_id: Option<String>,
    pub customer_id: Option<String>,
    pub starts_at: DateTime<Utc>,
    /// The last change of its row, where the CRM says when.
    pub changed_at: Option<DateTime<Utc>>,
    /// Called off by the shop or declined by the customer.
    pub is_cancelled: bool,
}

impl Appointment {
    /// Whether somebody who asked for a quote then has booked with this. One from before they asked is about something else.
    pub fn books(&self, asked_at: DateTime<Utc>) -> bool {
        !self.is_cancelled && self.starts_at > asked_at
    }

    /// As [`books`](Self::books), of whatever its customer has asked for: what was noted before they asked, and has not been touched
    /// since, is about something else. A CRM may say its times in whole seconds.
    pub fn books_anything(&self, asked_at: DateTime<Utc>) -> bool {
        self.books(asked_at) && self.changed_at.is_none_or(|at| at + TimeDelta::seconds(1) > asked_at)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Customer {
    /// Grows with every change of the row, as an order's does.
    pub version: i64,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub phone: Option<Phone>,
    pub email: Option<Email>,
    /// Two-letter state of the postal address, where the CRM has one.
    pub state: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    pub number: E164,
    /// The CRM's own flag for texts. `false` means never.
    pub texts_allowed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vehicle {
    pub year: Option<i32>,
    pub make: Option<String>,
    pub model: Option<String>,
}

impl Vehicle {
    /// `2021 Honda Civic`, with what is known; empty when nothing is.
    pub fn title(&self) -> String {
        [self.year.map(|year| year.to_string()), self.make.clone(), self.model.clone()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_appointment_and_one_from_before_the_quote_book_nothing() {
        let at = |text: &str| -> DateTime<Utc> { text.parse().unwrap() };
        let appointment = Appointment {
            id: "a-1".into(),
            order_id: None,
            customer_id: Some("c-1".into()),
            starts_at: at("2026-03-09T14:00:00Z"),
            changed_at: Some(at("2026-03-02T15:10:00Z")),
            is_cancelled: false,
        };
        assert!(appointment.books(at("2026-03-02T15:04:05Z")));
        assert!(!appointment.books(at("2026-03-10T15:04:05Z")));
        assert!(appointment.books_anything(at("2026-03-02T15:10:00.400Z")));
        assert!(!appointment.books_anything(at("2026-03-02T15:20:00Z")), "asked for when it was noted already");
        assert!(!Appointment { is_cancelled: true, ..appointment }.books(at("2026-03-02T15:04:05Z")));
    }
}
