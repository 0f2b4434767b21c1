//! What a website's form may carry, and what somebody filled in.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::{E164, Email};

/// What a form asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormSchema {
    pub fields: Vec<FormField>,
    /// What somebody agrees to who ticks the field `consent`. `None`: the form does not ask, and nobody is texted.
    pub consent_words: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormField {
    pub name: String,
    pub kind: FieldKind,
    #[serde(default)]
    pub required: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// One line of words.
    Line,
    /// Several lines.
    Text,
    Phone,
    Email,
    /// A whole number from the first to the second, both included.
    Number(i64, i64),
    OneOf(Vec<String>),
}

/// Why a form cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FormSchemaError {
    #[error("a field has no name, or one that cannot be written")]
    NoName,
    #[error("field {0:?}: the name is kept for what every form has; choose another")]
    Reserved(String),
    #[error("field {0:?} is there twice")]
    Twice(String),
    #[error("field {0:?}: its kind is its name; write \"kind\": \"{0}\"")]
    Kind(String),
    #[error(
        "field {0:?}: there is nothing to choose from; write for example {{\"one_of\": [\"Window Tint\", \"PPF\"]}}"
    )]
    NoChoice(String),
    #[error("field {field:?}: no number is from {least} to {most}; write the smaller one first")]
    NoNumber { field: String, least: i64, most: i64 },
    #[error("it asks for no telephone and no address, under the names phone and email; docs/forms.md shows one")]
    NobodyToAnswer,
    #[error("consent_words are empty; write what somebody agrees to who may be texted, or leave them out")]
    NoWords,
}

/// What is wrong with one field, in words for whoever filled it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    pub field: String,
    pub says: String,
}

/// What somebody filled in, as the schema has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// By the field's name, each as it is kept: a number in its international form, words without the blanks around them.
    pub fields: BTreeMap<String, String>,
    pub has_consented: bool,
}

/// A field that no person sees. Whoever fills it in is none, or has a browser that fills in everything: kept, and not written to.
pub const HONEYPOT: &str = "company_website";

/// The tick of whoever agrees to be texted.
pub const CONSENT: &str = "consent";

const LONGEST_LINE: usize = 200;
const LONGEST_TEXT: usize = 2_000;

impl FormSchema {
    /// Whether a visitor could fill it in and be answered; of one that is wrong, every submission would be refused, or nobody
    /// written to.
    pub fn check(&self) -> Result<(), FormSchemaError> {
        let mut names = HashSet::new();
        for FormField { name, kind, required: _ } in &self.fields {
            let name = || name.clone();
            let wanted = match name().as_str() {
                "phone" => Some(FieldKind::Phone),
                "email" => Some(FieldKind::Email),
                _ => None,
            };
            match (name().as_str(), kind) {
                ("", _) => return Err(FormSchemaError::NoName),
                (HONEYPOT | CONSENT | "location", _) => return Err(FormSchemaError::Reserved(name())),
                (text, _) if text.chars().any(char::is_control) => return Err(FormSchemaError::NoName),
                _ if !names.insert(name()) => return Err(FormSchemaError::Twice(name())),
                _ if wanted.as_ref().is_some_and(|wanted| wanted != kind) => return Err(FormSchemaError::Kind(name())),
                (_, FieldKind::OneOf(choices)) if choices.iter().all(|choice| choice.trim().is_empty()) => {
                    return Err(FormSchemaError::NoChoice(name()));
                }
                (_, FieldKind::Number(least, most)) if least > most => {
                    return Err(FormSchemaError::NoNumber { field: name(), least: *least, most: *most });
                }
                _ => {}
            }
        }
        if !["phone", "email"].iter().any(|name| names.contains(*name)) {
            return Err(FormSchemaError::NobodyToAnswer);
        }
        // What nobody can show is not what somebody agreed to.
        match &self.consent_words {
            Some(words) if words.trim().is_empty() => Err(FormSchemaError::NoWords),
            _ => Ok(()),
        }
    }

    /// Reads what was filled in. Every field that is wrong is named, not only the first.
    pub fn read(&self, given: &BTreeMap<String, String>) -> Result<Answers, Vec<FieldError>> {
        let mut answers = Answers::default();
        let mut errors = Vec::new();
        for field in &self.fields {
            let words = given.get(&field.name).map(|words| words.trim()).filter(|words| !words.is_empty());
            match words.map(|words| field.kind.read(words)) {
                Some(Ok(words)) => {
                    answers.fields.insert(field.name.clone(), words);
                }
                Some(Err(says)) => errors.push(FieldError { field: field.name.clone(), says }),
                None if field.required => {
                    errors.push(FieldError { field: field.name.clone(), says: "is missing".to_owned() });
                }
                None => {}
            }
        }
        let can_be_reached = ["phone", "email"].iter().any(|name| answers.fields.contains_key(*name));
        let was_tried = errors.iter().any(|error| ["phone", "email"].contains(&error.field.as_str()));
        if !can_be_reached && !was_tried {
            let says = "is missing, and so is email: nobody could answer".to_owned();
            errors.push(FieldError { field: "phone".to_owned(), says });
        }
        let tick = given.get(CONSENT).map(|tick| tick.trim().to_lowercase()).unwrap_or_default();
        answers.has_consented = self.consent_words.is_some() && ["true", "on", "yes", "1"].contains(&tick.as_str());
        if errors.is_empty() { Ok(answers) } else { Err(errors) }
    }
}

impl FieldKind {
    fn read(&self, words: &str) -> Result<String, String> {
        let longest = match self {
            Self::Text => LONGEST_TEXT,
            _ => LONGEST_LINE,
        };
        if words.chars().count() > longest {
            return Err(format!("is longer than {longest} characters"));
        }
        let is_line = !matches!(self, Self::Text);
        if words.chars().any(|letter| letter.is_control() && (is_line || !matches!(letter, '\n' | '\r' | '\t'))) {
            return Err("has a character that cannot be written".to_owned());
        }
        match self {
            // A line goes into the shop's own texts and emails, to whomever the sender names.
            Self::Line if is_address(words) => Err("has a web address in it".to_owned()),
            Self::Line | Self::Text => Ok(words.to_owned()),
            Self::Phone => {
                E164::parse(words).ok().map(String::from).filter(|number| number.starts_with("+1")).ok_or_else(|| {
                    "is not a phone number; write it with its area code, such as 512-555-0142".to_owned()
                })
            }
            Self::Email => Email::parse(words)
                .map(|email| email.as_str().to_owned())
                .map_err(|_| "is not an email address, such as name@example.com".to_owned()),
            Self::Number(least, most) => words
                .parse()
                .ok()
                .filter(|number: &i64| (least..=most).contains(&number))
                .map(|number| number.to_string())
                .ok_or_else(|| format!("is not a number from {least} to {most}")),
            Self::OneOf(choices) => {
                let chosen = choices.iter().find(|choice| choice.eq_ignore_ascii_case(words));
                chosen.cloned().ok_or_else(|| format!("is none of: {}", choices.join(", ")))
            }
        }
    }
}

fn is_address(words: &str) -> bool {
    let words = words.to_lowercase();
    let ends = |rest: &str| rest.chars().next().is_none_or(|letter| !letter.is_alphanumeric());
    let is_domain = |part: &str| words.match_indices(part).any(|(at, part)| ends(&words[at + part.len()..]));
    ["://", "www."].iter().any(|part| words.contains(part))
        || [".com", ".net", ".org", ".io", ".ly"].into_iter().any(is_domain)
}

/// Forms that many websites have, so that a shop need not describe them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormPreset {
    ChatbotLead,
    Contact,
    PropertyInquiry,
}

const PRESET_CONSENT: &str =
    "I agree to receive texts about my request. Message and data rates may apply. Reply STOP to opt out.";

impl FormPreset {
    pub const ALL: [Self; 3] = [Self::ChatbotLead, Self::Contact, Self::PropertyInquiry];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::ChatbotLead => "chatbot-lead",
            Self::Contact => "contact",
            Self::PropertyInquiry => "property-inquiry",
        }
    }

    pub fn schema(self) -> FormSchema {
        use FieldKind::{Email, Line, Number, Phone, Text};
        let field = |name: &str, kind, required| FormField { name: name.to_owned(), kind, required };
        let own = match self {
            Self::ChatbotLead => vec![
                field("name", Line, true),
                field("service", Line, false),
                field("vehicle_year", Number(1900, 2100), false),
                field("vehicle_make", Line, false),
                field("vehicle_model", Line, false),
                field("message", Text, false),
            ],
            Self::Contact => vec![
                field("first_name", Line, true),
                field("last_name", Line, false),
                field("service", Line, false),
                field("message", Text, true),
            ],
            Self::PropertyInquiry => {
                vec![field("name", Line, true), field("property", Line, true), field("message", Text, false)]
            }
        };
        let contact = [field("phone", Phone, false), field("email", Email, false)];
        FormSchema { fields: own.into_iter().chain(contact).collect(), consent_words: Some(PRESET_CONSENT.to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(preset: FormPreset, given: &[(&str, &str)]) -> Result<Answers, Vec<FieldError>> {
        let given = given.iter().map(|(name, words)| ((*name).to_owned(), (*words).to_owned())).collect();
        preset.schema().read(&given)
    }

    #[test]
    fn what_is_filled_in_is_kept_as_it_is_used() {
        let answers = read(
            FormPreset::ChatbotLead,
            &[("name", " Dana "), ("phone", "(512) 555-0142"), ("vehicle_year", "2021"), ("consent", "on"), ("x", "y")],
        )
        .unwrap();
        assert_eq!(answers.fields["phone"], "+15125550142");
        assert_eq!(answers.fields["name"], "Dana");
        assert!(answers.has_consented);
        assert!(!answers.fields.contains_key("x"), "what the form does not ask for is nobody's answer");
    }

    #[test]
    fn every_field_that_is_wrong_is_named_at_once() {
        let wrong = [
            ("phone", "+49 30 901820"),
            ("email", "dana@"),
            ("vehicle_year", "21"),
            ("message", "a\u{0}b"),
            ("service", "Win at https://example.com"),
        ];
        let errors = read(FormPreset::ChatbotLead, &wrong).unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["name", "service", "vehicle_year", "message", "phone", "email"]);
    }

    #[test]
    fn a_form_that_loses_its_visitors_is_refused() {
        let check = |text: &str| serde_json::from_str::<FormSchema>(text).unwrap().check();
        let with = |field: &str| check(&format!(r#"{{"fields":[{{"name":"email","kind":"email"}},{field}]}}"#));
        assert_eq!(with(r#"{"name":"note","kind":"text"}"#), Ok(()));
        assert_eq!(with(r#"{"name":"phone","kind":"line"}"#), Err(FormSchemaError::Kind("phone".into())));
        assert_eq!(with(r#"{"name":"x","kind":{"one_of":[""]}}"#), Err(FormSchemaError::NoChoice("x".into())));
        assert_eq!(with(r#"{"name":"email","kind":"email"}"#), Err(FormSchemaError::Twice("email".into())));
        assert_eq!(with(r#"{"name":"","kind":"line"}"#), Err(FormSchemaError::NoName));
        for name in [HONEYPOT, CONSENT] {
            assert!(matches!(
                with(&format!(r#"{{"name":"{name}","kind":"line"}}"#)),
                Err(FormSchemaError::Reserved(_))
            ));
        }
        assert!(with(r#"{"name":"year","kind":{"number":[2030,1950]}}"#).is_err());
        assert_eq!(check(r#"{"fields":[{"name":"name","kind":"line"}]}"#), Err(FormSchemaError::NobodyToAnswer));
        let blank = r#"{"fields":[{"name":"email","kind":"email"}],"consent_words":"  "}"#;
        assert_eq!(check(blank), Err(FormSchemaError::NoWords));
        assert!(FormPreset::ALL.iter().all(|preset| preset.schema().check().is_ok()));
    }

    #[test]
    fn only_a_web_address_is_one() {
        for (words, is_one) in [
            ("win at a.com now", true),
            ("bit.ly/x", true),
            ("http://x", true),
            ("Mr.Comstock", false),
            ("Inc.", false),
        ] {
            assert_eq!(is_address(words), is_one, "{words}");
        }
    }

    #[test]
    fn somebody_whom_nobody_could_answer_is_told_so() {
        let errors = read(FormPreset::Contact, &[("first_name", "Dana"), ("message", "Hi")]).unwrap_err();
        assert_eq!(errors[0].field, "phone");
        assert!(
            read(FormPreset::Contact, &[("first_name", "D"), ("message", "Hi"), ("email", "d@example.com")]).is_ok()
        );
    }

    #[test]
    fn only_a_tick_is_consent() {
        for (tick, given) in [("true", true), ("ON", true), ("false", false), ("", false), ("maybe", false)] {
            let answers = read(
                FormPreset::Contact,
                &[("first_name", "D"), ("message", "x"), ("email", "d@example.com"), ("consent", tick)],
            );
            assert_eq!(answers.unwrap().has_consented, given, "{tick:?}");
        }
    }
}
