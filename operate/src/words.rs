//! A tenant's words: what each step says, by each channel.

use domain::{Channel, LeadId, Segments};
use serde::Serialize;
use store::Template;
use templates::{Known, Rendered, Renderer, Words};

use crate::{Desk, Error};

/// What one may cost: some of what customers are known by is longer than the sample's.
const MOST_SEGMENTS: u16 = 4;
const LONGEST_SUBJECT: usize = 150;
const LONGEST_BODY: usize = 20_000;

/// What was saved, filled with a customer of nobody's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SavedWords {
    #[serde(flatten)]
    pub sample: Rendered,
    /// Of a text.
    pub segments: Option<Segments>,
    /// A letter that makes every part of a text hold less than half as much.
    pub dear_letter: Option<char>,
}

/// Every template, by its name.
pub async fn list_words(desk: &Desk, slug: &str) -> Result<Vec<Template>, Error> {
    let mut tx = desk.store.begin(desk.find(slug).await?).await?;
    let mut templates = tx.tenants().list_templates().await?;
    templates.sort_by(|one, other| (&one.name, one.channel.as_str()).cmp(&(&other.name, other.channel.as_str())));
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
    let templates = tx.tenants().list_templates().await?;
    let template = templates.iter().find(|words| words.name == name && words.channel == channel);
    let template = template.ok_or_else(|| Error::NoSuchTemplate(name.to_owned()))?;
    let found = tx.descriptions().find_recipient(lead).await?.ok_or(Error::NoSuchLead(lead))?;
    let shop = tx.locations().list().await?.into_iter().find(|location| location.id == found.location);
    let shop = shop.ok_or_else(|| Error::NoSuchShop(slug.to_owned()))?;
    let chat_link = desk.sample_link(tx.tenants().settings().await?.link_base);
    let recipient = &found.recipient;
    let known = Known {
        shop: &shop.name,
        shop_phone: &shop.phone,
        shop_address: &shop.postal_address,
        shop_hours: &shop.hours,
        chat_link: &chat_link,
        ..Known::of_customer(
            recipient.first_name.as_deref(),
            &recipient.vehicle,
            &recipient.service,
            recipient.total_cents,
        )
    };
    Renderer::default().render(words(template), &known).map_err(|error| Error::Words(error.says()))
}

fn words(template: &Template) -> Words<'_> {
    Words { name: &template.name, subject: template.subject.as_deref(), body: &template.body }
}

/// What cannot be sent, in words; or how it reads.
fn check(template: &Template) -> Result<SavedWords, Error> {
    let Template { name, channel, subject, body } = template;
    let wrong = |says: &str| Err(Error::Words(says.to_owned()));
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || name.len() > 40 || !name.chars().all(is_plain) {
        return wrong("its name takes small letters, digits and _, such as day_3");
    }
    if body.trim().is_empty() {
        return wrong("it says nothing");
    }
    if body.len() > LONGEST_BODY || body.contains('\0') {
        return wrong("its body is too long, or has a character that nobody can write");
    }
    match (channel, subject) {
        (Channel::Sms, Some(_)) => return wrong("a text has no subject; leave it out"),
        (Channel::Email, None) => return wrong("an email needs a subject; add --subject"),
        (Channel::Email, Some(subject)) if subject.trim().is_empty() || subject.len() > LONGEST_SUBJECT => {
            return wrong("its subject is empty, or longer than a mailbox shows");
        }
        _ => {}
    }
    let renderer = Renderer::default();
    renderer.check(words(template)).map_err(|error| Error::Words(error.says()))?;
    let known = Known {
        shop: "Sample Tint Tampa",
        shop_phone: "+18135550100",
        shop_address: "1 Main St, Tampa, FL 33602",
        shop_hours: "Monday to Saturday, 9 to 6",
        chat_link: "https://go.example.com/c/7Kd3mQxT9bWz2p",
        ..Known::of_customer(Some("Dana"), "2021 Honda Civic", "Window Tint", 45_999)
    };
    let sample = renderer.render(words(template), &known).map_err(|error| Error::Words(error.says()))?;
    if *channel == Channel::Email && !body.contains("shop_address") {
        return wrong("an email has to show where the shop is (CAN-SPAM); write {{ shop_address }} somewhere");
    }
    let segments = (*channel == Channel::Sms).then(|| Segments::of(&sample.body));
    if segments.is_some_and(|segments| segments.count > MOST_SEGMENTS) {
        return wrong("it is longer than four parts, and each is paid for; make it shorter");
    }
    let dear_letter = segments.and_then(|_| Segments::dearest_letter(&sample.body));
    Ok(SavedWords { sample, segments, dear_letter })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &str) -> Result<SavedWords, String> {
        let template = Template { name: "day_3".into(), channel: Channel::Sms, subject: None, body: body.into() };
        check(&template).map_err(|error| error.to_string())
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
    fn an_email_says_where_it_comes_from() {
        let email = |subject: Option<&str>, body: &str| {
            let template = Template {
                name: "day_3".into(),
                channel: Channel::Email,
                subject: subject.map(str::to_owned),
                body: body.into(),
            };
            check(&template).map_err(|error| error.to_string())
        };
        assert!(email(Some("Hello"), "Hi\n\n{{ shop_address }}").is_ok());
        assert!(email(Some("Hello"), "Hi").unwrap_err().contains("shop_address"));
        assert!(email(None, "Hi {{ shop_address }}").unwrap_err().contains("--subject"));
    }
}
