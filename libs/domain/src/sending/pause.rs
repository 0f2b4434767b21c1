use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Channel, LeadId, LocationId};

/// What stands still while it is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scope", content = "of", rename_all = "snake_case")]
pub enum PauseScope {
    /// All of a tenant's follow-ups.
    Everything,
    Location(LocationId),
    Lead(LeadId),
    /// Whatever goes out by it, and so by its provider.
    Channel(Channel),
}

impl PauseScope {
    /// The scope alone, in one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::Location(_) => "location",
            Self::Lead(_) => "lead",
            Self::Channel(_) => "channel",
        }
    }
}

/// From when to when something stood still. The end is excluded; `None`: until somebody resumes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub from: DateTime<Utc>,
    pub until: Option<DateTime<Utc>>,
}

/// When a message has waited as long as it was to wait, if its clock stood still during these pauses (the earliest first; they may
/// overlap). It was counted at `counted_from` to leave at `wanted`. `None`: not before somebody resumes it.
///
/// So a pause moves all that remains by its own length: nothing is dropped, and what was a day apart stays so.
pub fn after_pauses(counted_from: DateTime<Utc>, wanted: DateTime<Utc>, pauses: &[Pause]) -> Option<DateTime<Utc>> {
    let mut leaves_at = wanted.max(counted_from);
    // What came before this is counted.
    let mut counted_until = counted_from;
    for pause in pauses {
        let from = pause.from.max(counted_until);
        if from > leaves_at {
            break;
        }
        let until = pause.until?;
        if until > from {
            leaves_at += until - from;
            counted_until = until;
        }
    }
    Some(leaves_at)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + minutes * 60, 0).unwrap()
    }

    fn pause(from: i64, until: i64) -> Pause {
        Pause { from: at(from), until: Some(at(until)) }
    }

    #[test]
    fn a_pause_moves_what_it_covers_by_its_length() {
        assert_eq!(after_pauses(at(0), at(100), &[]), Some(at(100)));
        assert_eq!(after_pauses(at(0), at(100), &[pause(10, 40)]), Some(at(130)));
        assert_eq!(
            after_pauses(at(0), at(100), &[pause(100, 140)]),
            Some(at(140)),
            "it begins as the message would leave"
        );
        assert_eq!(after_pauses(at(0), at(100), &[pause(101, 140)]), Some(at(100)));
        assert_eq!(after_pauses(at(20), at(100), &[pause(10, 40)]), Some(at(120)), "counted in the middle of it");
        assert_eq!(
            after_pauses(at(0), at(100), &[pause(10, 40), pause(20, 50)]),
            Some(at(140)),
            "two at once count once"
        );
        assert_eq!(after_pauses(at(0), at(100), &[pause(10, 40), pause(120, 130)]), Some(at(140)));
    }

    #[test]
    fn a_pause_without_an_end_holds_what_is_due_in_it() {
        let open = Pause { from: at(50), until: None };
        assert_eq!(after_pauses(at(0), at(100), &[open]), None);
        assert_eq!(after_pauses(at(0), at(49), &[open]), Some(at(49)));
    }

    prop_compose! {
        /// Pauses that may overlap, the earliest first.
        fn pauses()(lengths in prop::collection::vec((0_i64..3_000, 0_i64..900), 0..6)) -> Vec<Pause> {
            let mut all: Vec<_> = lengths.into_iter().map(|(from, length)| pause(from, from + length)).collect();
            all.sort_by_key(|pause| pause.from);
            all
        }
    }

    proptest! {
        #[test]
        fn nothing_leaves_in_a_pause_is_dropped_or_bunches(pauses in pauses(), wanted in prop::collection::vec(0_i64..4_000, 1..13)) {
            let mut wanted = wanted;
            wanted.sort_unstable();
            let left: Vec<_> = wanted.iter().map(|wanted| after_pauses(at(0), at(*wanted), &pauses).unwrap()).collect();
            for (wanted, left) in wanted.iter().zip(&left) {
                prop_assert!(*left >= at(*wanted));
                prop_assert!(pauses.iter().all(|pause| *left < pause.from || Some(*left) >= pause.until), "{left}");
            }
            for (wanted, left) in wanted.windows(2).zip(left.windows(2)) {
                prop_assert!(left[1] - left[0] >= TimeDelta::minutes(wanted[1] - wanted[0]));
            }
        }

        /// The pipeline looks when a message is due, and knows only the pauses that have begun; it counts anew from there.
        #[test]
        fn however_often_it_is_looked_at_it_leaves_at_the_same_instant(pauses in pauses(), wanted in 0_i64..4_000) {
            let at_once = after_pauses(at(0), at(wanted), &pauses);
            let (mut counted_from, mut due, mut now) = (at(0), at(wanted), at(wanted));
            for _ in 0..20 {
                let begun: Vec<_> = pauses.iter().filter(|pause| pause.from <= now).map(|pause| {
                    Pause { until: pause.until.filter(|until| *until <= now), ..*pause }
                }).collect();
                match after_pauses(counted_from, due, &begun) {
                    Some(leaves_at) if leaves_at <= now => break,
                    Some(leaves_at) => (counted_from, due, now) = (now, leaves_at, leaves_at),
                    // Somebody resumes it.
                    None => now = pauses.iter().filter_map(|pause| pause.until).filter(|until| *until > now).min().unwrap(),
                }
            }
            prop_assert_eq!(Some(now), at_once);
        }
    }
}
