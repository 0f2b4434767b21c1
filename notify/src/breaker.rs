//! A vendor that does not answer is left alone for a while, and then tried with one message. What would have gone out waits, and is
//! decided anew when it may: an outage makes no attempt of which nobody knows the end.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tracing::{error, info};

use crate::carrier::Answer;

/// Calls in a row that came to nothing, by which a vendor counts as away.
const IN_A_ROW: u32 = 5;
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);
/// The one that tries may have died.
const ONE_TRIES_FOR: Duration = Duration::from_secs(20);

/// Every vendor's, by its address. Each process finds out for itself.
#[derive(Debug, Default)]
pub(crate) struct Breakers(Mutex<HashMap<String, Breaker>>);

#[derive(Debug, Default, Clone, Copy)]
struct Breaker {
    failed_in_a_row: u32,
    open: Option<Open>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    until: Instant,
    lasts: Duration,
}

impl Breakers {
    /// Whether a call may go out now. If not: when to ask again.
    pub(crate) fn may_call(&self, vendor: &str, now: Instant) -> Result<(), Duration> {
        let mut breakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Breaker { open: Some(open), .. }) = breakers.get_mut(vendor) else { return Ok(()) };
        if now < open.until {
            return Err(open.until - now);
        }
        // This one tries; the others wait for what becomes of it.
        open.until = now + ONE_TRIES_FOR;
        Ok(())
    }

    /// What came of a call.
    pub(crate) fn note(&self, vendor: &str, answer: &Answer, now: Instant) {
        let mut breakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_silence(answer) {
            if let Some(Breaker { open: Some(_), .. }) = breakers.remove(vendor) {
                metrics::gauge!("notify_vendor_is_away", "vendor" => vendor.to_owned()).set(0);
                info!(vendor, "answers again: what waited for it goes out");
            }
            return;
        }
        let breaker = breakers.entry(vendor.to_owned()).or_default();
        breaker.failed_in_a_row = breaker.failed_in_a_row.saturating_add(1);
        if breaker.failed_in_a_row < IN_A_ROW {
            return;
        }
        let is_news = match &mut breaker.open {
            None => {
                breaker.open = Some(Open { until: now + FIRST, lasts: FIRST });
                true
            }
            // Called before it opened, or the one that tried.
            Some(open) => {
                if open.until > now + open.lasts || open.until <= now {
                    open.lasts = (open.lasts * 2).min(LONGEST);
                    open.until = now + open.lasts;
                }
                false
            }
        };
        if is_news {
            metrics::gauge!("notify_vendor_is_away", "vendor" => vendor.to_owned()).set(1);
            error!(vendor, "does not answer: what goes out by it waits, and is tried with one message at a time");
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
            assert_eq!(breakers.may_call(VENDOR, now), Ok(()));
            breakers.note(VENDOR, &silence(), now);
        }
        breakers
    }

    #[test]
    fn after_five_calls_without_an_answer_nobody_calls_for_a_while_and_then_one_tries() {
        let now = Instant::now();
        let breakers = opened(now);
        assert_eq!(breakers.may_call(VENDOR, now), Err(FIRST));
        assert_eq!(breakers.may_call("https://another.example.com", now), Ok(()));
        let later = now + FIRST;
        assert_eq!(breakers.may_call(VENDOR, later), Ok(()));
        assert!(breakers.may_call(VENDOR, later).is_err(), "one is enough");
        breakers.note(VENDOR, &silence(), later);
        assert_eq!(breakers.may_call(VENDOR, later), Err(FIRST * 2));
        let much_later = later + FIRST * 2;
        assert_eq!(breakers.may_call(VENDOR, much_later), Ok(()));
        breakers.note(VENDOR, &Answer::Accepted { provider_id: "SM1".into() }, much_later);
        assert_eq!(breakers.may_call(VENDOR, much_later), Ok(()));
        assert_eq!(breakers.may_call(VENDOR, much_later), Ok(()));
    }

    #[test]
    fn those_who_called_before_it_opened_do_not_make_it_longer() {
        let now = Instant::now();
        let breakers = opened(now);
        for _ in 0..20 {
            breakers.note(VENDOR, &silence(), now);
        }
        assert_eq!(breakers.may_call(VENDOR, now), Err(FIRST));
    }

    #[test]
    fn an_answer_is_an_answer_also_when_it_is_no() {
        let now = Instant::now();
        let breakers = Breakers::default();
        for _ in 0..50 {
            breakers.note(VENDOR, &Answer::NotProcessed { code: "429".into(), retry_after: None }, now);
        }
        assert_eq!(breakers.may_call(VENDOR, now), Ok(()));
    }

    #[test]
    fn a_worker_that_died_trying_keeps_nobody_waiting_for_ever() {
        let now = Instant::now();
        let breakers = opened(now);
        assert_eq!(breakers.may_call(VENDOR, now + FIRST), Ok(()));
        assert!(breakers.may_call(VENDOR, now + FIRST + ONE_TRIES_FOR / 2).is_err());
        assert_eq!(breakers.may_call(VENDOR, now + FIRST + ONE_TRIES_FOR), Ok(()));
    }
}
