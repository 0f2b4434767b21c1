use std::fmt;

use serde::{Deserialize, Serialize};

/// How a tenant's emails look, in the design that all have.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Look {
    /// Of the line on top and of links.
    pub color: Color,
    /// On top. `None`: the shop's name.
    pub logo: Option<Logo>,
}

/// As `#1f5fbf`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Color(String);

/// The address of a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Logo(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LookError {
    #[error("{0:?} is no color; write for example #1f5fbf")]
    Color(String),
    #[error("{0:?} is no address of a picture; write for example https://www.example.com/logo.png")]
    Logo(String),
}

impl Default for Color {
    fn default() -> Self {
        Self("#1f5fbf".to_owned())
    }
}

impl TryFrom<String> for Color {
    type Error = LookError;

    fn try_from(text: String) -> Result<Self, LookError> {
        let digits = text.strip_prefix('#').unwrap_or_default();
        let is_color = digits.len() == 6 && digits.chars().all(|digit| digit.is_ascii_hexdigit());
        if is_color { Ok(Self(text)) } else { Err(LookError::Color(text)) }
    }
}

impl TryFrom<String> for Logo {
    type Error = LookError;

    fn try_from(text: String) -> Result<Self, LookError> {
        // Mailboxes show no picture that comes without encryption.
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._~:/?#@!$&()*+,;=%".contains(letter);
        let is_address =
            text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_plain));
        if is_address { Ok(Self(text)) } else { Err(LookError::Logo(text)) }
    }
}

impl From<Color> for String {
    fn from(color: Color) -> Self {
        color.0
    }
}

impl From<Logo> for String {
    fn from(logo: Logo) -> Self {
        logo.0
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_into_an_email_cannot_break_out_of_its_place() {
        assert!(Color::try_from("#1F5fbf".to_owned()).is_ok());
        for wrong in ["", "red", "#12345", "#1234567", "#12345g", "#12345\""] {
            assert!(Color::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
        assert!(Logo::try_from("https://www.example.com/logo.png?v=2".to_owned()).is_ok());
        for wrong in ["", "https://", "http://example.com/a.png", "https://a\"><script>", "https://a b", "javascript:1"]
        {
            assert!(Logo::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
