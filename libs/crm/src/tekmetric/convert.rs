//! Their rows in our words.

use std::cmp::Reverse;

use chrono::{DateTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use domain::{Appointment, Customer, E164, Email, Order, OrderStatus, Phone, Service, Tax, Vehicle};

use super::wire;
use crate::lenient::{Moment, cents, kept, plain, said};

const DELETED: i64 = 7;
const BUSINESS: i64 = 2;

/// `None`: a row without an id, which is nobody's to read again.
pub(super) fn order(row: wire::RepairOrder) -> Option<Order> {
    let dates = row.dates;
    let status = row.repair_order_status.unwrap_or_default();
    let column = |label: Option<wire::Coded>| label.and_then(|label| said(label.name).or_else(|| said(label.code)));
    let is_paid = row.total_sales > 0.0 && row.amount_paid >= row.total_sales;
    let deleted = dates.deleted_at().is_some() || status.id == Some(DELETED);
    Some(Order {
        id: kept(row.id)?,
        location_id: row.shop_id,
        version: dates.version().unwrap_or_default(),
        name: None,
        status: match status.id {
            Some(1) => OrderStatus::Estimate,
            Some(2 | 3) => OrderStatus::RepairOrder,
            Some(5 | 6) => OrderStatus::Invoice,
            _ => OrderStatus::Other(plain(status.code.or(status.name).unwrap_or_default())),
        },
        workflow_status_id: column(row.repair_order_custom_label).or_else(|| column(row.repair_order_label)),
        customer_id: kept(row.customer_id),
        vehicle_id: kept(row.vehicle_id),
        customers_words: row.customer_concerns.iter().find_map(|concern| said(concern.concern.clone())),
        authorized: row.jobs.iter().any(|job| job.authorized == Some(true)),
        service_texts: {
            let jobs = row.jobs.into_iter().map(|job| job.name);
            let concerns = row.customer_concerns.into_iter().map(|concern| concern.concern);
            jobs.chain(concerns).filter_map(said).collect()
        },
        invoiced: matches!(status.id, Some(5 | 6)),
        paid: is_paid,
        archived: false,
        deleted,
        message_count: 0,
        // Whose wall it is does not matter: that there is one does.
        appointments: row.appointment_start_time.map(Moment::utc).into_iter().collect(),
        total_cents: cents(row.total_sales),
        created_at: dates.created_at().or(dates.changed_at()).unwrap_or_default(),
    })
}

/// A flag for texts alone there is not. Whoever may not be marketed to is not written to at all.
pub(super) fn customer(row: wire::Customer) -> Customer {
    let is_open = row.ok_for_marketing != Some(false);
    let mut phones: Vec<_> = row
        .phone
        .into_iter()
        .filter_map(|phone| {
            let number = E164::parse(phone.number.as_deref()?).ok()?;
            let is_mobile = phone.r#type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("mobile"));
            Some((is_mobile, phone.primary, Phone { number, texts_allowed: is_open }))
        })
        .collect();
    phones.sort_by_key(|(is_mobile, is_primary, _)| Reverse((*is_mobile, *is_primary)));
    let email = row.email.filter(|_| is_open).and_then(|email| Email::parse(&email).ok());
    let is_business = row.customer_type.is_some_and(|kind| kind.id == Some(BUSINESS));
    // A business keeps its own name where a person has theirs.
    let (first_name, last_name) =
        if is_business { (row.contact_first_name, row.contact_last_name) } else { (row.first_name, row.last_name) };
    Customer {
        version: row.dates.version().unwrap_or_default(),
        first_name: said(first_name),
        last_name: said(last_name),
        phone: phones.into_iter().next().map(|(.., phone)| phone),
        email,
        state: row.address.and_then(|address| said(address.state)),
    }
}

pub(super) fn vehicle(row: wire::Vehicle) -> Vehicle {
    Vehicle { year: row.year, make: row.make.map(plain), model: row.model.map(plain) }
}

/// `zone`: the shop's, for a time that says none.
pub(super) fn appointment(row: wire::Appointment, zone: Tz) -> Option<Appointment> {
    let is_called_off = row.appointment_status.is_some_and(|status| status.eq_ignore_ascii_case("canceled"));
    Some(Appointment {
        id: kept(row.id)?,
        order_id: None,
        customer_id: kept(row.customer_id),
        is_cancelled: is_called_off || row.dates.deleted_at().is_some() || row.start_time.is_none(),
        starts_at: row.start_time.map(|start| on_the_wall_of(zone, start)).unwrap_or_default(),
        changed_at: row.dates.changed_at().or(row.dates.created_at()),
    })
}

fn on_the_wall_of(zone: Tz, moment: Moment) -> DateTime<Utc> {
    match moment {
        Moment::At(at) => at,
        // An hour that the clocks leave out is read as if they had not been changed.
        Moment::OnAWall(local) => {
            zone.from_local_datetime(&local).earliest().map_or_else(|| local.and_utc(), |at| at.to_utc())
        }
    }
}

/// `None`: without an id, or a name that a customer could be told.
pub(super) fn service(row: wire::CannedJob) -> Option<Service> {
    Some(Service {
        id: kept(row.id)?,
        name: said(row.name)?,
        note: plain(row.note.unwrap_or_default()),
        price_cents: cents(row.total_cost),
        tax: Tax::Unknown,
        hours: row.labor.iter().map(|labor| labor.hours).sum(),
        // There is no flag for it: what stands in the catalog is for sale.
        is_bookable: true,
        labels: said(row.job_category_code).into_iter().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(row: &str) -> Order {
        order(serde_json::from_str(row).unwrap()).unwrap()
    }

    #[test]
    fn a_row_full_of_nulls_and_news_is_still_an_order() {
        let order = read(
            r#"{"id":700123,"jobs":null,"repairOrderStatus":{"id":9,"code":"PARKED"},"appointmentStartTime":null,"brandNew":[1],
                "customerConcerns":[{"concern":null}],"customerId":51001,"updatedDate":"2026-03-02T15:04:05Z","totalSales":null}"#,
        );
        assert_eq!((order.id.as_str(), order.customer_id.as_deref()), ("700123", Some("51001")));
        assert_eq!(order.status, OrderStatus::Other("PARKED".into()));
        assert_eq!(order.version, 1_772_463_845_000);
    }

    #[test]
    fn a_job_nobody_has_decided_on_is_not_authorized() {
        let with = |decided: &str| read(&format!(r#"{{"id":1,"jobs":[{{"name":"Tint","authorized":{decided}}}]}}"#));
        assert!(!with("null").authorized && !with("false").authorized && with("true").authorized);
        assert_eq!(with("null").service_texts, ["Tint"]);
    }

    #[test]
    fn a_deletion_is_a_newer_version_whatever_the_date_of_change_says() {
        let dates = r#""id":1,"updatedDate":"2026-03-02T15:04:05Z""#;
        let (before, after) =
            (read(&format!("{{{dates}}}")), read(&format!(r#"{{{dates},"deletedDate":"2026-03-03T10:00:00Z"}}"#)));
        assert!(after.deleted && after.version > before.version);
    }

    #[test]
    fn whoever_may_not_be_marketed_to_has_nothing_we_could_write_to() {
        let read = |ok: &str| {
            let row = format!(
                r#"{{"firstName":"Dana","email":"dana@example.com","okForMarketing":{ok},
                    "phone":[{{"number":"(512) 555-0101","type":"Home","primary":true}},{{"number":"512-555-0102","type":"Mobile"}}]}}"#
            );
            customer(serde_json::from_str(&row).unwrap())
        };
        let open = read("null");
        assert_eq!(open.phone.as_ref().unwrap().number.as_str(), "+15125550102", "the mobile one takes texts");
        assert!(open.phone.unwrap().texts_allowed && open.email.is_some());
        let closed = read("false");
        assert!(!closed.phone.unwrap().texts_allowed && closed.email.is_none());
    }

    #[test]
    fn a_business_is_greeted_by_its_contacts_name() {
        let row =
            r#"{"firstName":"Sample Fleet LLC","contactFirstName":"Dana","customerType":{"id":2,"code":"BUSINESS"}}"#;
        assert_eq!(customer(serde_json::from_str(row).unwrap()).first_name.as_deref(), Some("Dana"));
    }

    #[test]
    fn a_time_without_a_zone_is_the_shops() {
        let row = r#"{"id":4001,"startTime":"2026-03-09T14:00:00","appointmentStatus":"NONE"}"#;
        let read = appointment(serde_json::from_str(row).unwrap(), chrono_tz::America::Chicago).unwrap();
        assert_eq!(read.starts_at.to_rfc3339(), "2026-03-09T19:00:00+00:00");
        assert!(!read.is_cancelled);
    }
}
