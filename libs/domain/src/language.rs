use std::str::FromStr;

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use whatlang::{Detector, Lang};

/// In which a customer is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum Language {
    #[default]
    #[serde(rename = "en")]
    English,
    #[serde(rename = "es")]
    Spanish,
}

/// Fewer letters say too little: "Ceramic tint" could be anything.
const FEWEST_LETTERS: usize = 20;

impl Language {
    pub const ALL: [Self; 2] = [Self::English, Self::Spanish];

    /// As in ISO 639-1, and in a page's `lang`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Spanish => "es",
        }
    }

    /// Of a browser's or a page's tag, such as `es-MX`. `None`: one that nobody here writes in.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let language = tag.trim().split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        Self::ALL.into_iter().find(|known| known.as_str() == language)
    }

    /// Of what somebody wrote. `None`: it is too short, or could be either.
    pub fn of_words(words: &str) -> Option<Self> {
        if words.chars().filter(|letter| letter.is_alphabetic()).count() < FEWEST_LETTERS {
            return None;
        }
        let found = Detector::with_allowlist(vec![Lang::Eng, Lang::Spa]).detect(words)?;
        match found.lang() {
            _ if !found.is_reliable() => None,
            Lang::Eng => Some(Self::English),
            Lang::Spa => Some(Self::Spanish),
            _ => None,
        }
    }

    /// A day and a time, as people say them: "Tuesday, March 10 at 10:30 AM".
    pub fn says_time(self, at: DateTime<Utc>, zone: Tz) -> String {
        const DAYS: [&str; 7] = ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"];
        const MONTHS: [&str; 12] = [
            "enero",
            "febrero",
            "marzo",
            "abril",
            "mayo",
            "junio",
            "julio",
            "agosto",
            "septiembre",
            "octubre",
            "noviembre",
            "diciembre",
        ];
        let local = at.with_timezone(&zone);
        match self {
            Self::English => local.format("%A, %B %-d at %-I:%M %p").to_string(),
            Self::Spanish => {
                let (day, month) =
                    (DAYS[local.weekday().num_days_from_monday() as usize], MONTHS[local.month0() as usize]);
                let (is_after_noon, hour) = local.hour12();
                let half = if is_after_noon { "p. m." } else { "a. m." };
                format!("{day} {} de {month} a las {hour}:{:02} {half}", local.day(), local.minute())
            }
        }
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|language| language.as_str() == text)
            .ok_or_else(|| format!("unknown language {text:?}; there are en and es"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_said_as_people_say_it() {
        let at = "2026-03-10T14:30:00Z".parse().unwrap();
        let zone = chrono_tz::America::New_York;
        assert_eq!(Language::English.says_time(at, zone), "Tuesday, March 10 at 10:30 AM");
        assert_eq!(Language::Spanish.says_time(at, zone), "martes 10 de marzo a las 10:30 a. m.");
    }

    #[test]
    fn what_somebody_wrote_says_how_to_answer_them() {
        for words in [
            "Hola, quisiera saber cuánto cuesta polarizar mi carro, gracias",
            "Buenas tardes, necesito un presupuesto para la camioneta",
            "cuanto cuesta el polarizado para un honda civic 2021?",
        ] {
            assert_eq!(Language::of_words(words), Some(Language::Spanish), "{words}");
        }
        for words in [
            "Hi, how much would it be to tint the back windows of my truck?",
            "I need ceramic tint on a 2021 Honda Civic, please call me back",
        ] {
            assert_eq!(Language::of_words(words), Some(Language::English), "{words}");
        }
        for words in ["", "Window Tint", "tint", "2021 Honda Civic", "ok 👍"] {
            assert_eq!(Language::of_words(words), None, "{words}");
        }
    }

    #[test]
    fn a_browser_says_it_with_its_country() {
        assert_eq!(Language::of_tag("es-MX"), Some(Language::Spanish));
        assert_eq!(Language::of_tag(" EN_us"), Some(Language::English));
        assert_eq!(Language::of_tag("fr"), None);
    }
}
