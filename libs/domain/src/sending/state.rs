use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A state, district or territory of the United States, by the two letters of its post.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct State([u8; 2]);

impl State {
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Of an address as people write it: the two letters before its ZIP code, as in `Tampa, FL 33602`.
    pub fn of_address(address: &str) -> Option<Self> {
        let words: Vec<_> = address.split([' ', ',', '\n', '\t']).filter(|word| !word.is_empty()).collect();
        let is_zip = |word: &str| {
            let digits = word.split('-').next().unwrap_or_default();
            digits.len() == 5 && digits.bytes().all(|digit| digit.is_ascii_digit())
        };
        let before_zip = words.windows(2).rev().filter(|pair| is_zip(pair[1])).map(|pair| pair[0]);
        // "8125 Main St, Tampa, FL": without a ZIP code it may stand at the end.
        before_zip.chain(words.last().copied()).find_map(|word| word.parse().ok())
    }
}

const ALL: &str = "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI \
                   SC SD TN TX UT VT VA WA WV WI WY PR VI GU AS MP";

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = ALL.split(' ').find(|state| *state == text).and_then(|state| state.as_bytes().try_into().ok());
        found.map(Self).ok_or_else(|| format!("{text:?} is no state; write two capital letters, such as TX"))
    }
}

impl TryFrom<String> for State {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<State> for String {
    fn from(state: State) -> Self {
        state.as_str().to_owned()
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_an_address_stands_before_its_zip_code() {
        let of = |address: &str| State::of_address(address).map(|state| state.as_str().to_owned());
        assert_eq!(of("1 Main St, Tampa, FL 33602"), Some("FL".into()));
        assert_eq!(of("12345 OK Blvd\nAustin, TX 78701-1234"), Some("TX".into()));
        assert_eq!(of("3 Main St, Denver, CO"), Some("CO".into()));
        assert_eq!(of("3 Main St, Denver"), None);
        assert_eq!(of(""), None);
    }
}
