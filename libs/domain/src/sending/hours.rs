use std::str::FromStr;

use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::instant;

/// Longer than anything is closed for; a calendar that is closed for longer never opens.
const LOOKS_AHEAD_DAYS: u64 = 60;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum HoursError {
    #[error("from {opens} to {closes} is no time; write the earlier one first")]
    Backwards { opens: NaiveTime, closes: NaiveTime },
    #[error("on {day} two of the times overlap")]
    Overlap { day: Weekday },
    #[error("it is never open")]
    Never,
    #[error("{0:?} cannot be read; write for example mon-fri 08:00-12:00 13:30-18:00; sat 09:00-13:00")]
    Unreadable(String),
}

/// When something is open in a week, each day in one or more shifts: from the first instant (included) to the last (excluded).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Shift>", into = "Vec<Shift>")]
pub struct WeekHours {
    /// As they were written.
    shifts: Vec<Shift>,
    /// Monday first, each in the order of the day.
    days: [Vec<(NaiveTime, NaiveTime)>; 7],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    days: Vec<Weekday>,
    #[serde(with = "clock_time")]
    opens: NaiveTime,
    #[serde(with = "clock_time")]
    closes: NaiveTime,
}

/// `09:30`, and `24:00` for the end of a day.
mod clock_time {
    use chrono::NaiveTime;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    pub(super) fn serialize<S: Serializer>(time: &NaiveTime, to: S) -> Result<S::Ok, S::Error> {
        if *time == end_of_day() { to.serialize_str("24:00") } else { to.collect_str(&time.format("%H:%M")) }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<NaiveTime, D::Error> {
        let text = String::deserialize(from)?;
        if text == "24:00" {
            return Ok(end_of_day());
        }
        let read = NaiveTime::parse_from_str(&text, "%H:%M").or_else(|_| NaiveTime::parse_from_str(&text, "%H:%M:%S"));
        read.map_err(|_| D::Error::custom(format!("{text:?} is no time of the day; write for example 09:30")))
    }

    fn end_of_day() -> NaiveTime {
        NaiveTime::from_hms_milli_opt(23, 59, 59, 999).unwrap_or_default()
    }
}

impl TryFrom<Vec<Shift>> for WeekHours {
    type Error = HoursError;

    fn try_from(shifts: Vec<Shift>) -> Result<Self, Self::Error> {
        let mut days: [Vec<(NaiveTime, NaiveTime)>; 7] = Default::default();
        for Shift { days: on, opens, closes } in &shifts {
            if opens >= closes {
                return Err(HoursError::Backwards { opens: *opens, closes: *closes });
            }
            for day in on {
                days[place(*day)].push((*opens, *closes));
            }
        }
        for (place, shifts) in days.iter_mut().enumerate() {
            shifts.sort();
            if shifts.windows(2).any(|pair| pair[1].0 < pair[0].1) {
                let day = Weekday::try_from(u8::try_from(place).unwrap_or_default()).unwrap_or(Weekday::Mon);
                return Err(HoursError::Overlap { day });
            }
        }
        if days.iter().all(Vec::is_empty) { Err(HoursError::Never) } else { Ok(Self { shifts, days }) }
    }
}

impl From<WeekHours> for Vec<Shift> {
    fn from(hours: WeekHours) -> Self {
        hours.shifts
    }
}

impl FromStr for WeekHours {
    type Err = HoursError;

    /// As in `mon-fri 08:00-12:00 13:30-18:00; sat 09:00-13:00`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unreadable = || HoursError::Unreadable(text.to_owned());
        let time = |text: &str| match text {
            "24:00" => NaiveTime::from_hms_milli_opt(23, 59, 59, 999),
            text => NaiveTime::parse_from_str(text, "%H:%M").ok(),
        };
        let mut shifts = Vec::new();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (on, times) = part.split_once(' ').ok_or_else(unreadable)?;
            let day = |text: &str| text.trim().parse::<Weekday>().map_err(|_| unreadable());
            let days = match on.split_once('-') {
                Some((first, last)) => {
                    let (first, last) = (day(first)?, day(last)?);
                    let all = std::iter::successors(Some(first), |day| (*day != last).then(|| day.succ()));
                    all.take(7).collect()
                }
                None => on.split(',').map(day).collect::<Result<Vec<_>, _>>()?,
            };
            for times in times.split(' ').filter(|times| !times.is_empty()) {
                let (opens, closes) = times.split_once('-').ok_or_else(unreadable)?;
                let (opens, closes) = time(opens).zip(time(closes)).ok_or_else(unreadable)?;
                shifts.push(Shift { days: days.clone(), opens, closes });
            }
        }
        Self::try_from(shifts)
    }
}

fn place(day: Weekday) -> usize {
    day.num_days_from_monday() as usize
}

impl WeekHours {
    /// Those of a shop that has not said its own: Monday to Friday, nine to five.
    pub fn usual() -> Self {
        let days = (0..7).map(|day| match (day, NaiveTime::from_hms_opt(9, 0, 0), NaiveTime::from_hms_opt(17, 0, 0)) {
            (0..5, Some(opens), Some(closes)) => vec![(opens, closes)],
            _ => Vec::new(),
        });
        let mut week: [Vec<_>; 7] = Default::default();
        week.iter_mut().zip(days).for_each(|(place, day)| *place = day);
        Self { shifts: Vec::new(), days: week }
    }

    /// Every day from `opens` to `closes`.
    pub fn daily(opens: NaiveTime, closes: NaiveTime) -> Result<Self, HoursError> {
        let days = (0..7).filter_map(|day| Weekday::try_from(day).ok()).collect();
        Self::try_from(vec![Shift { days, opens, closes }])
    }

    /// Judged on the wall clock of `zone`, which every instant has.
    pub fn is_open(&self, at: DateTime<Utc>, zone: Tz, is_closed_on: impl Fn(NaiveDate) -> bool) -> bool {
        let local = at.with_timezone(&zone);
        let (day, time) = (local.date_naive(), local.time());
        self.days[place(day.weekday())].iter().any(|(opens, closes)| *opens <= time && time < *closes)
            && !is_closed_on(day)
    }

    /// When it has been open for so long since `at`. `None`: not within two months.
    pub fn after_open(
        &self,
        at: DateTime<Utc>,
        open_for: TimeDelta,
        zone: Tz,
        is_closed_on: impl Fn(NaiveDate) -> bool,
    ) -> Option<DateTime<Utc>> {
        let mut left = open_for;
        let today = at.with_timezone(&zone).date_naive();
        for day in (0..LOOKS_AHEAD_DAYS).filter_map(|later| today.checked_add_days(Days::new(later))) {
            if is_closed_on(day) {
                continue;
            }
            for (opens, closes) in &self.days[place(day.weekday())] {
                let from = instant(day, *opens, zone).max(at);
                let until = instant(day, *closes, zone);
                if until <= from {
                    continue;
                }
                if left <= until - from {
                    return Some(from + left);
                }
                left -= until - from;
            }
        }
        None
    }

    /// From when until when it is open on a day, shift by shift.
    pub fn shifts_on(&self, day: NaiveDate, zone: Tz) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> + '_ {
        let shifts = self.days[place(day.weekday())].iter();
        shifts.map(move |(opens, closes)| (instant(day, *opens, zone), instant(day, *closes, zone)))
    }

    /// How long it is open on the longest day of a week.
    pub fn longest_day(&self) -> TimeDelta {
        let open_for = |shifts: &Vec<(NaiveTime, NaiveTime)>| shifts.iter().map(|(from, until)| *until - *from).sum();
        self.days.iter().map(open_for).max().unwrap_or_default()
    }

    /// The first instant, not before `at`, at which it is open. `None`: not within two months.
    pub fn earliest(
        &self,
        at: DateTime<Utc>,
        zone: Tz,
        is_closed_on: impl Fn(NaiveDate) -> bool,
    ) -> Option<DateTime<Utc>> {
        if self.is_open(at, zone, &is_closed_on) {
            return Some(at);
        }
        let today = at.with_timezone(&zone).date_naive();
        (0..LOOKS_AHEAD_DAYS).filter_map(|later| today.checked_add_days(Days::new(later))).find_map(|day| {
            let openings = self.days[place(day.weekday())].iter().map(|(opens, _)| instant(day, *opens, zone));
            // A zone may skip an opening itself on one day of the year.
            openings.filter(|opening| *opening >= at).find(|opening| self.is_open(*opening, zone, &is_closed_on))
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::America;

    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn read(text: &str) -> Result<WeekHours, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_split_day_opens_twice_and_a_closed_day_not_at_all() {
        let hours = read(
            r#"[{"days":["mon","tue","wed","thu","fri"],"opens":"08:00","closes":"12:00"},
                {"days":["mon","tue","wed","thu","fri"],"opens":"13:30","closes":"18:00"},
                {"days":["sat"],"opens":"09:00","closes":"24:00"}]"#,
        )
        .unwrap();
        let next = |at: &str| hours.earliest(utc(at), America::Denver, |_| false).unwrap();
        // Friday noon in Denver.
        assert_eq!(next("2026-01-09T19:00:00Z"), utc("2026-01-09T20:30:00Z"));
        assert_eq!(next("2026-01-10T01:00:00Z"), utc("2026-01-10T16:00:00Z"));
        // Saturday at midnight: Sunday is closed.
        assert_eq!(next("2026-01-11T07:00:00Z"), utc("2026-01-12T15:00:00Z"));
        let monday = NaiveDate::from_ymd_opt(2026, 1, 12).unwrap();
        let on_tuesday = hours.earliest(utc("2026-01-11T07:00:00Z"), America::Denver, |day| day == monday);
        assert_eq!(on_tuesday, Some(utc("2026-01-13T15:00:00Z")));
        assert_eq!(hours.earliest(utc("2026-01-11T07:00:00Z"), America::Denver, |_| true), None);
    }

    #[test]
    fn hours_are_read_as_somebody_would_type_them() {
        let typed: WeekHours = "mon-fri 08:00-12:00 13:30-18:00; sat 09:00-24:00".parse().unwrap();
        assert_eq!(typed.days.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2, 2, 2, 1, 0]);
        let over_the_week: WeekHours = "sat-mon 10:00-11:00".parse().unwrap();
        assert_eq!(over_the_week.days.iter().map(Vec::len).sum::<usize>(), 3);
        for text in ["", "9-6", "mon 9-6", "mon-fri", "noday 09:00-10:00", "mon 10:00-09:00"] {
            assert!(text.parse::<WeekHours>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_hours_is_refused_in_words() {
        let refused = |text: &str| read(text).unwrap_err();
        assert!(refused(r#"[{"days":["mon"],"opens":"18:00","closes":"09:00"}]"#).contains("earlier one first"));
        assert!(refused("[]").contains("never open"));
        let twice =
            r#"[{"days":["mon"],"opens":"08:00","closes":"12:00"},{"days":["mon"],"opens":"11:00","closes":"13:00"}]"#;
        assert!(refused(twice).contains("overlap"));
        assert!(refused(r#"[{"days":["mon"],"opens":"9","closes":"12:00"}]"#).contains("no time of the day"));
        let written = r#"[{"days":["Mon"],"opens":"08:00","closes":"24:00"}]"#;
        assert_eq!(serde_json::to_string(&read(written).unwrap()).unwrap(), written);
    }
}
