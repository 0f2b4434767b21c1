//! Whether an answer may be said: each of its claims has to rest on a row of this shop's catalog, on a time that is kept for this
//! customer, or on what the shop says of itself.

mod claims;

use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, Timelike as _, Utc};
use chrono_tz::Tz;
use claims::{Claim, claims};
use domain::{AppointmentId, Ground, Service, Slot};

/// What an answer may rest on.
#[derive(Debug, Clone)]
pub(crate) struct Grounds {
    pub(crate) now: DateTime<Utc>,
    /// Of the shop.
    pub(crate) zone: Tz,
    pub(crate) services: Vec<Service>,
    /// Kept for this customer, or booked by them.
    pub(crate) slots: Vec<(AppointmentId, Slot)>,
    pub(crate) has_booked: bool,
    /// What the shop says of itself: its name, telephone, address and hours, and what the customer's car is.
    pub(crate) shop_words: Vec<String>,
    /// When it is open, in its own words; among those above, too.
    pub(crate) hours: String,
}

/// Why a sentence is not said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ungrounded {
    /// What it claims.
    pub(crate) claim: String,
}

impl Grounds {
    /// What each claim of a sentence rests on.
    pub(crate) fn check(&self, sentence: &str) -> Result<Vec<Ground>, Ungrounded> {
        let claims = claims(sentence);
        let days: Vec<&Claim> = claims.iter().filter(|claim| is_day(claim)).collect();
        let mut grounds = Vec::new();
        for claim in &claims {
            let ground = match claim {
                Claim::Money(cents) => self.price(*cents, sentence),
                Claim::Time(time) => self.time(*time, &days, sentence),
                Claim::Day(_) | Claim::Date(..) | Claim::InDays(_) => self.day(claim, sentence),
                Claim::Number(number) => self.number(number),
                Claim::Promise(promise) => self.promise(promise, sentence),
                Claim::Percent(words) => self.quoted(words),
                Claim::OddMoney(_) | Claim::Link(_) => None,
            };
            let Some(ground) = ground else {
                return Err(Ungrounded { claim: format!("{claim:?}") });
            };
            if !grounds.contains(&ground) {
                grounds.push(ground);
            }
        }
        Ok(grounds)
    }

    /// Of the service that the sentence names; of any, if it names none.
    fn price(&self, cents: i64, sentence: &str) -> Option<Ground> {
        let said = sentence.to_lowercase();
        let named: Vec<&Service> = self
            .services
            .iter()
            .filter(|row| !row.name.is_empty() && said.contains(&row.name.to_lowercase()))
            .collect();
        let costs = |row: &&Service| row.price_cents == cents;
        let row = if named.is_empty() { self.services.iter().find(costs) } else { named.into_iter().find(costs) };
        row.map(of_row)
    }

    /// Whether the sentence says the shop's hours, as they are written, and no time beside them.
    fn says_hours(&self, sentence: &str) -> bool {
        if self.hours.is_empty() || !sentence.contains(&self.hours) {
            return false;
        }
        let beside = claims(&sentence.replace(&self.hours, " "));
        !beside.iter().any(|claim| is_day(claim) || matches!(claim, Claim::Time(_)))
    }

    /// A time that goes with a day has to be one slot's together with it; one that is kept, or within the hours that the shop names.
    fn time(&self, time: NaiveTime, days: &[&Claim], sentence: &str) -> Option<Ground> {
        let is_slot = |slot: &Slot| {
            let starts = slot.starts_at.with_timezone(&self.zone);
            let is_then = starts.hour() == time.hour() && starts.minute() == time.minute();
            is_then && (days.is_empty() || days.iter().any(|day| self.is_on(day, starts.date_naive())))
        };
        if let Some((id, _)) = self.slots.iter().find(|(_, slot)| is_slot(slot)) {
            return Some(Ground::Appointment { id: *id });
        }
        // Its hours it has written itself.
        self.says_hours(sentence).then_some(Ground::Shop)
    }

    fn day(&self, claim: &Claim, sentence: &str) -> Option<Ground> {
        let of_slot = self.slots.iter().find(|(_, slot)| {
            self.is_on(claim, slot.starts_at.with_timezone(&self.zone).date_naive())
                || self.is_on(claim, slot.ends_at.with_timezone(&self.zone).date_naive())
        });
        if let Some((id, _)) = of_slot {
            return Some(Ground::Appointment { id: *id });
        }
        self.says_hours(sentence).then_some(Ground::Shop)
    }

    fn is_on(&self, claim: &Claim, date: NaiveDate) -> bool {
        let today = self.now.with_timezone(&self.zone).date_naive();
        match claim {
            Claim::Day(day) => date.weekday() == *day,
            Claim::Date(month, day) => date.month() == *month && date.day() == *day,
            Claim::InDays(days) => today.checked_add_days(Days::new(u64::from(*days))) == Some(date),
            _ => false,
        }
    }

    fn number(&self, number: &str) -> Option<Ground> {
        if self.shop_words.iter().any(|words| has_number(words, number)) {
            return Some(Ground::Shop);
        }
        let row = self.services.iter().find(|row| has_number(&row.name, number) || has_number(&row.note, number))?;
        Some(of_row(row))
    }

    fn promise(&self, promise: &str, sentence: &str) -> Option<Ground> {
        if promise == "booked" && self.has_booked {
            return self.slots.first().map(|(id, _)| Ground::Appointment { id: *id });
        }
        self.quoted(sentence)
    }

    /// As the catalog has it, word for word.
    fn quoted(&self, words: &str) -> Option<Ground> {
        let words = words.trim().trim_end_matches(['.', '!', '?']).to_lowercase();
        let says = |text: &str| !words.is_empty() && text.to_lowercase().contains(&words);
        self.services.iter().find(|row| says(&row.name) || says(&row.note)).map(of_row)
    }
}

fn of_row(row: &Service) -> Ground {
    Ground::Service { id: row.id.clone(), price_cents: row.price_cents }
}

fn is_day(claim: &Claim) -> bool {
    matches!(claim, Claim::Day(_) | Claim::Date(..) | Claim::InDays(_))
}

/// Whether a number stands in a text by itself, and not as a part of another.
fn has_number(text: &str, number: &str) -> bool {
    let is_digit_at = |place: usize| text.as_bytes().get(place).is_some_and(u8::is_ascii_digit);
    text.match_indices(number).any(|(at, _)| {
        let is_whole_before = at == 0 || !is_digit_at(at - 1);
        is_whole_before && !is_digit_at(at + number.len())
    })
}

#[cfg(test)]
mod tests {
    use domain::Tax;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn grounds() -> Grounds {
        let starts_at = "2026-03-10T14:30:00Z".parse().unwrap();
        Grounds {
            // Monday, nine in the morning in New York.
            now: "2026-03-09T13:00:00Z".parse().unwrap(),
            zone: chrono_tz::America::New_York,
            services: vec![Service {
                id: "s-1".into(),
                name: "Ceramic Tint - Full Sedan".into(),
                note: "Blocks 99% of UV. Lifetime warranty on the film.".into(),
                price_cents: 45_900,
                tax: Tax::NotIncluded,
                hours: 3.0,
                is_bookable: true,
                labels: vec![],
            }],
            slots: vec![(AppointmentId::new(Uuid::from_u128(1)), Slot { starts_at, ends_at: starts_at })],
            has_booked: false,
            shop_words: vec!["(813) 555-0100".into(), "Mon-Fri 9am-6pm".into(), "2021 Honda Civic".into()],
            hours: "Mon-Fri 9am-6pm".into(),
        }
    }

    #[test]
    fn a_time_beside_what_the_shop_says_of_itself_rests_on_nothing() {
        for sentence in [
            "Bring your 2021 Honda Civic on Friday at 3 pm.",
            "We are open Mon-Fri 9am-6pm, and on Saturday at 3 pm for you.",
            "Call (813) 555-0100 at 7 am.",
            "We open on Wednesday.",
        ] {
            assert!(grounds().check(sentence).is_err(), "{sentence}");
        }
    }

    #[test]
    fn a_price_is_the_one_of_the_service_that_is_named() {
        let mut two = grounds();
        let other =
            Service { id: "s-2".into(), name: "Carbon Tint".into(), price_cents: 19_900, ..two.services[0].clone() };
        two.services.push(other);
        assert!(two.check("Carbon Tint is $199.").is_ok());
        assert!(two.check("It is $459.").is_ok());
        assert!(two.check("Carbon Tint is $459.").is_err());
        assert!(two.check("Ceramic Tint - Full Sedan is $199.").is_err());
    }

    #[test]
    fn what_rests_on_a_row_is_said_with_the_row() {
        let row = Ground::Service { id: "s-1".into(), price_cents: 45_900 };
        let kept = Ground::Appointment { id: AppointmentId::new(Uuid::from_u128(1)) };
        for (sentence, rests_on) in [
            ("For your 2021 Honda Civic it is $459.", vec![row.clone(), Ground::Shop]),
            ("I have Tuesday at 10:30 am for you.", vec![kept.clone()]),
            ("Tomorrow at 10:30 AM works.", vec![kept.clone()]),
            ("March 10 at 10:30?", vec![kept]),
            ("We are open Mon-Fri 9am-6pm.", vec![Ground::Shop]),
            ("You can call (813) 555-0100.", vec![Ground::Shop]),
            ("Lifetime warranty on the film.", vec![row.clone()]),
            ("It blocks 99% of UV.", vec![row]),
            ("What would you like to know?", vec![]),
        ] {
            let mut found = grounds().check(sentence).unwrap_or_else(|error| panic!("{sentence}: {error:?}"));
            let mut wanted = rests_on;
            found.sort_by_key(|ground| format!("{ground:?}"));
            wanted.sort_by_key(|ground| format!("{ground:?}"));
            assert_eq!(found, wanted, "{sentence}");
        }
    }

    #[test]
    fn what_rests_on_nothing_is_not_said() {
        for sentence in [
            "It is $399.",
            "For you $450, because I like you.",
            "four hundred fifty-nine dollars",
            "10% off today",
            "I can give you a discount.",
            "Lifetime warranty on the labor.",
            "Wednesday at 10:30 am is free.",
            "Tuesday at 11 am?",
            "Today at 10:30 am?",
            "You are booked!",
            "Pay at http://example.com.",
            "It takes 4 hours.",
            "Our number is (813) 555-0199.",
            "Window tint at 5% is legal here.",
        ] {
            assert!(grounds().check(sentence).is_err(), "{sentence}: {:?}", grounds().check(sentence));
        }
    }

    #[test]
    fn that_somebody_has_booked_is_said_when_they_have() {
        let booked = Grounds { has_booked: true, ..grounds() };
        assert!(booked.check("You're booked for Tuesday at 10:30 AM.").is_ok());
    }

    proptest! {
        #[test]
        fn no_amount_is_said_but_a_price(dollars in 0_i64..10_000, cents in 0_i64..100) {
            let sentence = format!("That would be ${dollars}.{cents:02} for everything.");
            prop_assert_eq!(grounds().check(&sentence).is_ok(), dollars * 100 + cents == 45_900);
        }

        #[test]
        fn no_time_is_said_but_one_that_is_kept(hour in 1_u32..13, minute in 0_u32..60, is_after_noon: bool) {
            let half = if is_after_noon { "pm" } else { "am" };
            let sentence = format!("I could do Tuesday at {hour}:{minute:02} {half}.");
            prop_assert_eq!(grounds().check(&sentence).is_ok(), hour == 10 && minute == 30 && !is_after_noon);
        }

        #[test]
        fn whatever_is_said_is_read_without_an_end_of_the_process(sentence in ".{0,200}") {
            let _ = grounds().check(&sentence);
        }
    }
}
