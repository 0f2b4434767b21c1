//! A tenant's words: what each step says, by each channel.

use domain::{Channel, Language, LeadId, Look, Segments};
use serde::Serialize;
use store::{Location, Template, Wordings};
use templates::{Around, Asked, Designs, Known, Rendered, Renderer, Shop, Words};

use crate::{Desk, Error};

const LONGEST_SUBJECT: usize = 150;
const LONGEST_BODY: usize = 20_000;
/// Of a template's body (Meta: message templates).
const LONGEST_WHATSAPP: usize = 1_024;

/// What was saved, filled with a customer of nobody's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SavedWords {
    #[serde(flatten)]
    pub sample: Rendered,
    /// Of a text.
    pub segments: Option<Segments>,
    /// A letter that makes every part of a text hold less than half as much.
    pub dear_letter: Option<char>,
    /// Whoever asks by a form has no price yet.
    pub shows_price: bool,
}

/// Every template, by its name.
pub async fn list_words(desk: &Desk, slug: &str) -> Result<Vec<Template>, Error> {
    let mut tx = desk.store.begin(desk.find(slug).await?).await?;
    let mut templates = tx.tenants().list_templates().await?;
    templates.sort_by(|one, other| {
        (&one.name, one.channel, one.language).cmp(&(&other.name, other.channel, other.language))
    });
    Ok(templates)
}

/// Saves a template, if it can be filled for everybody.
pub async fn save_words(desk: &Desk, slug: &str, template: &Template) -> Result<SavedWords, Error> {
    let tenant = desk.find(slug).await?;
    let saved = check(template)?;
    let mut tx = desk.store.begin(tenant).await?;
    tx.tenants().save_template(template).await?;
    tx.commit().await?;
    Ok(saved)
}

/// What a template would say to a lead.
pub async fn preview_words(
    desk: &Desk,
    slug: &str,
    name: &str,
    channel: Channel,
    lead: LeadId,
) -> Result<Rendered, Error> {
    let mut tx = desk.store.begin(desk.find(slug).await?).await?;
    let settings = tx.tenants().settings().await?;
    let wordings = Wordings::new(tx.tenants().list_templates().await?, settings.language);
    let found = tx.descriptions().find_recipient(lead).await?.ok_or(Error::NoSuchLead(lead))?;
    let recipient = &found.recipient;
    let template = wordings.find(name, channel, recipient.language);
    let template = template.ok_or_else(|| Error::NoSuchTemplate(name.to_owned()))?;
    let shop = tx.locations().list().await?.into_iter().find(|location| location.id == found.location);
    let location = shop.ok_or_else(|| Error::NoSuchShop(slug.to_owned()))?;
    let chat_link = desk.sample_link(settings.link_base);
    let asked = Asked {
        first_name: recipient.first_name.as_deref(),
        vehicle: &recipient.vehicle,
        service: &recipient.service,
        total_cents: recipient.total_cents,
    };
    let known = Known::new(template.language, asked, shop_of(&location), &chat_link);
    Renderer::default().render(words(template), &known).map_err(|error| Error::Words(error.says()))
}

/// A shop as templates know it.
pub(crate) fn shop_of(location: &Location) -> Shop<'_> {
    let Location { name, phone, postal_address, hours, .. } = location;
    Shop { name, phone, postal_address, hours }
}

fn words(template: &Template) -> Words<'_> {
    Words { name: &template.name, subject: template.subject.as_deref(), body: &template.body }
}

/// What cannot be sent, in words; or how it reads.
fn check(template: &Template) -> Result<SavedWords, Error> {
    let Template { name, channel, language, subject, body, mjml, approved_as } = template;
    let wrong = |says: &str| Err(Error::Words(says.to_owned()));
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || name.len() > 40 || !name.chars().all(is_plain) {
        return wrong("its name takes small letters, digits and _, such as day_3");
    }
    if body.trim().is_empty() {
        return wrong("it says nothing");
    }
    let is_typed = |letter: char| !letter.is_control() || "\n\r\t".contains(letter);
    if body.len() > LONGEST_BODY || !body.chars().all(is_typed) {
        return wrong("its body is too long, or has a character that nobody can write");
    }
    if subject.as_ref().is_some_and(|subject| subject.chars().any(char::is_control)) {
        return wrong("its subject has a line break, or a character that nobody can write");
    }
    match (channel, subject) {
        (Channel::Sms | Channel::Whatsapp, Some(_)) => return wrong("a text has no subject; leave it out"),
        (Channel::Email, None) => return wrong("an email needs a subject; add --subject"),
        (Channel::Email, Some(subject)) if subject.trim().is_empty() || subject.len() > LONGEST_SUBJECT => {
            return wrong("its subject is empty, or longer than a mailbox shows");
        }
        _ => {}
    }
    let renderer = Renderer::default();
    renderer.check(words(template)).map_err(|error| Error::Words(error.says()))?;
    if mjml.is_some() && *channel != Channel::Email {
        return wrong("only an email has a design; leave --mjml out");
    }
    if approved_as.is_some() && *channel != Channel::Whatsapp {
        return wrong("only WhatsApp approves words; leave --approved-as out");
    }
    if approved_as.as_ref().is_some_and(|approved| Language::of_tag(&approved.language_code) != Some(*language)) {
        return wrong("it is approved in another language than --language says");
    }
    let asked =
        Asked { first_name: Some("Dana"), vehicle: "2021 Honda Civic", service: "Window Tint", total_cents: 45_999 };
    let shop = Shop {
        name: "Sample Tint Tampa",
        phone: "+18135550100",
        postal_address: "1 Main St, Tampa, FL 33602",
        hours: "Monday to Saturday, 9 to 6",
    };
    let known = Known::new(*language, asked, shop, "https://go.example.com/c/7Kd3mQxT9bWz2p");
    let sample = renderer.render(words(template), &known).map_err(|error| Error::Words(error.says()))?;
    if sample.body.is_empty() {
        return wrong("it says nothing to a customer of nobody's");
    }
    // Of most who ask by a form little more is known than where to write to.
    let nothing = Asked { first_name: None, vehicle: "", service: "", total_cents: 0 };
    let unknown = Known::new(*language, nothing, shop, "https://go.example.com/c/7Kd3mQxT9bWz2p");
    let bare = renderer
        .render(words(template), &unknown)
        .map_err(|error| Error::Words(format!("to whoever gave no name, no car and no service: {}", error.says())))?;
    if bare.body.is_empty() {
        return wrong("it says nothing to whoever gave no name, no car and no service");
    }
    if *channel == Channel::Sms && Segments::of(&bare.body).count > Segments::MOST {
        return wrong("to whoever gave no name, no car and no service it is longer than four parts; make it shorter");
    }
    if *channel == Channel::Email && !body.contains("shop_address") {
        return wrong("an email has to show where the shop is (CAN-SPAM); write {{ shop_address }} somewhere");
    }
    if let Some(mjml) = mjml {
        let designs = Designs::default();
        let design = designs.read(name, mjml).map_err(|error| Error::Words(error.says()))?;
        let around = Around {
            language: *language,
            look: &Look::default(),
            subject: sample.subject.as_deref().unwrap_or_default(),
            body: &sample.body,
            unsubscribe_link: Some("https://go.example.com/u/7Kd3mQxT9bWz2p"),
        };
        let shown = designs.fill(Some(&design), &known, &around).map_err(|error| Error::Words(error.says()))?;
        // In a comment, or behind a condition, nobody would see them.
        let shown = without_comments(&shown);
        if !shown.contains("7Kd3mQxT9bWz2p") || !shown.contains("Tampa, FL 33602") {
            return wrong("its design (MJML) has to show {{ shop_address }} and {{ unsubscribe_link }} to everybody");
        }
    }
    if approved_as.is_some() {
        renderer.render_parameters(words(template), &known).map_err(|error| Error::Words(error.says()))?;
    }
    if *channel == Channel::Whatsapp && sample.body.chars().count() > LONGEST_WHATSAPP {
        return wrong("WhatsApp takes a thousand and twenty-four letters; make it shorter");
    }
    let segments = (*channel == Channel::Sms).then(|| Segments::of(&sample.body));
    if segments.is_some_and(|segments| segments.count > Segments::MOST) {
        return wrong("it is longer than four parts, and each is paid for; make it shorter");
    }
    let dear_letter = segments.and_then(|_| Segments::dearest_letter(&sample.body));
    Ok(SavedWords { shows_price: body.contains("price"), sample, segments, dear_letter })
}

fn without_comments(html: &str) -> String {
    html.split("<!--")
        .enumerate()
        .map(|(part, text)| if part == 0 { text } else { text.split_once("-->").map_or("", |(_, rest)| rest) })
        .collect()
}

#[cfg(test)]
mod tests {
    use domain::ApprovedName;

    use super::*;

    fn template(channel: Channel, body: &str) -> Template {
        Template {
            name: "day_3".into(),
            channel,
            language: Language::English,
            subject: None,
            body: body.into(),
            mjml: None,
            approved_as: None,
        }
    }

    fn checked(template: &Template) -> Result<SavedWords, String> {
        check(template).map_err(|error| error.to_string())
    }

    fn text(body: &str) -> Result<SavedWords, String> {
        checked(&template(Channel::Sms, body))
    }

    #[test]
    fn words_for_whatsapp_are_approved_by_a_name_and_have_nothing_but_names_in_them() {
        let approved = |name: &str, body: &str| {
            let approved_as = Some(ApprovedName::try_from(name.to_owned()).unwrap());
            checked(&Template { approved_as, ..template(Channel::Whatsapp, body) })
        };
        assert!(approved("follow_up_1:en_US", "Hi {{ first_name }}, {{ shop }} here.").is_ok());
        assert!(approved("follow_up_1:es", "Hi {{ first_name }}.").unwrap_err().contains("another language"));
        assert!(approved("follow_up_1:en", "{% if price %}Hi{% endif %}").unwrap_err().contains("nothing else"));
        assert!(checked(&template(Channel::Whatsapp, "{% if price %}Hi{% endif %}")).is_ok(), "in a conversation");
        let approved_as = Some(ApprovedName::try_from("a:en".to_owned()).unwrap());
        assert!(
            checked(&Template { approved_as, ..template(Channel::Sms, "Hi") }).unwrap_err().contains("--approved-as")
        );
        assert!(
            checked(&Template { mjml: Some("<mjml/>".into()), ..template(Channel::Sms, "Hi") })
                .unwrap_err()
                .contains("--mjml")
        );
    }

    #[test]
    fn what_would_have_a_gap_in_it_is_refused_when_it_is_saved() {
        let saved = text("Hi {{ first_name }}, {{ shop }} here.").unwrap();
        assert_eq!(saved.sample.body, "Hi Dana, Sample Tint Tampa here.");
        assert_eq!(saved.segments.map(|segments| segments.count), Some(1));
        let gap = text("Hi {{ firstname }},").unwrap_err();
        assert!(gap.contains("\"firstname\"") && gap.contains("first_name"), "{gap}");
        // Also where the sample would not come by.
        assert!(text("{% if price == '$0' %}{{ rebate }}{% endif %}Hi").unwrap_err().contains("\"rebate\""));
        assert!(text("Hi {{ first_name").unwrap_err().contains("line 1"));
        assert!(text("  ").unwrap_err().contains("says nothing"));
        assert!(text(&"long ".repeat(200)).unwrap_err().contains("four parts"));
        assert_eq!(text("Hi {{ first_name }} 🙂").unwrap().dear_letter, Some('🙂'));
    }

    #[test]
    fn a_design_that_would_fail_or_hide_what_it_has_to_show_is_refused_when_it_is_saved() {
        let designed = |text: &str| {
            let mjml = format!(
                "<mjml><mj-body><mj-section><mj-column><mj-text>{text}</mj-text></mj-column></mj-section></mj-body></mjml>"
            );
            let subject = Some("Hello".to_owned());
            checked(&Template { subject, mjml: Some(mjml), ..template(Channel::Email, "Hi {{ shop_address }}") })
        };
        let below = r#"{{ shop_address }} <a href="{{ unsubscribe_link }}">No more</a>"#;
        assert!(designed(&format!("Hi {below}")).is_ok());
        assert!(designed(&format!("{{{{ price | money }}}} {below}")).unwrap_err().contains("money"));
        assert!(designed(&format!("Hi <!-- {below} -->")).unwrap_err().contains("to everybody"));
        assert!(
            designed(&format!("{{% if price == '$0' %}}{below}{{% endif %}}")).unwrap_err().contains("to everybody")
        );
    }

    #[test]
    fn an_email_says_where_it_comes_from() {
        let email = |subject: Option<&str>, body: &str| {
            checked(&Template { subject: subject.map(str::to_owned), ..template(Channel::Email, body) })
        };
        assert!(email(Some("Hello"), "Hi\n\n{{ shop_address }}").is_ok());
        assert!(email(Some("Hello"), "Hi").unwrap_err().contains("shop_address"));
        assert!(email(None, "Hi {{ shop_address }}").unwrap_err().contains("--subject"));
    }
}
