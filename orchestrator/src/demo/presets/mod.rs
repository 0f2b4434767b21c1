//! The templates a tenant starts with: one for each step of the cadences, in each language, as a text and as an email, because a customer
//! may be reachable by one alone.

mod english;
mod spanish;

use domain::{Channel, Language};
use store::Template;

/// Step, text, subject of the email, body of the email.
type Preset = (&'static str, &'static str, &'static str, &'static str);

pub fn templates() -> Vec<Template> {
    Language::ALL.into_iter().flat_map(templates_in).collect()
}

fn templates_in(language: Language) -> Vec<Template> {
    let (steps, chat, footer, opted_out) = match language {
        Language::English => (english::STEPS, english::CHAT, english::FOOTER, english::OPTED_OUT),
        Language::Spanish => (spanish::STEPS, spanish::CHAT, spanish::FOOTER, spanish::OPTED_OUT),
    };
    let template = |name: &str, channel, subject: Option<&str>, body: String| Template {
        name: name.to_owned(),
        channel,
        language,
        subject: subject.map(str::to_owned),
        body,
        mjml: None,
        approved_as: None,
    };
    let of_step = |(name, text, subject, body): Preset| {
        [
            // Where they get an answer at any hour.
            template(name, Channel::Sms, None, format!("{text} {{{{ chat_link }}}}")),
            template(name, Channel::Email, Some(subject), format!("{body}\n\n{chat}{footer}")),
        ]
    };
    // To whoever asked in words of their own to be left alone: the vendor of texts confirms its own words, and WhatsApp none.
    let confirmations = [Channel::Sms, Channel::Whatsapp]
        .map(|channel| template(domain::OPT_OUT_CONFIRMATION, channel, None, opted_out.to_owned()));
    steps.into_iter().flat_map(of_step).chain(confirmations).collect()
}

#[cfg(test)]
mod tests {
    use domain::{CadencePreset, Encoding, Segments};

    use super::*;

    #[test]
    fn every_step_of_the_cadences_has_its_words_in_every_language_and_both_channels() {
        let templates = templates();
        let wanted = [Channel::Sms, Channel::Email]
            .into_iter()
            .flat_map(|channel| Language::ALL.map(|spoken| (channel, spoken)));
        for (channel, language) in wanted {
            for step in CadencePreset::ALL.into_iter().flat_map(|preset| preset.cadence().steps().to_vec()) {
                let is_it = |t: &&Template| t.name == step.template && t.channel == channel && t.language == language;
                assert_eq!(templates.iter().filter(is_it).count(), 1, "{} in {}", step.template, language.as_str());
            }
        }
    }

    #[test]
    fn no_text_has_a_letter_that_makes_it_twice_as_dear() {
        for text in templates().into_iter().filter(|template| template.channel == Channel::Sms) {
            let segments = Segments::of(&text.body);
            assert_eq!(segments.encoding, Encoding::Gsm7, "{} in {}", text.name, text.language.as_str());
            assert!(segments.count <= 2, "{} in {}", text.name, text.language.as_str());
        }
    }

    #[test]
    fn every_message_has_the_way_into_the_conversation() {
        let steps = templates().into_iter().filter(|template| template.name != domain::OPT_OUT_CONFIRMATION);
        assert!(steps.into_iter().all(|template| template.body.contains("{{ chat_link }}")));
    }

    #[test]
    fn every_first_text_names_the_shop_and_how_to_end_it() {
        let is_first = |template: &Template| template.name == "day_0" && template.channel == Channel::Sms;
        assert!(
            templates()
                .into_iter()
                .filter(is_first)
                .all(|text| text.body.contains("{{ shop }}") && text.body.contains("STOP"))
        );
    }
}
