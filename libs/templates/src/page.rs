//! Pages for people, in which whatever is put in is text and never markup.

use minijinja::{AutoEscape, Environment, UndefinedBehavior, value::Serde};
use serde::Serialize;

/// A page of ours, or a layout: one of those that are compiled in.
pub struct Page(Environment<'static>);

impl Page {
    /// `source` is a constant of the program's.
    pub fn new(source: &'static str) -> Result<Self, minijinja::Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.add_template("page", source)?;
        Ok(Self(environment))
    }

    pub fn fill(&self, known: &impl Serialize) -> Result<String, minijinja::Error> {
        self.0.get_template("page")?.render(Serde(known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_into_a_page_cannot_become_markup() {
        let page = Page::new("<p>{{ name }}</p>").unwrap();
        let filled = page.fill(&serde_json::json!({ "name": "<b>\"Dana\"</b>" })).unwrap();
        assert!(!filled.contains("<b>") && filled.contains("&lt;b&gt;"), "{filled}");
        assert!(page.fill(&serde_json::json!({})).is_err(), "a page has no gaps");
    }
}
