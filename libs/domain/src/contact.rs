//! How a person can be reached, parsed once at the door.

use std::fmt;

use email_address::{EmailAddress, Options};
use rlibphonenumber::{PhoneNumber, PhoneNumberFormat, Region};
use serde::{Deserialize, Serialize};

/// The area codes of other countries that share `+1`, by the North American Numbering Plan Administrator's list (nanpa.com). What is not
/// among them is of the United States or Canada, or of no place.
const ELSEWHERE: [&str; 21] = [
    "242", "246", "264", "268", "284", "345", "441", "473", "649", "658", "664", "721", "758", "767", "784", "809",
    "829", "849", "868", "869", "876",
];

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ContactError {
    #[error("not a phone number that can be dialled")]
    Phone,
    #[error("not an email address")]
    Email,
}

/// A phone number that can be dialled, such as `+15125550142`. Its `Debug` shows only the last two digits.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct E164(String);

impl E164 {
    /// Reads a number as people write it; without a country code it is taken for one of the United States.
    ///
    /// Numbers that are reserved for fiction (area code and `555-01xx`) are accepted, so that examples and the
    /// simulator can use them without ringing anybody.
    pub fn parse(text: &str) -> Result<Self, ContactError> {
        if !text.chars().all(|c| c.is_ascii_digit() || "+-()./ \u{a0}".contains(c)) {
            return Err(ContactError::Phone);
        }
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let national = digits.strip_prefix('1').filter(|_| digits.len() == 11).unwrap_or(&digits);
        if national.len() == 10 && &national[3..8] == "55501" {
            return Ok(Self(format!("+1{national}")));
        }
        let number = PhoneNumber::parse(text, Some(Region::US)).map_err(|_| ContactError::Phone)?;
        if !number.is_valid() {
            return Err(ContactError::Phone);
        }
        Ok(Self(number.format_as(PhoneNumberFormat::E164).into_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is of the United States or Canada, whose law and clocks we know: only such are written to.
    pub fn is_north_american(&self) -> bool {
        let area = self.0.strip_prefix("+1").and_then(|national| national.get(..3));
        area.is_some_and(|area| !ELSEWHERE.contains(&area))
    }
}

/// A shop's number as people read it: `(512) 555-0142`. One that is not of the United States or Canada stays as it is written.
pub fn as_people_read(number: &str) -> String {
    match number.strip_prefix("+1") {
        Some(national) if national.len() == 10 && national.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("({}) {}-{}", &national[..3], &national[3..6], &national[6..])
        }
        _ => number.to_owned(),
    }
}

impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E164(…{})", &self.0[self.0.len().saturating_sub(2)..])
    }
}

impl TryFrom<String> for E164 {
    type Error = ContactError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<E164> for String {
    fn from(number: E164) -> Self {
        number.0
    }
}

/// An email address with its domain in lower case. Its `Debug` shows only the domain.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

impl Email {
    pub fn parse(text: &str) -> Result<Self, ContactError> {
        let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
        // Of other letters nobody agrees what their small ones are, and an opt-out has to be found again by them.
        if !text.is_ascii() {
            return Err(ContactError::Email);
        }
        let address = EmailAddress::parse_with_options(text.trim(), options).map_err(|_| ContactError::Email)?;
        Ok(Self(format!("{}@{}", address.local_part(), address.domain().to_lowercase())))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nobody can ever have it: names under `.invalid` are kept free for that (RFC 2606).
    pub fn is_nobodys(&self) -> bool {
        self.0.ends_with(".invalid")
    }

    /// The form under which an opt-out is kept: `Dana@…` and `dana@…` are one person's.
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Email(…@{})", self.0.rsplit('@').next().unwrap_or_default())
    }
}

impl TryFrom<String> for Email {
    type Error = ContactError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_shown_as_people_read_it() {
        assert_eq!(as_people_read("+15125550142"), "(512) 555-0142");
        for other in ["+525512345678", "512-555-0142", "", "+1512555014é"] {
            assert_eq!(as_people_read(other), other);
        }
    }

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        for text in ["+15125550142", "(512) 555-0142", "512.555.0142", "1 512 555 0142"] {
            assert_eq!(E164::parse(text).unwrap().as_str(), "+15125550142", "{text}");
        }
        assert_eq!(E164::parse("+1 202-456-1111").unwrap().as_str(), "+12024561111");
    }

    #[test]
    fn what_cannot_be_dialled_is_refused() {
        for text in ["", "12", "+1 000 000 0000", "call me", "555-0142", "+15125550142; drop"] {
            assert_eq!(E164::parse(text), Err(ContactError::Phone), "{text}");
        }
    }

    #[test]
    fn an_address_keeps_its_name_and_folds_its_domain() {
        assert_eq!(Email::parse(" Dana.E@Example.COM ").unwrap().as_str(), "Dana.E@example.com");
        for text in [
            "",
            "dana",
            "dana@",
            "dana@host",
            "Dana <dana@example.com>",
            "a@b.c\r\nBcc: x@y.zz",
            "dana@\u{130}.com",
            "jos\u{e9}@example.com",
        ] {
            assert_eq!(Email::parse(text), Err(ContactError::Email), "{text}");
        }
    }

    #[test]
    fn debug_output_names_nobody() {
        assert_eq!(format!("{:?}", E164::parse("+15125550142").unwrap()), "E164(…42)");
        assert_eq!(format!("{:?}", Email::parse("dana@example.com").unwrap()), "Email(…@example.com)");
    }
}
