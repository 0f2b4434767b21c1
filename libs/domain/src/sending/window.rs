//! The hours of the day in which a person may be written to, on their own clock.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the window opens at {opens} and closes at {closes}: it must close later on the same day")]
pub struct WindowError {
    opens: NaiveTime,
    closes: NaiveTime,
}

/// Open from `opens` (inclusive) to `closes` (exclusive), every day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WindowText", into = "WindowText")]
pub struct LegalWindow {
    opens: NaiveTime,
    closes: NaiveTime,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowText {
    opens: NaiveTime,
    closes: NaiveTime,
}

impl TryFrom<WindowText> for LegalWindow {
    type Error = WindowError;

    fn try_from(text: WindowText) -> Result<Self, Self::Error> {
        Self::new(text.opens, text.closes)
    }
}

impl From<LegalWindow> for WindowText {
    fn from(window: LegalWindow) -> Self {
        Self { opens: window.opens, closes: window.closes }
    }
}

impl Default for LegalWindow {
    /// 8 to 20, the stricter of the federal floor (8 to 21, 47 CFR 64.1200(c)(1)) and Florida's (8 to 20, 501.616).
    fn default() -> Self {
        Self {
            opens: NaiveTime::from_hms_opt(8, 0, 0).unwrap_or_default(),
            closes: NaiveTime::from_hms_opt(20, 0, 0).unwrap_or_default(),
        }
    }
}

impl LegalWindow {
    pub fn new(opens: NaiveTime, closes: NaiveTime) -> Result<Self, WindowError> {
        if opens < closes { Ok(Self { opens, closes }) } else { Err(WindowError { opens, closes }) }
    }

    /// Whether a message may leave at this instant. Judged on the wall clock of `zone`, which every instant has.
    pub fn is_open(&self, at: DateTime<Utc>, zone: Tz) -> bool {
        let local = at.with_timezone(&zone).time();
        self.opens <= local && local < self.closes
    }

    /// The first instant, not before `at`, at which a message may leave.
    pub fn earliest(&self, at: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
        if self.is_open(at, zone) {
            return at;
        }
        let local = at.with_timezone(&zone);
        let day = if local.time() < self.opens { local.date_naive() } else { local.date_naive() + Days::new(1) };
        // A zone may skip the opening itself on one day of the year, never on several in a row.
        (0..3)
            .map(|later| instant(day + Days::new(later), self.opens, zone))
            .find(|opening| *opening >= at && self.is_open(*opening, zone))
            .unwrap_or(at)
    }
}

/// The instant at which clocks in `zone` show `time` on `day`. Where they show it twice, the first; where they skip it,
/// the first instant after the gap.
pub(crate) fn instant(day: NaiveDate, time: NaiveTime, zone: Tz) -> DateTime<Utc> {
    let wanted = day.and_time(time);
    if let Some(found) = zone.from_local_datetime(&wanted).earliest() {
        return found.to_utc();
    }
    // Gaps are whole quarters of an hour and at most a day (Samoa, 2011).
    (1..=96)
        .find_map(|quarter| zone.from_local_datetime(&(wanted + chrono::TimeDelta::minutes(15 * quarter))).earliest())
        .map_or_else(|| wanted.and_utc(), |found| found.to_utc())
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America, TZ_VARIANTS};
    use proptest::prelude::*;

    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_night_time_message_waits_for_the_morning_of_its_reader() {
        let window = LegalWindow::default();
        // 03:00 UTC is 22:00 the evening before in New York (EST).
        assert_eq!(window.earliest(utc("2026-01-10T03:00:00Z"), America::New_York), utc("2026-01-10T13:00:00Z"));
        // 20:00:00 sharp is too late; a second before is not.
        assert_eq!(window.earliest(utc("2026-01-11T01:00:00Z"), America::New_York), utc("2026-01-11T13:00:00Z"));
        assert_eq!(window.earliest(utc("2026-01-11T00:59:59Z"), America::New_York), utc("2026-01-11T00:59:59Z"));
    }

    #[test]
    fn the_morning_comes_an_hour_earlier_after_the_clocks_went_forward() {
        // 2026-03-08 02:00 EST → 03:00 EDT.
        let night = utc("2026-03-08T04:00:00Z");
        assert_eq!(LegalWindow::default().earliest(night, America::New_York), utc("2026-03-08T12:00:00Z"));
    }

    #[test]
    fn an_opening_inside_the_gap_of_spring_moves_behind_it() {
        let time = NaiveTime::from_hms_opt(2, 30, 0).unwrap();
        let day = NaiveDate::from_ymd_opt(2026, 3, 8).unwrap();
        assert_eq!(instant(day, time, America::New_York), utc("2026-03-08T07:00:00Z"));
    }

    #[test]
    fn a_window_that_closes_before_it_opens_is_refused() {
        let text = r#"{"opens":"20:00:00","closes":"08:00:00"}"#;
        assert!(serde_json::from_str::<LegalWindow>(text).unwrap_err().to_string().contains("close later"));
    }

    proptest! {
        #[test]
        fn what_is_sent_is_always_inside_the_window_and_never_early(
            seconds in 1_577_836_800_i64..2_208_988_800, zone in prop::sample::select(&TZ_VARIANTS[..]),
            opens in 0_u32..86_000, length in 60_u32..86_400,
        ) {
            let closes = (opens + length).min(86_399);
            let time = |s| NaiveTime::from_num_seconds_from_midnight_opt(s, 0).unwrap();
            let window = LegalWindow::new(time(opens), time(closes)).unwrap();
            // A window of a minute can fall whole into a zone's gap for a day; ours are of hours.
            prop_assume!(closes - opens >= 7_200);
            let at = DateTime::from_timestamp(seconds, 0).unwrap();
            let sent = window.earliest(at, zone);
            prop_assert!(sent >= at);
            prop_assert!(window.is_open(sent, zone), "{at} in {zone} gives {sent}");
            prop_assert!(sent - at <= chrono::TimeDelta::hours(50));
        }
    }
}
