use std::borrow::Cow;

use domain::{Language, NO_SERVICE};
use serde::Serialize;

/// What a template may use. Every name is documented in `docs/templates.md`.
#[derive(Debug, Clone, Serialize)]
pub struct Known<'a> {
    /// When the customer's name is not known, words that can stand in its place: "Hi there" and never "Hi ,".
    first_name: &'a str,
    vehicle: &'a str,
    service: &'a str,
    price: String,
    pub(crate) shop: &'a str,
    shop_phone: String,
    shop_address: &'a str,
    shop_hours: &'a str,
    /// Where this lead, and nobody else, talks with the shop.
    chat_link: &'a str,
    /// When they come, as people say it.
    appointment: Cow<'a, str>,
}

/// Every name of [`Known`].
pub(crate) const NAMES: [&str; 10] = [
    "first_name",
    "vehicle",
    "service",
    "price",
    "shop",
    "shop_phone",
    "shop_address",
    "shop_hours",
    "chat_link",
    "appointment",
];

/// Who asked, and for what.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub first_name: Option<&'a str>,
    /// Empty: not known.
    pub vehicle: &'a str,
    pub service: &'a str,
    pub total_cents: i64,
}

/// Whom they asked.
#[derive(Debug, Clone, Copy)]
pub struct Shop<'a> {
    pub name: &'a str,
    pub phone: &'a str,
    pub postal_address: &'a str,
    pub hours: &'a str,
}

impl<'a> Known<'a> {
    /// With the words, in this language, for what is not known.
    pub fn new(language: Language, asked: Asked<'a>, shop: Shop<'a>, chat_link: &'a str) -> Self {
        let [nobody, a_vehicle, a_service] = for_nothing(language);
        let said = |words: &'a str| Some(words.trim()).filter(|words| *words != NO_SERVICE && is_fit(words));
        Self {
            first_name: asked.first_name.map(str::trim).filter(|name| is_name(name)).unwrap_or(nobody),
            vehicle: said(asked.vehicle).unwrap_or(a_vehicle),
            service: said(asked.service).unwrap_or(a_service),
            price: domain::dollars(asked.total_cents),
            shop: shop.name,
            shop_phone: domain::as_people_read(shop.phone),
            shop_address: shop.postal_address,
            shop_hours: shop.hours,
            chat_link,
            appointment: match language {
                Language::English => "your appointment".into(),
                Language::Spanish => "su cita".into(),
            },
        }
    }
}

impl Known<'_> {
    /// Of a message that tells of an appointment.
    #[must_use]
    pub fn with_appointment(self, appointment: String) -> Self {
        Self { appointment: appointment.into(), ..self }
    }

    /// The same without a word of the customer's own.
    #[must_use]
    pub fn without_theirs(self, language: Language) -> Self {
        let [first_name, vehicle, service] = for_nothing(language);
        Self { first_name, vehicle, service, ..self }
    }
}

/// What is said for a name, a car and a service that nobody knows.
fn for_nothing(language: Language) -> [&'static str; 3] {
    match language {
        Language::English => ["there", "your vehicle", NO_SERVICE],
        // "Hola, qué tal" is what somebody is told whose name nobody knows.
        Language::Spanish => ["qué tal", "su carro", "su solicitud"],
    }
}

/// Longer is nobody's first name.
const LONGEST_NAME: usize = 30;
/// Of what somebody typed into a line of a form: it goes into our own words.
const LONGEST_WORDS: usize = 80;

/// As people are called: letters, and what stands between them.
fn is_name(words: &str) -> bool {
    words.chars().any(char::is_alphabetic)
        && words.chars().count() <= LONGEST_NAME
        && words.chars().all(|letter| letter.is_alphabetic() || " .'’-".contains(letter))
}

/// Whether what they typed can stand in a sentence of ours.
fn is_fit(words: &str) -> bool {
    !words.is_empty()
        && words.chars().count() <= LONGEST_WORDS
        && !words.chars().any(|letter| letter.is_control() || "{}<>".contains(letter))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Of nobody's.
    pub(crate) fn known(language: Language, first_name: Option<&'static str>) -> Known<'static> {
        let shop = Shop {
            name: "Sample Tint & Sons",
            phone: "+18135550100",
            postal_address: "1 Main St, Tampa, FL 33602",
            hours: "Monday to Saturday, 9 to 6",
        };
        let asked = Asked { first_name, vehicle: "", service: "Window Tint", total_cents: 45_999 };
        Known::new(language, asked, shop, "https://go.example.com/c/7Kd3mQxT9bWz2p")
    }

    #[test]
    fn every_name_that_is_promised_is_there() {
        let known = serde_json::to_value(known(Language::English, None)).unwrap();
        let mut names: Vec<_> = known.as_object().unwrap().keys().cloned().collect();
        let mut promised = NAMES.map(str::to_owned).to_vec();
        names.sort();
        promised.sort();
        assert_eq!(names, promised);
    }

    #[test]
    fn what_is_no_name_and_no_car_is_not_said() {
        let shop = Shop { name: "", phone: "", postal_address: "", hours: "" };
        let words = |first_name: &'static str, vehicle: &'static str| {
            let asked = Asked { first_name: Some(first_name), vehicle, service: "Tint", total_cents: 0 };
            let known = Known::new(Language::English, asked, shop, "");
            (known.first_name.to_owned(), known.vehicle.to_owned())
        };
        assert_eq!(words(" María-José O'Neil ", "2021 Civic"), ("María-José O'Neil".into(), "2021 Civic".into()));
        for name in ["{{ shop }}", "<b>x</b>", "", "12", "Dana\nSTOP", &*"x".repeat(31).leak()] {
            assert_eq!(words(name, "a {{ b }}"), ("there".into(), "your vehicle".into()), "{name}");
        }
        assert_eq!(words("Dana", "z".repeat(190).leak()).1, "your vehicle");
    }

    #[test]
    fn what_nobody_knows_has_words_in_every_language() {
        let words = |language| {
            let asked = Asked { first_name: None, vehicle: "", service: NO_SERVICE, total_cents: 0 };
            let nothing = Shop { name: "", phone: "", postal_address: "", hours: "" };
            let known = Known::new(language, asked, nothing, "");
            [known.first_name, known.vehicle, known.service]
        };
        assert_eq!(words(Language::English), ["there", "your vehicle", "your request"]);
        assert_eq!(words(Language::Spanish), ["qué tal", "su carro", "su solicitud"]);
    }
}
