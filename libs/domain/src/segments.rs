//! How many parts a text is sent in, which is what carriers count and charge.
//!
//! 3GPP TS 23.038: letters of the GSM alphabet take one of 160 places, or two for `^{}\[~]|€`; any other letter makes the whole text
//! UCS-2, with 70 places of 16 bits. A text of several parts has 153 or 67 in each, and no letter lies in two of them.

use serde::Serialize;

/// What a text is to a carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Segments {
    pub count: u16,
    pub encoding: Encoding,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Encoding {
    #[serde(rename = "GSM-7")]
    Gsm7,
    #[serde(rename = "UCS-2")]
    Ucs2,
}

const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿\
                     abcdefghijklmnopqrstuvwxyzäöñüà";
const EXTENDED: &str = "\u{c}^{}\\[~]|€";

impl Segments {
    /// A text may have: each part is paid for, and carriers tear longer ones apart.
    pub const MOST: u16 = 4;

    pub fn of(text: &str) -> Self {
        let gsm: Option<Vec<usize>> = text.chars().map(places).collect();
        if let Some(letters) = gsm {
            return Self { count: parts(&letters, 160, 153), encoding: Encoding::Gsm7 };
        }
        let letters: Vec<_> = text.chars().map(char::len_utf16).collect();
        Self { count: parts(&letters, 70, 67), encoding: Encoding::Ucs2 }
    }

    /// The first letter that makes it UCS-2.
    pub fn dearest_letter(text: &str) -> Option<char> {
        text.chars().find(|letter| places(*letter).is_none())
    }
}

fn places(letter: char) -> Option<usize> {
    if BASIC.contains(letter) { Some(1) } else { EXTENDED.contains(letter).then_some(2) }
}

fn parts(letters: &[usize], alone: usize, in_each: usize) -> u16 {
    let all: usize = letters.iter().sum();
    if all <= alone {
        return u16::from(all > 0);
    }
    let (mut count, mut room) = (1, in_each);
    for letter in letters {
        if *letter > room {
            count += 1;
            room = in_each;
        }
        room -= letter;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Twilio's own calculator counts them (1.3.0).
    #[test]
    fn texts_are_counted_as_carriers_do() {
        for (letter, times, count) in [
            ("a", 0, 0),
            ("a", 160, 1),
            ("a", 161, 2),
            ("a", 306, 2),
            ("a", 307, 3),
            ("€", 80, 1),
            ("€", 81, 2),
            ("[", 80, 1),
            ("[", 81, 2),
            ("я", 70, 1),
            ("я", 71, 2),
            ("я", 134, 2),
            ("я", 135, 3),
            ("😀", 35, 1),
            ("😀", 36, 2),
            ("😀", 67, 3),
        ] {
            assert_eq!(Segments::of(&letter.repeat(times)).count, count, "{letter} times {times}");
        }
        for dear in ["don’t", "a`b", "a\tb", "ç"] {
            assert_eq!(Segments::of(dear).encoding, Encoding::Ucs2, "{dear}");
        }
        assert_eq!(Segments::of("Ça").encoding, Encoding::Gsm7);
        assert_eq!(Segments::dearest_letter("it’s"), Some('’'));
    }
}
