use std::fmt;

use crate::Language;

/// The name under which WhatsApp has approved a template, and the code of its language: `follow_up_1:en_US`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedName {
    pub name: String,
    pub language_code: String,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no name of an approved template; write it with the code of its language, such as follow_up_1:en_US")]
pub struct ApprovedNameError(String);

impl TryFrom<String> for ApprovedName {
    type Error = ApprovedNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_name = |name: &str| {
            (1..=512).contains(&name.len())
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        let is_code = |code: &str| Language::of_tag(code).is_some() && code.len() <= 6;
        match text.split_once(':') {
            Some((name, code)) if is_name(name) && is_code(code) => {
                Ok(Self { name: name.to_owned(), language_code: code.to_owned() })
            }
            _ => Err(ApprovedNameError(text)),
        }
    }
}

impl fmt::Display for ApprovedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.language_code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_its_language() {
        let parse = |text: &str| ApprovedName::try_from(text.to_owned());
        assert_eq!(parse("follow_up_1:en_US").map(|name| name.to_string()), Ok("follow_up_1:en_US".to_owned()));
        assert!(parse("hola:es").is_ok());
        for wrong in ["", "follow_up_1", ":en", "Follow:en", "follow_up:fr", "a b:en"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
