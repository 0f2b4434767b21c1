//! Whom a lead can reach, from the CRM's copy of its customer.

use chrono_tz::Tz;
use domain::{Customer, E164, NoContact, ZoneSource};
use store::Contact;

pub(crate) fn contact_of(customer: Option<Customer>) -> Contact {
    let nobody = customer.is_none();
    let Customer { version, first_name, last_name, phone, email, .. } = customer.unwrap_or_default();
    let texts_allowed = phone.as_ref().is_some_and(|phone| phone.texts_allowed);
    let nobody = match (&phone, &email) {
        (None, None) if nobody => Some(NoContact::NoCustomer),
        (None, None) => Some(NoContact::NoPhoneOrEmail),
        (Some(_), None) if !texts_allowed => Some(NoContact::TextsRefusedAndNoEmail),
        _ => None,
    };
    let phone = phone.map(|phone| phone.number);
    Contact { version, nobody, first_name, last_name, phone, texts_allowed, email }
}

/// Where somebody's clock is, and how that is known: their number says it better than the shop they ask.
pub(crate) fn zone_of(phone: Option<&E164>, shop: Tz) -> (Tz, ZoneSource) {
    match phone.and_then(E164::time_zone) {
        Some(zone) => (zone, ZoneSource::AreaCode),
        None => (shop, ZoneSource::Shop),
    }
}
