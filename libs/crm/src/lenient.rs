//! Reading what vendors change without notice: `null` is absent, and nonsense in one field keeps nobody from the rest.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// `null` is the same as absent.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// An id, which may be a number.
pub(crate) fn id<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Option::deserialize(from)? {
        Some(Value::Number(id)) => Some(id.to_string()),
        Some(Value::String(id)) if !id.is_empty() => Some(id),
        _ => None,
    })
}

/// An instant, or the time on somebody's wall where no zone is said. What is neither is absent.
pub(crate) fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Moment>, D::Error> {
    let text: Option<Value> = Option::deserialize(from)?;
    Ok(text.as_ref().and_then(Value::as_str).and_then(Moment::parse))
}

/// When something is, as a vendor writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    At(DateTime<Utc>),
    OnAWall(NaiveDateTime),
}

impl Moment {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let zoned =
            DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"));
        match zoned {
            Ok(at) => Some(Self::At(at.to_utc())),
            Err(_) => text.parse().ok().map(Self::OnAWall),
        }
    }

    pub(crate) fn utc(self) -> DateTime<Utc> {
        match self {
            Self::At(at) => at,
            Self::OnAWall(local) => local.and_utc(),
        }
    }
}

/// Without the one character that Postgres has no room for.
pub(crate) fn plain(text: String) -> String {
    if text.contains('\0') { text.replace('\0', " ") } else { text }
}

/// A text that says something.
pub(crate) fn said(text: Option<String>) -> Option<String> {
    text.map(|text| plain(text).trim().to_owned()).filter(|text| !text.is_empty())
}

/// An id, if it can be one: none of theirs is empty, or has the character that Postgres has no room for.
pub(crate) fn kept(id: Option<String>) -> Option<String> {
    id.filter(|id| !id.is_empty() && !id.contains('\0'))
}

#[expect(clippy::cast_possible_truncation, reason = "money of one order; a vendor's nonsense saturates")]
pub(crate) fn cents(amount: f64) -> i64 {
    amount.round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_without_a_zone_is_one_on_a_wall() {
        let at = "2026-03-09T14:00:00Z".parse().unwrap();
        assert_eq!(Moment::parse("2026-03-09T14:00:00Z"), Some(Moment::At(at)));
        assert_eq!(Moment::parse("2026-03-09T09:00:00.000-0500"), Some(Moment::At(at)));
        let wall = Moment::parse("2026-03-09T17:41:10").unwrap();
        assert!(matches!(wall, Moment::OnAWall(_)) && wall.utc().to_rfc3339() == "2026-03-09T17:41:10+00:00");
        assert_eq!(Moment::parse("tomorrow"), None);
    }
}
