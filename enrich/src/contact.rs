//! Whom a lead can reach, from the CRM's copy of its customer.

use domain::{Customer, NoContact};
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
