//! A tenant's template, filled with what is known about a lead.

use minijinja::{Environment, UndefinedBehavior, value::Serde};
use serde::Serialize;
use store::{Message, Template};

/// What a template may use. Every name is documented in `docs/templates.md`.
#[derive(Debug, Serialize)]
struct Known<'a> {
    /// `there` when the customer's name is not known: "Hi there" and never "Hi ,".
    first_name: &'a str,
    vehicle: &'a str,
    service: &'a str,
    price: String,
    shop: &'a str,
    shop_phone: &'a str,
    shop_address: &'a str,
    shop_hours: &'a str,
}

#[derive(Debug, thiserror::Error)]
#[error("template {name:?} cannot be filled")]
pub(crate) struct Error {
    name: String,
    #[source]
    source: minijinja::Error,
}

pub(crate) struct Renderer(Environment<'static>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) subject: Option<String>,
    pub(crate) body: String,
}

impl Renderer {
    pub(crate) fn new() -> Self {
        let mut environment = Environment::new();
        // A missing name is a mistake of the template's author, and never a gap in a text.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_fuel(Some(20_000));
        Self(environment)
    }

    pub(crate) fn render(&self, template: &Template, message: &Message) -> Result<Rendered, Error> {
        let known = Known {
            first_name: message.recipient.first_name.as_deref().unwrap_or("there"),
            vehicle: if message.recipient.vehicle.is_empty() { "your vehicle" } else { &message.recipient.vehicle },
            service: &message.recipient.service,
            price: price(message.recipient.total_cents),
            shop: &message.shop_name,
            shop_phone: &message.shop_phone,
            shop_address: &message.shop_postal_address,
            shop_hours: &message.shop_hours,
        };
        let fill = |text: &str| {
            let filled = self.0.render_str(text, Serde(&known));
            filled.map_err(|source| Error { name: template.name.clone(), source })
        };
        // A line break in a subject would be a second header.
        let subject = template.subject.as_deref().map(fill).transpose()?;
        let subject = subject.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
        Ok(Rendered { subject, body: fill(&template.body)?.trim().to_owned() })
    }
}

/// `$459.99`; whole dollars without cents.
fn price(cents: i64) -> String {
    match (cents / 100, cents % 100) {
        (dollars, 0) => format!("${dollars}"),
        (dollars, cents) => format!("${dollars}.{cents:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_read_as_people_write_them() {
        assert_eq!(price(45_999), "$459.99");
        assert_eq!(price(46_000), "$460");
    }
}
