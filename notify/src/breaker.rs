//! A vendor that does not answer is left alone for a while, and then tried with one message. What would have gone out waits, and is
//! decided anew when it may: an outage makes few attempts of which nobody knows the end.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tracing::{error, info};

use crate::carrier::Answer;

/// Calls in a row that came to nothing, by which a vendor counts as away that can be asked what it has. Of one that cannot, a call
/// without an answer is one too many: each is a message that nobody knows about.
const IN_A_ROW: u32 = 5;
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);
/// The one that tries may have died.
const ONE_TRIES_FOR: Duration = Duration::from_secs(20);

/// Why somebody may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MayCall {
    /// The vendor answers.
    Answers,
    /// It did not, and this one tries whether it does again.
    Tries,
}

/// Every vendor's, by its address. Each process finds out for itself.
#[derive(Debug, Default)]
pub(crate) struct Breakers(Mutex<HashMap<String, Breaker>>);

#[derive(Debug, Clone, Copy)]
enum Breaker {
    Answers {
        failed_in_a_row: u32,
    },
    Away {
        until: Instant,
        lasts: Duration,
        /// Somebody tries, and has as long.
        tries_until: Option<Instant>,
    },
}

impl Breakers {
    /// How long nobody should call. Zero: whoever wants to may try.
    pub(crate) fn away_for(&self, vendor: &str, now: Instant) -> Duration {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).get(vendor) {
            Some(Breaker::Away { until, tries_until, .. }) => {
                tries_until.unwrap_or(*until).max(*until).saturating_duration_since(now)
            }
            _ => Duration::ZERO,
        }
    }

    /// Whether a call may go out now; of those that wait for a vendor that was away, one. Whoever may has to note what came of it.
    pub(crate) fn may_call(&self, vendor: &str, now: Instant) -> Result<MayCall, Duration> {
        let away_for = self.away_for(vendor, now);
        if !away_for.is_zero() {
            return Err(away_for);
        }
        let mut breakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Breaker::Away { tries_until, .. }) = breakers.get_mut(vendor) {
            *tries_until = Some(now + ONE_TRIES_FOR);
            return Ok(MayCall::Tries);
        }
        Ok(MayCall::Answers)
    }

    /// What came of a call.
    pub(crate) fn note(&self, vendor: &str, can_be_asked: bool, answer: &Answer, now: Instant) {
        let mut breakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_silence(answer) {
            if let Some(Breaker::Away { .. }) = breakers.remove(vendor) {
                metrics::gauge!("notify_vendor_is_away", "vendor" => vendor.to_owned()).set(0);
                info!(vendor, "answers again: what waited for it goes out");
            }
            return;
        }
        let breaker = breakers.entry(vendor.to_owned()).or_insert(Breaker::Answers { failed_in_a_row: 0 });
        match breaker {
            Breaker::Answers { failed_in_a_row } => {
                *failed_in_a_row += 1;
                if *failed_in_a_row >= if can_be_asked { IN_A_ROW } else { 1 } {
                    *breaker = Breaker::Away { until: now + FIRST, lasts: FIRST, tries_until: None };
                    metrics::gauge!("notify_vendor_is_away", "vendor" => vendor.to_owned()).set(1);
                    error!(vendor, "does not answer: what goes out by it waits, and one message at a time tries");
                }
            }
            // Who tried has failed.
            Breaker::Away { until, lasts, tries_until } if tries_until.is_some() => {
                *lasts = (*lasts * 2).min(LONGEST);
                *until = now + *lasts;
                *tries_until = None;
            }
            // Whoever called before it was known says nothing new.
            Breaker::Away { .. } => {}
        }
    }
}

/// Nothing was answered, or that the vendor itself has failed.
fn is_silence(answer: &Answer) -> bool {
    match answer {
        Answer::Ambiguous { .. } => true,
        Answer::NotProcessed { code, .. } => code == "unreachable",
        Answer::Accepted { .. } | Answer::Refused { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VENDOR: &str = "https://api.example.com";

    fn silence() -> Answer {
        Answer::NotProcessed { code: "unreachable".into(), retry_after: None }
    }

    fn opened(now: Instant) -> Breakers {
        let breakers = Breakers::default();
        for _ in 0..IN_A_ROW {
            assert_eq!(breakers.may_call(VENDOR, now), Ok(MayCall::Answers));
            breakers.note(VENDOR, true, &silence(), now);
        }
        breakers
    }

    #[test]
    fn after_five_calls_without_an_answer_nobody_calls_and_then_one_tries_ever_more_seldom_up_to_a_minute() {
        let mut now = Instant::now();
        let breakers = opened(now);
        assert_eq!(breakers.may_call("https://another.example.com", now), Ok(MayCall::Answers));
        for wait_s in [5, 10, 20, 40, 60, 60] {
            let wait = Duration::from_secs(wait_s);
            assert_eq!(breakers.may_call(VENDOR, now), Err(wait));
            now += wait;
            assert_eq!(breakers.may_call(VENDOR, now), Ok(MayCall::Tries));
            assert!(breakers.may_call(VENDOR, now).is_err(), "one is enough");
            now += Duration::from_secs(3);
            breakers.note(VENDOR, true, &silence(), now);
        }
        now += LONGEST;
        assert_eq!(breakers.may_call(VENDOR, now), Ok(MayCall::Tries));
        breakers.note(VENDOR, true, &Answer::Accepted { provider_id: "SM1".into() }, now);
        assert_eq!(
            (breakers.may_call(VENDOR, now), breakers.may_call(VENDOR, now)),
            (Ok(MayCall::Answers), Ok(MayCall::Answers))
        );
    }

    #[test]
    fn one_that_cannot_be_asked_is_left_alone_after_one_call() {
        let now = Instant::now();
        let breakers = Breakers::default();
        breakers.note(VENDOR, false, &silence(), now);
        assert_eq!(breakers.may_call(VENDOR, now), Err(FIRST));
    }

    #[test]
    fn those_who_called_before_it_was_known_do_not_make_it_longer() {
        let now = Instant::now();
        let breakers = opened(now);
        for _ in 0..20 {
            breakers.note(VENDOR, true, &silence(), now);
        }
        assert_eq!(breakers.may_call(VENDOR, now), Err(FIRST));
    }

    #[test]
    fn an_answer_is_an_answer_also_when_it_is_no() {
        let now = Instant::now();
        let breakers = Breakers::default();
        for _ in 0..50 {
            breakers.note(VENDOR, true, &Answer::NotProcessed { code: "429".into(), retry_after: None }, now);
        }
        assert_eq!(breakers.may_call(VENDOR, now), Ok(MayCall::Answers));
    }

    #[test]
    fn a_worker_that_died_trying_keeps_nobody_waiting_for_ever() {
        let now = Instant::now();
        let breakers = opened(now);
        assert_eq!(breakers.may_call(VENDOR, now + FIRST), Ok(MayCall::Tries));
        assert!(breakers.may_call(VENDOR, now + FIRST + ONE_TRIES_FOR / 2).is_err());
        assert_eq!(breakers.may_call(VENDOR, now + FIRST + ONE_TRIES_FOR), Ok(MayCall::Tries));
    }
}
