use chrono::{Datelike as _, Days, NaiveDate, Weekday};

/// The federal holiday that is kept on this day (5 U.S.C. 6103): one that falls on a Saturday is kept on the Friday before it, and one
/// on a Sunday on the Monday after it; both days count.
pub fn federal_holiday(day: NaiveDate) -> Option<&'static str> {
    let kept_for = match day.weekday() {
        Weekday::Fri => day.checked_add_days(Days::new(1)),
        Weekday::Mon => day.checked_sub_days(Days::new(1)),
        _ => None,
    };
    itself(day).or_else(|| kept_for.and_then(fixed))
}

fn itself(day: NaiveDate) -> Option<&'static str> {
    let weeks_before = (day.day() - 1) / 7;
    let is_last_week = day.checked_add_days(Days::new(7)).is_none_or(|next| next.month() != day.month());
    fixed(day).or(match (day.month(), day.weekday(), weeks_before) {
        (1, Weekday::Mon, 2) => Some("Martin Luther King Jr. Day"),
        (2, Weekday::Mon, 2) => Some("Washington's Birthday"),
        (5, Weekday::Mon, _) if is_last_week => Some("Memorial Day"),
        (9, Weekday::Mon, 0) => Some("Labor Day"),
        (10, Weekday::Mon, 1) => Some("Columbus Day"),
        (11, Weekday::Thu, 3) => Some("Thanksgiving Day"),
        _ => None,
    })
}

fn fixed(day: NaiveDate) -> Option<&'static str> {
    match (day.month(), day.day()) {
        (1, 1) => Some("New Year's Day"),
        (6, 19) => Some("Juneteenth"),
        (7, 4) => Some("Independence Day"),
        (11, 11) => Some("Veterans Day"),
        (12, 25) => Some("Christmas Day"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holidays_of_a_year_are_where_the_calendar_has_them() {
        let days = |year: i32| -> Vec<String> {
            let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
            first
                .iter_days()
                .take_while(|day| day.year() == year)
                .filter(|day| federal_holiday(*day).is_some())
                .map(|day| day.format("%m-%d").to_string())
                .collect()
        };
        assert_eq!(
            days(2026),
            [
                "01-01", "01-19", "02-16", "05-25", "06-19", "07-03", "07-04", "09-07", "10-12", "11-11", "11-26",
                "12-25"
            ]
        );
        // New Year's Day of 2028 is a Saturday, and kept in 2027.
        assert!(days(2027).contains(&"12-31".to_owned()) && days(2027).contains(&"07-05".to_owned()));
    }
}
