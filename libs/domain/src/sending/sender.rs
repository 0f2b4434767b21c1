//! Who a text is from, and how much a carrier takes of one sender.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::E164;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("is neither a messaging service (MG and 32 digits or letters from a to f) nor a number such as +15125550142")]
pub struct TextSenderError;

/// A messaging service of Twilio's, which chooses among its numbers, or one number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TextSender {
    Service(String),
    Number(E164),
}

impl FromStr for TextSender {
    type Err = TextSenderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // As in the vendor's own description: ^MG[0-9a-fA-F]{32}$.
        let is_service = |id: &str| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if text.strip_prefix("MG").is_some_and(is_service) {
            return Ok(Self::Service(text.to_owned()));
        }
        E164::parse(text).map(Self::Number).map_err(|_| TextSenderError)
    }
}

impl fmt::Display for TextSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(id) => f.write_str(id),
            Self::Number(number) => f.write_str(number.as_str()),
        }
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RateError {
    #[error("{0} is no rate; write a number from 0.01 to 1000")]
    OutOfRange(String),
    #[error("{0} segments a day would hold a long text for ever; write 20 or more")]
    TooFew(u32),
}

/// So many a second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Rate(f64);

impl TryFrom<f64> for Rate {
    type Error = RateError;

    fn try_from(per_second: f64) -> Result<Self, Self::Error> {
        if (0.01..=1_000.0).contains(&per_second) {
            Ok(Self(per_second))
        } else {
            Err(RateError::OutOfRange(per_second.to_string()))
        }
    }
}

impl From<Rate> for f64 {
    fn from(rate: Rate) -> Self {
        rate.0
    }
}

/// So many segments a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct DailySegments(u32);

/// The longest text has so many, with some to spare: fewer would hold it for ever.
const FEWEST_A_DAY: u32 = 20;

impl TryFrom<u32> for DailySegments {
    type Error = RateError;

    fn try_from(a_day: u32) -> Result<Self, Self::Error> {
        if a_day >= FEWEST_A_DAY { Ok(Self(a_day)) } else { Err(RateError::TooFew(a_day)) }
    }
}

impl From<DailySegments> for u32 {
    fn from(segments: DailySegments) -> Self {
        segments.0
    }
}

/// What carriers take of one sender, over all replicas. What is left out is limited by the vendor alone, which queues.
///
/// Carriers count segments: one a second of a ten-digit number, by the campaign's score a minute and a day
/// (Twilio: messaging limits of A2P 10DLC).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SenderLimits {
    pub text_segments_per_second: Option<Rate>,
    /// The day begins at midnight in Los Angeles.
    pub text_segments_per_day: Option<DailySegments>,
    pub emails_per_second: Option<Rate>,
    /// Of one number; the vendor's own limit is eighty.
    pub whatsapp_per_second: Option<Rate>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_a_service_or_a_number_and_nothing_else() {
        let service = format!("MG{}", "2".repeat(32));
        assert_eq!(service.parse(), Ok(TextSender::Service(service.clone())));
        assert_eq!("(512) 555-0142".parse::<TextSender>().unwrap().to_string(), "+15125550142");
        for wrong in ["", "MG", "MG123", "AC22222222222222222222222222222222", "Oak Dental"] {
            assert_eq!(wrong.parse::<TextSender>(), Err(TextSenderError), "{wrong}");
        }
    }

    #[test]
    fn a_rate_that_would_stop_everything_is_refused() {
        for wrong in ["0", "-1", "1e9"] {
            let text = format!(r#"{{"text_segments_per_second":{wrong}}}"#);
            assert!(serde_json::from_str::<SenderLimits>(&text).unwrap_err().to_string().contains("is no rate"));
        }
        let limits: SenderLimits = serde_json::from_str(r#"{"text_segments_per_second":0.75}"#).unwrap();
        assert_eq!(limits.text_segments_per_second.map(f64::from), Some(0.75));
    }
}
