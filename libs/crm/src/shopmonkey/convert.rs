//! Their rows in our words.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use domain::{Appointment, Customer, E164, Email, Order, OrderStatus, Phone, Service, Slot, Tax, Vehicle};

use super::wire;
use crate::{
    CalendarEntry, OUR_NOTE, Window,
    lenient::{cents, kept, plain, said},
};

/// The row's own count of its changes, or else the time of the last one.
pub(super) fn version(meta: Option<wire::Meta>, updated_at: Option<DateTime<Utc>>) -> i64 {
    meta.and_then(|meta| meta.version).or_else(|| updated_at.map(|at| at.timestamp_millis())).unwrap_or_default()
}

pub(super) fn order(row: wire::Order) -> Order {
    let version = version(row.meta, row.updated_date);
    let name = plain(row.name.or(row.coalesced_name).unwrap_or_default());
    Order {
        id: row.id,
        location_id: row.location_id,
        version,
        customers_words: row.complaint.clone().filter(|words| !words.trim().is_empty()),
        service_texts: [row.generated_name, row.complaint, row.recommendation].into_iter().flatten().collect(),
        name: Some(name),
        status: match row.status.as_deref() {
            Some("Estimate") => OrderStatus::Estimate,
            Some("RepairOrder") => OrderStatus::RepairOrder,
            Some("Invoice") => OrderStatus::Invoice,
            other => OrderStatus::Other(other.unwrap_or_default().to_owned()),
        },
        workflow_status_id: row.workflow_status_id,
        customer_id: kept(row.customer_id),
        vehicle_id: kept(row.vehicle_id),
        authorized: row.authorized,
        invoiced: row.invoiced,
        paid: row.paid,
        archived: row.archived,
        deleted: row.deleted,
        message_count: row.message_count,
        appointments: row.appointment_dates,
        total_cents: cents(row.total_cost_cents),
        created_at: row.created_date.or(row.updated_date).unwrap_or_default(),
    }
}

pub(super) fn customer(row: wire::Customer) -> Customer {
    let mut phones: Vec<_> = row
        .phone_numbers
        .into_iter()
        .filter_map(|phone| {
            let number = E164::parse(phone.number.as_deref()?).ok()?;
            let landline = phone.r#type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("landline"));
            let texts_allowed = phone.opt_in != Some(false) && !landline;
            Some((phone.primary, Phone { number, texts_allowed }))
        })
        .collect();
    // One that takes texts before one that does not; the primary before the others; otherwise the CRM's order.
    phones.sort_by_key(|(primary, phone)| Reverse((phone.texts_allowed, *primary)));
    let mut emails: Vec<_> = row
        .emails
        .into_iter()
        .filter(|email| email.subscribed != Some(false))
        .filter_map(|email| Some((email.primary, Email::parse(email.email.as_deref()?).ok()?)))
        .collect();
    emails.sort_by_key(|(primary, _)| Reverse(*primary));
    Customer {
        version: version(row.meta, row.updated_date),
        first_name: said(row.first_name),
        last_name: said(row.last_name),
        phone: phones.into_iter().next().map(|(_, phone)| phone),
        email: emails.into_iter().next().map(|(_, email)| email),
        state: said(row.state),
    }
}

pub(super) fn vehicle(row: wire::Vehicle) -> Vehicle {
    Vehicle { year: row.year, make: row.make.map(plain), model: row.model.map(plain) }
}

/// `None`: it was called off, or is of another shop or time. What lasts all day is a note and no car.
pub(super) fn calendar_entry(row: wire::Appointment, location_id: &str, window: Window) -> Option<CalendarEntry> {
    let (starts_at, ends_at) = (row.start_date?, row.end_date?);
    let is_ours = row.note.as_deref().is_some_and(|note| note.starts_with(OUR_NOTE));
    let is_wanted = row.location_id.as_deref() == Some(location_id) && window.holds(starts_at);
    let fits = is_wanted && !row.all_day && starts_at < ends_at;
    let appointment = appointment(row);
    (fits && !appointment.is_cancelled).then_some(CalendarEntry {
        id: appointment.id,
        slot: Slot { starts_at, ends_at },
        is_ours,
    })
}

/// How the row of a cancelled appointment looks the vendor does not say; either of the two words it has for that counts.
pub(super) fn appointment(row: wire::Appointment) -> Appointment {
    let declined = row.confirmation_status.is_some_and(|status| status.eq_ignore_ascii_case("declined"));
    Appointment {
        id: row.id,
        order_id: kept(row.order_id),
        customer_id: kept(row.customer_id),
        is_cancelled: row.deleted
            || declined
            || row.cancellation_note.is_some_and(|note| !note.is_empty())
            || row.start_date.is_none(),
        starts_at: row.start_date.unwrap_or_default(),
        changed_at: row.updated_date.or(row.created_date),
    }
}

/// `None`: deleted, or without a name that a customer could be told.
pub(super) fn service(row: wire::CannedService) -> Option<Service> {
    let name = plain(row.name.unwrap_or_default()).trim().to_owned();
    if row.deleted || name.is_empty() {
        return None;
    }
    let (price, tax) = match row.pricing.as_deref() {
        Some("FixedPrice") => (row.fixed_price_cents, Tax::NotIncluded),
        _ => (row.total_cents, Tax::Included),
    };
    Some(Service {
        id: row.id,
        name,
        note: plain(row.note.unwrap_or_default()),
        price_cents: cents(price),
        tax,
        hours: row.labors.iter().map(|labor| labor.hours).sum(),
        is_bookable: row.bookable,
        labels: row.labels.into_iter().filter_map(|label| label.name).map(plain).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_cannot_be_kept_is_none() {
        let row = r#"{"id":"a-1","customerId":"c\u0000-1","orderId":"o-1"}"#;
        let read = appointment(serde_json::from_str(row).unwrap());
        assert_eq!((read.customer_id, read.order_id.as_deref()), (None, Some("o-1")));
    }

    #[test]
    fn an_appointment_counts_until_it_is_declined_or_called_off() {
        let read = |more: &str| {
            let row = format!(r#"{{"id":"a-1","startDate":"2026-03-09T14:00:00.000Z","new":{{}}{more}}}"#);
            appointment(serde_json::from_str(&row).unwrap()).is_cancelled
        };
        assert!(!read(""));
        assert!(!read(r#","confirmationStatus":"Tentative","cancellationNote":"""#));
        assert!(read(r#","confirmationStatus":"Declined""#));
        assert!(read(r#","cancellationNote":"sold the car""#));
        assert!(read(r#","deleted":true"#));
    }

    #[test]
    fn a_row_full_of_nulls_and_news_is_still_an_order() {
        let row = serde_json::from_str(
            r#"{"id":"a","status":"Quotation","authorized":null,"appointmentDates":null,"labels":{},"brandNew":[1],
                "messageCount":null,"totalCostCents":459.5,"updatedDate":"2026-03-02T15:04:05.120Z","meta":{}}"#,
        )
        .unwrap();
        let order = order(row);
        assert_eq!(order.status, OrderStatus::Other("Quotation".into()));
        assert_eq!(order.version, 1_772_463_845_120, "without a version, the time of the change stands in");
    }

    #[test]
    fn the_number_that_takes_texts_comes_before_the_primary_one_that_does_not() {
        let row = serde_json::from_str(
            r#"{"firstName":" Dana ","lastName":"","emails":[{"email":"old@example.com","subscribed":false},
                {"email":"dana@example.com","primary":true}],
                "phoneNumbers":[{"number":"+15125550101","primary":true,"optIn":false},{"number":"nonsense"},
                {"number":"+15125550102","optIn":true},{"number":"+15125550103","type":"Landline"}]}"#,
        )
        .unwrap();
        let customer = customer(row);
        let phone = customer.phone.unwrap();
        assert_eq!((phone.number.as_str(), phone.texts_allowed), ("+15125550102", true));
        assert_eq!(customer.email.unwrap().as_str(), "dana@example.com");
        assert_eq!((customer.first_name.as_deref(), customer.last_name), (Some("Dana"), None));
    }

    #[test]
    fn a_customer_who_refused_texts_is_never_texted() {
        let row = serde_json::from_str(r#"{"phoneNumbers":[{"number":"+15125550101","optIn":false}]}"#).unwrap();
        assert!(!customer(row).phone.unwrap().texts_allowed);
    }

    #[test]
    fn the_price_of_a_service_says_whether_tax_is_in_it() {
        let read = |more: &str| {
            let row = format!(r#"{{"id":"s","name":" Full Tint ","fixedPriceCents":39900,"totalCents":45999{more}}}"#);
            service(serde_json::from_str(&row).unwrap())
        };
        let fixed = read(r#","pricing":"FixedPrice","labors":[{"hours":2},{"hours":1.5}],"labels":null"#).unwrap();
        assert_eq!((fixed.price_cents, fixed.tax, fixed.hours), (39_900, Tax::NotIncluded, 3.5));
        let lines = read(r#","pricing":"LineItem","labels":[{"name":"Tint"},{}]"#).unwrap();
        assert_eq!((lines.price_cents, lines.tax, lines.labels.len()), (45_999, Tax::Included, 1));
        assert_eq!(lines.name, "Full Tint");
        assert_eq!(read(r#","deleted":true"#), None);
    }
}
