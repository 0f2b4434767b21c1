use std::collections::BTreeSet;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, value::Serde};
use serde::Serialize;

use crate::{Error, Known, known::NAMES};

/// Of a template, in steps of its machine; none of ours takes a thousand.
pub(crate) const FUEL: u64 = 20_000;

/// A template as it is written.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    pub name: &'a str,
    /// Of an email.
    pub subject: Option<&'a str>,
    pub body: &'a str,
}

pub struct Renderer(Environment<'static>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rendered {
    pub subject: Option<String>,
    pub body: String,
}

impl Default for Renderer {
    fn default() -> Self {
        Self(strict(false))
    }
}

/// A missing name is a mistake of the template's author, and never a gap in a text.
pub(crate) fn strict(is_html: bool) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(move |_| if is_html { AutoEscape::Html } else { AutoEscape::None });
    environment.set_fuel(Some(FUEL));
    environment
}

impl Renderer {
    /// Whether it can be filled for everybody: it can be read, and no branch of it uses a name that there is not.
    pub fn check(&self, words: Words<'_>) -> Result<(), Error> {
        for text in words.subject.into_iter().chain([words.body]) {
            check_names(&self.0, words.name, text, &NAMES)?;
        }
        Ok(())
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

    /// What WhatsApp puts into the words that it has approved: what each `{{ name }}` stands for, in their order. Whatever else a
    /// template can do it cannot.
    pub fn render_parameters(&self, words: Words<'_>, known: &Known<'_>) -> Result<Vec<String>, Error> {
        let mut parameters = Vec::new();
        let mut rest = words.body;
        while let Some(at) = rest.find('{') {
            let end = rest[at..].find('}').map_or(rest.len(), |end| at + end + 2).min(rest.len());
            let found = rest.get(at..end).unwrap_or(&rest[at..]);
            let name = found.strip_prefix("{{").and_then(|found| found.strip_suffix("}}")).map(str::trim);
            let Some(name) = name.filter(|name| NAMES.contains(name)) else {
                return Err(Error::NotPlain { name: words.name.to_owned(), found: found.to_owned() });
            };
            let filled = self.render(Words { body: &format!("{{{{ {name} }}}}"), ..words }, known)?.body;
            // The vendor takes no line breaks, no rows of blanks, and nothing empty in there.
            let filled = filled.split_whitespace().collect::<Vec<_>>().join(" ");
            if filled.is_empty() {
                return Err(Error::Empty { name: words.name.to_owned(), of: name.to_owned() });
            }
            parameters.push(filled);
            rest = &rest[end..];
        }
        Ok(parameters)
    }
}

/// Whether it can be read and uses none but these names.
pub(crate) fn check_names(
    environment: &Environment<'static>,
    name: &str,
    text: &str,
    there_are: &[&'static str],
) -> Result<(), Error> {
    let read = environment.template_from_str(text);
    let template = read.map_err(|source| Error::Fill { name: name.to_owned(), source })?;
    // Such as `range`, which comes with the language.
    let is_a_function = |name: &str| environment.globals().any(|(known, _)| known == name);
    let used: BTreeSet<_> = template.undeclared_variables(false).into_iter().collect();
    match used.into_iter().find(|used| !there_are.contains(&used.as_str()) && !is_a_function(used)) {
        Some(unknown) => Err(Error::Unknown { name: name.to_owned(), unknown, there_are: there_are.to_vec() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use domain::Language;

    use super::*;

    fn known() -> Known<'static> {
        crate::known::tests::known(Language::English, None)
    }

    fn fill(body: &str) -> Result<String, String> {
        let words = Words { name: "t", subject: Some("Your\n{{ service }}"), body };
        let rendered = Renderer::default().render(words, &known()).map_err(|error| error.to_string())?;
        assert_eq!(rendered.subject.as_deref(), Some("Your Window Tint"));
        Ok(rendered.body)
    }

    #[test]
    fn what_is_not_known_has_words_and_what_does_not_exist_is_an_error() {
        assert_eq!(fill("Hi {{ first_name }}, {{ vehicle }}: {{ price }}").unwrap(), "Hi there, your vehicle: $459.99");
        assert!(fill("Hi {{ firstname }},").unwrap_err().contains("\"t\""));
        assert!(fill("{% for a in range(100000) %}{{ a }}{% endfor %}").is_err(), "no template runs for ever");
    }

    #[test]
    fn whatsapp_gets_what_each_name_stands_for_in_their_order() {
        let parameters =
            |body| Renderer::default().render_parameters(Words { name: "t", subject: None, body }, &known());
        assert_eq!(
            parameters("Hi {{ first_name }}, {{shop}} here: {{ price }}.").unwrap(),
            ["there", "Sample Tint & Sons", "$459.99"]
        );
        assert_eq!(parameters("Hello").unwrap(), Vec::<String>::new());
        for wrong in
            ["{% if price %}x{% endif %}", "{{ firstname }}", "{{ shop | upper }}", "{{ shop }", "{", "{{", "{é"]
        {
            assert!(matches!(parameters(wrong), Err(Error::NotPlain { .. })), "{wrong}");
        }
    }
}
