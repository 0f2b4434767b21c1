//! When somebody would like to come, by their words.

use chrono::{Datelike as _, Days, NaiveDate, Weekday};

use crate::offer::{PartOfDay, When};

const DAYS: [(Weekday, [&str; 2]); 7] = [
    (Weekday::Mon, ["monday", "lunes"]),
    (Weekday::Tue, ["tuesday", "martes"]),
    (Weekday::Wed, ["wednesday", "miercoles"]),
    (Weekday::Thu, ["thursday", "jueves"]),
    (Weekday::Fri, ["friday", "viernes"]),
    (Weekday::Sat, ["saturday", "sabado"]),
    (Weekday::Sun, ["sunday", "domingo"]),
];

/// `plain`: as [`understand::plain`](super::understand::plain) writes it. `today`: the shop's.
pub(super) fn when(plain: &str, today: NaiveDate) -> When {
    let says = |words: &str| plain.contains(&format!(" {words} "));
    let begins = |words: &str| plain.contains(&format!(" {words}"));
    let after = |days: u64| today.checked_add_days(Days::new(days));
    let part = if says("morning") || begins("por la mañana") || begins("en la mañana") || begins("de la mañana") {
        Some(PartOfDay::Morning)
    } else if says("afternoon")
        || says("evening")
        || begins("por la tarde")
        || begins("en la tarde")
        || begins("de la tarde")
    {
        Some(PartOfDay::Afternoon)
    } else {
        None
    };
    let of_morning = plain.replace("por la mañana", " ").replace("en la mañana", " ").replace("de la mañana", " ");
    let day = if says("today") || says("hoy") {
        Some(today)
    } else if says("tomorrow") || of_morning.contains(" mañana ") {
        after(1)
    } else {
        let named = DAYS.into_iter().find(|(_, names)| names.iter().any(|name| begins(name)));
        named.and_then(|(day, _)| (1..=7).filter_map(after).find(|date| date.weekday() == day))
    };
    let to_monday = 7 - u64::from(today.weekday().num_days_from_monday());
    let next_week = begins("next week") || begins("la proxima semana") || begins("la semana que viene");
    When { day, from: if next_week { after(to_monday) } else { None }, part }
}

#[cfg(test)]
mod tests {
    use super::{super::understand::plain, *};

    #[test]
    fn days_are_the_next_of_their_name() {
        // A Friday.
        let today = NaiveDate::from_ymd_opt(2026, 3, 6).unwrap();
        let day = |words: &str| when(&plain(words), today).day.map(|day| day.to_string());
        for (words, wanted) in [
            ("tomorrow?", Some("2026-03-07")),
            ("Tuesday afternoon", Some("2026-03-10")),
            ("el viernes por la mañana", Some("2026-03-13")),
            ("mañana por la mañana", Some("2026-03-07")),
            ("in the morning", None),
            ("hoy", Some("2026-03-06")),
            ("whenever", None),
        ] {
            assert_eq!(day(words).as_deref(), wanted, "{words}");
        }
        assert_eq!(when(&plain("mañana por la mañana"), today).part, Some(PartOfDay::Morning));
        assert_eq!(when(&plain("Tuesday afternoon"), today).part, Some(PartOfDay::Afternoon));
        let next_week = when(&plain("next week sometime"), today);
        assert_eq!(next_week.from.map(|day| day.to_string()).as_deref(), Some("2026-03-09"));
    }
}
