//! When a shop can take somebody in.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{ShopCalendar, WeekHours};

/// The templates of what somebody is told of their appointment.
pub const BOOKED: &str = "booked";
pub const CALLED_OFF: &str = "called_off";

/// How a tenant's shops take appointments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BookingRules {
    /// From one possible beginning to the next.
    pub every_minutes: u16,
    /// Nobody is taken in sooner than this from now.
    pub notice_minutes: u16,
    /// Nor later than so many days from today.
    pub days_ahead: u16,
    /// How long a service takes of which the catalog does not say it.
    pub usual_minutes: u16,
    /// How long a time that was offered is kept for whoever it was offered to.
    pub held_minutes: u16,
    /// Times offered at once.
    pub most_offered: u8,
}

impl Default for BookingRules {
    fn default() -> Self {
        Self {
            every_minutes: 30,
            notice_minutes: 120,
            days_ahead: 21,
            usual_minutes: 120,
            held_minutes: 10,
            most_offered: 6,
        }
    }
}

impl BookingRules {
    /// What is wrong with them, as whoever wrote them reads it.
    pub fn mistake(&self) -> Option<&'static str> {
        match self {
            Self { every_minutes: 0..5, .. } => Some("every_minutes is less than 5; write for example 30"),
            Self { days_ahead: 0, .. } => Some("days_ahead is 0, so nobody could book; write for example 21"),
            Self { days_ahead: 61.., .. } => {
                Some("days_ahead is more than 60; nobody knows a shop's holidays so far ahead")
            }
            Self { usual_minutes: 0, .. } => Some("usual_minutes is 0; write how long a car stays, for example 120"),
            Self { held_minutes: 0 | 121.., .. } => Some("held_minutes is not between 1 and 120; write for example 10"),
            Self { most_offered: 0 | 13.., .. } => Some("most_offered is not between 1 and 12; write for example 6"),
            _ => None,
        }
    }

    /// How long a car stays for so many hours of labor, in whole steps; zero hours: nobody knows.
    pub fn lasts(&self, labor_hours: f64) -> TimeDelta {
        const LONGEST_MINUTES: f64 = 5.0 * 24.0 * 60.0;
        let minutes = (labor_hours * 60.0).clamp(0.0, LONGEST_MINUTES);
        if minutes.is_nan() || minutes < 1.0 {
            return TimeDelta::minutes(self.usual_minutes.into());
        }
        let step = f64::from(self.every_minutes);
        #[expect(clippy::cast_possible_truncation, reason = "clamped above")]
        let whole = ((minutes / step).ceil() * step) as i64;
        TimeDelta::minutes(whole)
    }
}

/// A time at which a shop has a place for a car.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot {
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
}

impl Slot {
    fn overlaps(&self, other: &Self) -> bool {
        self.starts_at < other.ends_at && other.starts_at < self.ends_at
    }
}

/// A place that is taken: the bay, from 0 on, and from when until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    pub bay: u16,
    pub during: Slot,
}

/// A shop's places, as far as they are known.
#[derive(Debug, Clone, Copy)]
pub struct Places<'p> {
    pub shop: &'p ShopCalendar,
    pub rules: &'p BookingRules,
    /// Cars it can have at once.
    pub bays: u16,
    pub taken: &'p [Taken],
}

impl Places<'_> {
    /// Every time at which a car can come that stays so long, the earliest first. It is done on the day on which it came; what takes
    /// longer than any day of the shop's begins when the shop opens, and stays for the nights between.
    pub fn free(&self, lasts: TimeDelta, now: DateTime<Utc>) -> impl Iterator<Item = Slot> {
        let usual = WeekHours::usual();
        let hours = self.shop.hours.clone().unwrap_or(usual);
        let zone = self.shop.zone;
        let earliest = now + TimeDelta::minutes(self.rules.notice_minutes.into());
        let today = now.with_timezone(&zone).date_naive();
        let days =
            (0..=u64::from(self.rules.days_ahead)).filter_map(move |later| today.checked_add_days(Days::new(later)));
        days.filter(|day| !self.is_closed_on(*day)).flat_map(move |day| {
            let starts = self.starts(&hours, day, lasts);
            let fits = |starts_at: DateTime<Utc>| self.fit(&hours, starts_at, lasts).filter(|_| starts_at >= earliest);
            starts.into_iter().filter_map(fits).collect::<Vec<_>>()
        })
    }

    /// The bays that are free during a slot, the first one first.
    pub fn free_bays(&self, slot: Slot) -> impl Iterator<Item = u16> {
        (0..self.bays)
            .filter(move |bay| !self.taken.iter().any(|taken| taken.bay == *bay && taken.during.overlaps(&slot)))
    }

    fn is_closed_on(&self, day: NaiveDate) -> bool {
        self.shop.closed_on.contains(&day)
    }

    fn starts(&self, hours: &WeekHours, day: NaiveDate, lasts: TimeDelta) -> Vec<DateTime<Utc>> {
        let mut shifts = hours.shifts_on(day, self.shop.zone);
        if lasts > hours.longest_day() {
            return shifts.next().map(|(opens, _)| opens).into_iter().collect();
        }
        let step = TimeDelta::minutes(self.rules.every_minutes.max(1).into());
        let of_shift = |(opens, closes): (DateTime<Utc>, DateTime<Utc>)| {
            std::iter::successors(Some(opens), move |at| Some(*at + step)).take_while(move |at| *at < closes)
        };
        shifts.flat_map(of_shift).collect()
    }

    fn fit(&self, hours: &WeekHours, starts_at: DateTime<Utc>, lasts: TimeDelta) -> Option<Slot> {
        let zone = self.shop.zone;
        let ends_at = hours.after_open(starts_at, lasts, zone, |day| self.is_closed_on(day))?;
        let day_of = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
        let stays_overnight = lasts > hours.longest_day();
        let slot = Slot { starts_at, ends_at };
        ((stays_overnight || day_of(starts_at) == day_of(ends_at)) && self.free_bays(slot).next().is_some())
            .then_some(slot)
    }
}

#[cfg(test)]
mod tests {
    use chrono::Timelike as _;
    use chrono_tz::America;
    use proptest::prelude::*;

    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn shop(hours: &str) -> ShopCalendar {
        ShopCalendar { zone: America::New_York, hours: Some(hours.parse().unwrap()), closed_on: vec![] }
    }

    /// As the shop's clock shows them.
    fn shown(slots: impl Iterator<Item = Slot>, most: usize) -> Vec<String> {
        let local = |at: DateTime<Utc>| at.with_timezone(&America::New_York).format("%a %H:%M").to_string();
        slots.take(most).map(|slot| format!("{} - {}", local(slot.starts_at), local(slot.ends_at))).collect()
    }

    /// Friday, nine in the morning in New York.
    const NOW: &str = "2026-03-06T14:00:00Z";

    #[test]
    fn a_car_is_done_on_the_day_on_which_it_came() {
        let shop = shop("mon-fri 08:00-12:00 13:00-17:00");
        let rules = BookingRules { every_minutes: 60, ..BookingRules::default() };
        let places = Places { shop: &shop, rules: &rules, bays: 1, taken: &[] };
        let slots = shown(places.free(TimeDelta::hours(3), utc(NOW)), 4);
        assert_eq!(
            slots,
            ["Fri 11:00 - Fri 15:00", "Fri 13:00 - Fri 16:00", "Fri 14:00 - Fri 17:00", "Mon 08:00 - Mon 11:00"]
        );
    }

    #[test]
    fn what_takes_longer_than_a_day_begins_when_the_shop_opens() {
        let mut shop = shop("mon-fri 09:00-17:00");
        shop.closed_on = vec![NaiveDate::from_ymd_opt(2026, 3, 10).unwrap()];
        let places = Places { shop: &shop, rules: &BookingRules::default(), bays: 1, taken: &[] };
        let slots = shown(places.free(TimeDelta::hours(12), utc(NOW)), 2);
        assert_eq!(slots, ["Mon 09:00 - Wed 13:00", "Wed 09:00 - Thu 13:00"]);
    }

    #[test]
    fn a_taken_bay_leaves_the_others() {
        let shop = shop("mon-fri 09:00-17:00");
        let rules = BookingRules { every_minutes: 60, ..BookingRules::default() };
        let at = |from: &str, until: &str| Slot { starts_at: utc(from), ends_at: utc(until) };
        // Eleven to one, and twelve to three.
        let taken = [
            Taken { bay: 0, during: at("2026-03-06T16:00:00Z", "2026-03-06T18:00:00Z") },
            Taken { bay: 1, during: at("2026-03-06T17:00:00Z", "2026-03-06T20:00:00Z") },
        ];
        let free = |bays| {
            let places = Places { shop: &shop, rules: &rules, bays, taken: &taken };
            shown(places.free(TimeDelta::hours(2), utc(NOW)), 3)
        };
        assert_eq!(free(1), ["Fri 13:00 - Fri 15:00", "Fri 14:00 - Fri 16:00", "Fri 15:00 - Fri 17:00"]);
        // Bay 0 from one o'clock on; before that no bay for two whole hours.
        assert_eq!(free(2)[0], "Fri 13:00 - Fri 15:00");
        assert_eq!(free(3)[0], "Fri 11:00 - Fri 13:00");
    }

    #[test]
    fn rules_that_no_shop_could_follow_say_what_is_wrong() {
        assert_eq!(BookingRules::default().mistake(), None);
        let none = BookingRules { days_ahead: 0, ..BookingRules::default() };
        assert!(none.mistake().unwrap().contains("days_ahead"));
        let endless = BookingRules { held_minutes: 9_999, ..BookingRules::default() };
        assert!(endless.mistake().unwrap().contains("held_minutes"));
    }

    #[test]
    fn labor_is_counted_in_whole_steps() {
        let rules = BookingRules::default();
        assert_eq!(rules.lasts(0.0), TimeDelta::minutes(120));
        assert_eq!(rules.lasts(1.2), TimeDelta::minutes(90));
        assert_eq!(rules.lasts(f64::NAN), TimeDelta::minutes(120));
        assert_eq!(rules.lasts(1e9), TimeDelta::days(5));
    }

    proptest! {
        #[test]
        fn every_free_slot_is_in_open_hours_after_the_notice_and_in_a_bay_that_nobody_has(
            now_minutes in 0_i64..525_600, lasts_minutes in 1_i64..2_000, bays in 1_u16..4,
            taken in prop::collection::vec((0_u16..4, 0_i64..40_000, 1_i64..600), 0..30))
        {
            let shop = shop("mon-fri 08:00-12:00 13:30-18:00; sat 09:00-13:00");
            let now = utc("2026-01-01T00:00:00Z") + TimeDelta::minutes(now_minutes);
            let taken: Vec<_> = taken.into_iter().map(|(bay, from, lasts)| {
                let starts_at = now + TimeDelta::minutes(from);
                Taken { bay, during: Slot { starts_at, ends_at: starts_at + TimeDelta::minutes(lasts) } }
            }).collect();
            let rules = BookingRules::default();
            let places = Places { shop: &shop, rules: &rules, bays, taken: &taken };
            let hours = shop.hours.clone().unwrap();
            let mut last = None;
            for slot in places.free(TimeDelta::minutes(lasts_minutes), now) {
                prop_assert!(hours.is_open(slot.starts_at, shop.zone, |_| false));
                prop_assert!(hours.is_open(slot.ends_at - TimeDelta::seconds(1), shop.zone, |_| false));
                prop_assert!(slot.starts_at >= now + TimeDelta::hours(2));
                prop_assert_eq!(slot.starts_at.with_timezone(&shop.zone).minute() % 30, 0);
                let is_free = |bay: u16| !taken.iter().any(|taken| {
                    taken.bay == bay && taken.during.starts_at < slot.ends_at && slot.starts_at < taken.during.ends_at
                });
                prop_assert!((0..bays).any(is_free));
                prop_assert!(last < Some(slot));
                last = Some(slot);
            }
        }
    }
}
