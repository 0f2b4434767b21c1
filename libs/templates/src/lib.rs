//! What a message says: a tenant's template, filled with what is known about a lead.
//!
//! A template runs in a sandbox: it sees what is in [`Known`] and nothing else, and has so much fuel. A name that does not exist is a
//! mistake of its author, found when it is saved and never in a text.

mod page;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, value::Serde};
pub use page::Page;
use serde::Serialize;

/// Of a template, in steps of its machine; none of ours takes a thousand.
const FUEL: u64 = 20_000;

/// What a template may use. Every name is documented in `docs/templates.md`.
#[derive(Debug, Clone, Serialize)]
pub struct Known<'a> {
    /// `there` when the customer's name is not known: "Hi there" and never "Hi ,".
    pub first_name: &'a str,
    pub vehicle: &'a str,
    pub service: &'a str,
    pub price: String,
    pub shop: &'a str,
    pub shop_phone: &'a str,
    pub shop_address: &'a str,
    pub shop_hours: &'a str,
    /// Where this lead, and nobody else, talks with the shop.
    pub chat_link: &'a str,
}

impl<'a> Known<'a> {
    /// With the words for what is not known.
    pub fn of_customer(first_name: Option<&'a str>, vehicle: &'a str, service: &'a str, total_cents: i64) -> Self {
        Self {
            first_name: first_name.unwrap_or("there"),
            vehicle: if vehicle.is_empty() { "your vehicle" } else { vehicle },
            service,
            price: domain::dollars(total_cents),
            shop: "",
            shop_phone: "",
            shop_address: "",
            shop_hours: "",
            chat_link: "",
        }
    }
}

/// A template as it is written.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    pub name: &'a str,
    /// Of an email.
    pub subject: Option<&'a str>,
    pub body: &'a str,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("template {name:?} cannot be filled")]
    Fill {
        name: String,
        #[source]
        source: minijinja::Error,
    },
    #[error("template {name:?} uses {unknown:?}, which there is not")]
    Unknown { name: String, unknown: String },
}

impl Error {
    /// What its author has to change.
    pub fn says(&self) -> String {
        match self {
            Self::Fill { source, .. } => {
                let place = source.line().map(|line| format!(" in line {line}")).unwrap_or_default();
                format!("it cannot be filled{place}: {}", source.detail().unwrap_or("it cannot be read"))
            }
            Self::Unknown { unknown, .. } => {
                format!("there is no {unknown:?}; there are {}", NAMES.join(", "))
            }
        }
    }
}

/// Every name of [`Known`].
const NAMES: [&str; 9] =
    ["first_name", "vehicle", "service", "price", "shop", "shop_phone", "shop_address", "shop_hours", "chat_link"];

pub struct Renderer(Environment<'static>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rendered {
    pub subject: Option<String>,
    pub body: String,
}

impl Default for Renderer {
    fn default() -> Self {
        let mut environment = Environment::new();
        // A missing name is a mistake of the template's author, and never a gap in a text.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        Self(environment)
    }
}

impl Renderer {
    /// Whether it can be filled for everybody: it can be read, and no branch of it uses a name that there is not.
    pub fn check(&self, words: Words<'_>) -> Result<(), Error> {
        for text in words.subject.into_iter().chain([words.body]) {
            let name = || words.name.to_owned();
            let template = self.0.template_from_str(text).map_err(|source| Error::Fill { name: name(), source })?;
            let mut used: Vec<_> = template.undeclared_variables(false).into_iter().collect();
            used.sort();
            if let Some(unknown) =
                used.into_iter().find(|used| !NAMES.contains(&used.as_str()) && !self.is_a_function(used))
            {
                return Err(Error::Unknown { name: name(), unknown });
            }
        }
        Ok(())
    }

    /// Such as `range`, which comes with the language.
    fn is_a_function(&self, name: &str) -> bool {
        self.0.globals().any(|(known, _)| known == name)
    }

    pub fn render(&self, words: Words<'_>, known: &Known<'_>) -> Result<Rendered, Error> {
        let fill = |text: &str| {
            let filled = self.0.render_str(text, Serde(known));
            filled.map_err(|source| Error::Fill { name: words.name.to_owned(), source })
        };
        // A line break in a subject would be a second header.
        let subject = words.subject.map(fill).transpose()?;
        let subject = subject.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
        Ok(Rendered { subject, body: fill(words.body)?.trim().to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(body: &str) -> Result<String, String> {
        let known = Known { shop: "Sample Tint", ..Known::of_customer(None, "", "Window Tint", 45_999) };
        let words = Words { name: "t", subject: Some("Your\n{{ service }}"), body };
        let rendered = Renderer::default().render(words, &known).map_err(|error| error.to_string())?;
        assert_eq!(rendered.subject.as_deref(), Some("Your Window Tint"));
        Ok(rendered.body)
    }

    #[test]
    fn every_name_that_is_promised_is_there() {
        let known = serde_json::to_value(Known::of_customer(None, "", "", 0)).unwrap();
        let mut names: Vec<_> = known.as_object().unwrap().keys().cloned().collect();
        let mut promised = NAMES.map(str::to_owned).to_vec();
        names.sort();
        promised.sort();
        assert_eq!(names, promised);
    }

    #[test]
    fn what_is_not_known_has_words_and_what_does_not_exist_is_an_error() {
        assert_eq!(fill("Hi {{ first_name }}, {{ vehicle }}: {{ price }}").unwrap(), "Hi there, your vehicle: $459.99");
        assert!(fill("Hi {{ firstname }},").unwrap_err().contains("\"t\""));
        assert!(fill("{% for a in range(100000) %}{{ a }}{% endfor %}").is_err(), "no template runs for ever");
    }
}
