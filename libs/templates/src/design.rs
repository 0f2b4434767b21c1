//! How an email looks: MJML, rendered to the HTML that mailboxes show, and filled with text that stays text.

use std::collections::HashMap;

use domain::{Language, Look};
use minijinja::{Environment, value::Serde};
use mrml::prelude::render::RenderOptions;
use serde::Serialize;

use crate::{
    Error, Known,
    known::NAMES,
    words::{check_names, strict},
};

const EVERY_EMAILS: &str = include_str!("email.mjml");

/// A tenant's own design of one template: the HTML of its MJML, with the names in it still to be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Design(String);

/// What there is in an email beside the words.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    pub language: Language,
    pub look: &'a Look,
    pub subject: &'a str,
    /// The text part, filled.
    pub body: &'a str,
    /// Where its reader leaves. `None`: the vendor puts a link under it.
    pub unsubscribe_link: Option<&'a str>,
}

/// What a tenant's own design may use beside [`Known`].
const NAMES_AROUND: [&str; 3] = ["subject", "language", "unsubscribe_link"];

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    known: &'a Known<'a>,
    language: &'static str,
    subject: &'a str,
    unsubscribe_link: &'a str,
}

#[derive(Serialize)]
struct ShownByDefault<'a> {
    shop: &'a str,
    language: &'static str,
    subject: &'a str,
    color: String,
    logo: String,
    /// Each with its lines.
    paragraphs: Vec<Vec<&'a str>>,
    unsubscribe_link: &'a str,
    leave: &'static str,
}

/// Fills designs: the one that all emails have, and tenants' own.
pub struct Designs {
    environment: Environment<'static>,
}

impl Default for Designs {
    fn default() -> Self {
        let mut environment = strict(true);
        // Ours, and rendered by a test: it has no mistake that a program could meet.
        let html = read_and_render("email", EVERY_EMAILS).unwrap_or_default();
        let _ = environment.add_template_owned("email", html);
        Self { environment }
    }
}

impl Designs {
    /// Whether it is MJML that can be filled for everybody, shows where the shop is, and how to leave.
    pub fn read(&self, name: &str, mjml: &str) -> Result<Design, Error> {
        let html = render_mjml(name, mjml)?;
        let there_are: Vec<_> = NAMES.into_iter().chain(NAMES_AROUND).collect();
        check_names(&self.environment, name, &html, &there_are)?;
        let lacks = |wanted: &str| !html.contains(wanted);
        for wanted in ["unsubscribe_link", "shop_address"] {
            if lacks(wanted) {
                let says = format!("it does not show {{{{ {wanted} }}}}, which an email has to");
                return Err(Error::Design { name: name.to_owned(), says });
            }
        }
        Ok(Design(html))
    }

    /// The HTML of an email. A design of the tenant's own needs a link to leave by; without one the email has the design that all have.
    pub fn fill(&self, own: Option<&Design>, known: &Known<'_>, around: &Around<'_>) -> Result<String, Error> {
        let Around { language, look, subject, body, unsubscribe_link } = *around;
        let filled = if let (Some(Design(html)), Some(unsubscribe_link)) = (own, unsubscribe_link) {
            let shown = Shown { known, language: language.as_str(), subject, unsubscribe_link };
            self.environment.render_str(html, Serde(shown))
        } else {
            let paragraphs = body.split("\n\n").map(|paragraph| paragraph.trim().lines().collect()).collect();
            let shown = ShownByDefault {
                shop: known.shop,
                language: language.as_str(),
                subject,
                color: look.color.to_string(),
                logo: look.logo.as_ref().map(ToString::to_string).unwrap_or_default(),
                paragraphs,
                unsubscribe_link: unsubscribe_link.unwrap_or_default(),
                leave: leave(language),
            };
            self.environment.get_template("email").and_then(|email| email.render(Serde(shown)))
        };
        filled.map_err(|source| Error::Fill { name: "email".to_owned(), source })
    }
}

/// What stands on the link by which somebody leaves.
fn leave(language: Language) -> &'static str {
    match language {
        Language::English => "Get no more of these messages",
        Language::Spanish => "No recibir más mensajes",
    }
}

/// The text part, with the way out below it.
pub fn with_way_out(body: &str, language: Language, unsubscribe_link: &str) -> String {
    format!("{body}\n\n{}: {unsubscribe_link}", leave(language))
}

/// Mailboxes cut off what is longer (Gmail: 102 KB).
const LONGEST: usize = 100 << 10;
/// What reads MJML goes down into it, and a stack has an end.
const DEEPEST: usize = 60;
/// Tags that have no end.
const VOID: [&str; 6] = ["br", "img", "hr", "input", "meta", "link"];

/// How many elements stand in one another at most, if none is ended that was not begun.
fn depth(markup: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for tag in markup.split('<').skip(1) {
        let name: String = tag.chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect();
        let is_ended_at_once = tag.split('>').next().is_some_and(|inside| inside.ends_with('/'));
        if tag.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if !name.is_empty() && !is_ended_at_once && !VOID.contains(&name.to_ascii_lowercase().as_str()) {
            depth += 1;
            deepest = deepest.max(depth);
        }
    }
    deepest
}

/// Of the reader's own thread: enough for a design of nothing but tags in one another (a test). Memory is taken as far as it is gone into.
const STACK_BYTES: usize = 256 << 20;

/// The reader calls itself for each tag in another, and what ends a tag it knows better than [`depth`]: whatever it is given, it ends in an
/// error and not in the end of the process.
fn render_mjml(name: &str, mjml: &str) -> Result<String, Error> {
    let wrong = |says: &str| Error::Design { name: name.to_owned(), says: says.to_owned() };
    std::thread::scope(|threads| {
        let reader = std::thread::Builder::new().stack_size(STACK_BYTES);
        let reading = reader.spawn_scoped(threads, || read_and_render(name, mjml));
        let read = reading.map_err(|_| wrong("there is no memory to read it in now; try again"))?.join();
        read.unwrap_or_else(|_| Err(wrong("it cannot be read")))
    })
}

fn read_and_render(name: &str, mjml: &str) -> Result<String, Error> {
    let wrong = |says: String| Error::Design { name: name.to_owned(), says };
    if mjml.len() > LONGEST {
        return Err(wrong("it is longer than 100 KB, and mailboxes show no more".to_owned()));
    }
    if depth(mjml) > DEEPEST {
        return Err(wrong(format!("more than {DEEPEST} of its tags stand in one another; is each of them ended?")));
    }
    let parsed = mrml::parse(mjml).map_err(|error| wrong(error.to_string()))?;
    if let Some(warning) = parsed.warnings.first() {
        return Err(wrong(warning.to_string()));
    }
    // Without fonts from the web, which would tell their owner who reads what.
    let options = RenderOptions { fonts: HashMap::new(), ..RenderOptions::default() };
    let html = parsed.element.render(&options).map_err(|error| wrong(error.to_string()))?;
    // What is not known is passed through as it is.
    let unknown = html.split("<mj-").nth(1).and_then(|rest| rest.split([' ', '>', '/']).next());
    match unknown {
        Some(tag) => Err(wrong(format!("there is no mj-{tag}, or not at that place"))),
        None if html.len() > LONGEST => {
            Err(wrong("its HTML is longer than 100 KB, and mailboxes show no more".to_owned()))
        }
        None => Ok(html),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known::tests::known;

    const OWN: &str = r#"<mjml><mj-body><mj-section><mj-column>
        <mj-text>Hola {{ first_name }}, {{ service }}: {{ price }}</mj-text>
        <mj-button href="{{ chat_link }}">Escribir</mj-button>
        <mj-text>{{ shop }}, {{ shop_address }} <a href="{{ unsubscribe_link }}">No más</a></mj-text>
        </mj-column></mj-section></mj-body></mjml>"#;

    fn filled(own: Option<&str>, body: &str, language: Language, link: Option<&str>) -> String {
        let designs = Designs::default();
        let own = own.map(|mjml| designs.read("t", mjml).unwrap());
        let look = Look::default();
        let around = Around { language, look: &look, subject: "Your <quote>", body, unsubscribe_link: link };
        designs.fill(own.as_ref(), &known(language, Some("<b>Dana</b>")), &around).unwrap()
    }

    #[test]
    fn what_a_customer_typed_cannot_become_markup() {
        let html =
            filled(None, "Hi <b>Dana</b>\nline\n\n& more", Language::English, Some("https://go.example.com/u/a"));
        assert!(html.contains("Hi &lt;b&gt;Dana&lt;&#x2f;b&gt;<br />line") && html.contains("&amp; more"), "{html}");
        assert!(html.contains("Sample Tint &amp; Sons") && html.contains("#1f5fbf"), "{html}");
        assert!(
            html.contains("https:&#x2f;&#x2f;go.example.com&#x2f;u&#x2f;a") && html.contains("Get no more"),
            "{html}"
        );
        assert!(!html.contains("{{") && !html.contains("{%") && !html.contains("fonts.googleapis"), "{html}");
        let own = filled(Some(OWN), "", Language::Spanish, Some("https://go.example.com/u/a"));
        assert!(own.contains("Hola qué tal, Window Tint: $459.99"), "{own}");
        assert!(own.contains("Sample Tint &amp; Sons, 1 Main St"), "{own}");
    }

    #[test]
    fn an_email_without_a_link_to_leave_by_has_the_design_that_all_have() {
        let html = filled(Some(OWN), "Hola", Language::Spanish, None);
        assert!(html.contains("Hola") && !html.contains("Escribir") && !html.contains("No recibir"), "{html}");
        assert!(html.contains(r#"lang="es""#), "{html}");
    }

    #[test]
    fn a_design_of_ones_own_is_read_when_it_is_saved() {
        let says = |mjml: &str| Designs::default().read("t", mjml).unwrap_err().says();
        assert!(says("<mjml><mj-body>").contains("cannot be used"), "{}", says("<mjml><mj-body>"));
        assert!(says("Hello").contains("cannot be used"));
        assert!(says(&OWN.replace("first_name", "firstname")).contains("there is no \"firstname\""));
        assert!(says(&OWN.replace("{{ unsubscribe_link }}", "#")).contains("unsubscribe_link"));
        assert!(says(&OWN.replace("{{ shop_address }}", "")).contains("shop_address"));
        assert!(says(&OWN.replace("mj-button", "mj-bouton")).contains("cannot be used"));
        let deep = OWN.replace("{{ price }}", &format!("{}x{}", "<b>".repeat(1_500), "</b>".repeat(1_500)));
        assert!(says(&deep).contains("stand in one another"), "{}", says(&deep));
        let wrapped = format!("{}{}", "<mj-wrapper>".repeat(600), "</mj-wrapper>".repeat(600));
        assert!(says(&OWN.replace("<mj-section>", &format!("{wrapped}<mj-section>"))).contains("stand in one another"));
        assert!(says(&OWN.replace("{{ price }}", &"long ".repeat(30_000))).contains("longer than 100 KB"));
        let breaks = OWN.replace("{{ price }}", &"<br>x<br/>".repeat(200));
        assert!(Designs::default().read("t", &breaks).is_ok(), "a line break is no depth");
        // What the count takes for ended or for void, and the reader may not: refused or not, the process lives.
        for tag in ["<b a=\"/>\">", "<hr>", "<link>", "<b></i>", "<!-- <b> --><b a='/>'>"] {
            let many = tag.repeat((LONGEST - OWN.len()) / tag.len());
            let _ = Designs::default().read("t", &OWN.replace("{{ price }}", &many));
            let _ = Designs::default().read("t", &OWN.replace("<mj-section>", &format!("{many}<mj-section>")));
        }
        let include = OWN.replace("<mj-body>", r#"<mj-body><mj-include path="/etc/hostname" />"#);
        assert!(says(&include).contains("cannot be used"), "{}", says(&include));
    }
}
