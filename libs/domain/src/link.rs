use serde::{Deserialize, Serialize};

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no address that links can begin with; write for example https://go.example.com")]
pub struct LinkBaseError(String);

/// What the links in a tenant's messages begin with: short, and the tenant's own, because carriers filter those of strangers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LinkBase(String);

impl TryFrom<String> for LinkBase {
    type Error = LinkBaseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let address = text.trim_end_matches('/');
        let host = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-.:/_~".contains(c);
        match host {
            Some(host) if host.starts_with(|c: char| c.is_ascii_alphanumeric()) && host.chars().all(is_plain) => {
                Ok(Self(address.to_owned()))
            }
            _ => Err(LinkBaseError(text)),
        }
    }
}

impl From<LinkBase> for String {
    fn from(base: LinkBase) -> Self {
        base.0
    }
}

impl LinkBase {
    /// Where whoever has a lead's token talks with us.
    pub fn to_chat(&self, token: &str) -> String {
        format!("{}/c/{token}", self.0)
    }

    /// Whether a mailbox would show a button for it (RFC 8058), or it is on this very machine.
    pub fn is_safe(&self) -> bool {
        let local = ["http://127.0.0.1", "http://localhost"];
        self.0.starts_with("https://") || local.iter().any(|address| self.0.starts_with(address))
    }

    /// Where whoever has a lead's token leaves.
    pub fn to_leave(&self, token: &str) -> String {
        format!("{}/u/{token}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_begins_with_an_address_and_nothing_that_could_break_out_of_a_header() {
        let base = LinkBase::try_from("https://go.example.com/".to_owned()).unwrap();
        assert_eq!(base.to_leave("abc"), "https://go.example.com/u/abc");
        for wrong in
            ["go.example.com", "ftp://example.com", "https://", "https://a b", "https://a>\r\nX: y", "javascript:1"]
        {
            assert!(LinkBase::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
