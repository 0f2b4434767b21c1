//! The plan of a follow-up: which touch, on which day, by which channel, at which hour of the shop.

use std::collections::HashSet;

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{Channel, legal_window::instant};

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CadenceError {
    #[error("a cadence needs at least one step")]
    Empty,
    #[error("step {step}: its day ({day}) is before the day of the step in front of it")]
    OutOfOrder { step: usize, day: u16 },
    #[error("step {step}: only a step on day 0 may leave out its hour (\"at\")")]
    NoHour { step: usize },
    #[error("step {step}: day {day} is beyond the longest follow-up of {longest} days")]
    TooLong { step: usize, day: u16, longest: u16 },
    #[error("step {step}: template \"{template}\" is used by an earlier step; nobody wants the same text twice")]
    SameTemplate { step: usize, template: String },
}

/// The steps of a follow-up, in the order they happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Step>", into = "Vec<Step>")]
pub struct Cadence(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Days after the lead was created, on the shop's calendar.
    pub day: u16,
    /// The shop's wall-clock time. Absent: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<NaiveTime>,
    pub channel: Channel,
    pub template: String,
}

/// One step, worked out for one lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedTouch {
    pub step: u16,
    pub channel: Channel,
    pub template: String,
    pub due_at: DateTime<Utc>,
}

const LONGEST_DAYS: u16 = 365;

impl TryFrom<Vec<Step>> for Cadence {
    type Error = CadenceError;

    fn try_from(steps: Vec<Step>) -> Result<Self, Self::Error> {
        if steps.is_empty() {
            return Err(CadenceError::Empty);
        }
        let mut templates = HashSet::new();
        for (index, step) in steps.iter().enumerate() {
            let number = index + 1;
            if index > 0 && step.day < steps[index - 1].day {
                return Err(CadenceError::OutOfOrder { step: number, day: step.day });
            }
            if step.at.is_none() && step.day > 0 {
                return Err(CadenceError::NoHour { step: number });
            }
            if step.day > LONGEST_DAYS {
                return Err(CadenceError::TooLong { step: number, day: step.day, longest: LONGEST_DAYS });
            }
            if !templates.insert(&step.template) {
                return Err(CadenceError::SameTemplate { step: number, template: step.template.clone() });
            }
        }
        Ok(Self(steps))
    }
}

impl From<Cadence> for Vec<Step> {
    fn from(cadence: Cadence) -> Self {
        cadence.0
    }
}

impl Default for Cadence {
    /// Thirteen touches in thirty days, texts and emails in turn, starting with a text at once.
    fn default() -> Self {
        let hour = |h, m| NaiveTime::from_hms_opt(h, m, 0);
        let hours = [hour(10, 30), hour(16, 0), hour(12, 15), hour(17, 30)];
        let steps = [0, 1, 3, 5, 7, 10, 13, 16, 19, 22, 25, 27, 30]
            .into_iter()
            .enumerate()
            .map(|(index, day)| Step {
                day,
                at: if day == 0 { None } else { hours[index % hours.len()] },
                channel: if index % 2 == 0 { Channel::Sms } else { Channel::Email },
                template: format!("day_{day}"),
            })
            .collect();
        Self(steps)
    }
}

impl Cadence {
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The touches of a lead that came in at `created_at`, as seen at `now`.
    ///
    /// `can` says which channels reach this customer; a step whose own channel does not falls to the other one. Steps
    /// whose day has passed (a lead found late) are left out, all but the newest of them, which goes out now: a customer
    /// gets one text for the time we missed, not all of it at once.
    pub fn plan(
        &self,
        created_at: DateTime<Utc>,
        now: DateTime<Utc>,
        shop: Tz,
        can: impl Fn(Channel) -> bool,
    ) -> Vec<PlannedTouch> {
        let first_day = created_at.with_timezone(&shop).date_naive();
        let mut touches: Vec<PlannedTouch> = Vec::with_capacity(self.0.len());
        for (step, number) in self.0.iter().zip(1..) {
            let Some(channel) = [step.channel, step.channel.other()].into_iter().find(|channel| can(*channel)) else {
                continue;
            };
            let due_at = match step.at {
                None => created_at,
                Some(at) => instant(first_day + Days::new(u64::from(step.day)), at, shop),
            };
            let touch = PlannedTouch { step: number, channel, template: step.template.clone(), due_at };
            if due_at <= now {
                // The touches so far are all late: this one is the newest of them.
                touches.clear();
                touches.push(PlannedTouch { due_at: now, ..touch });
            } else {
                touches.push(touch);
            }
        }
        touches
    }

    /// When a lead that never answered is given up: a day after its last touch.
    pub fn gives_up_at<'t>(touches: impl IntoIterator<Item = &'t PlannedTouch>) -> Option<DateTime<Utc>> {
        touches.into_iter().map(|touch| touch.due_at).max().map(|last| last + TimeDelta::days(1))
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America, TZ_VARIANTS};
    use proptest::prelude::*;

    use super::*;
    use crate::LegalWindow;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_default_is_thirteen_touches_in_thirty_days_in_turn() {
        let created = utc("2026-01-10T18:00:00Z");
        let touches = Cadence::default().plan(created, created, America::Denver, |_| true);
        let days: Vec<_> = touches
            .iter()
            .map(|t| (t.due_at.with_timezone(&America::Denver).date_naive() - created.date_naive()).num_days())
            .collect();
        assert_eq!(days, [0, 1, 3, 5, 7, 10, 13, 16, 19, 22, 25, 27, 30]);
        assert_eq!(touches[0].due_at, created);
        assert!(touches.iter().enumerate().all(|(i, t)| (t.channel == Channel::Sms) == (i % 2 == 0)));
    }

    #[test]
    fn a_customer_without_a_phone_gets_every_touch_by_email() {
        let created = utc("2026-01-10T18:00:00Z");
        let touches = Cadence::default().plan(created, created, America::Denver, |c| c == Channel::Email);
        assert_eq!(touches.len(), 13);
        assert!(touches.iter().all(|t| t.channel == Channel::Email));
        assert!(Cadence::default().plan(created, created, America::Denver, |_| false).is_empty());
    }

    #[test]
    fn a_lead_found_a_week_late_gets_one_text_now_and_what_remains() {
        let created = utc("2026-01-10T18:00:00Z");
        let now = created + TimeDelta::days(8);
        let touches = Cadence::default().plan(created, now, America::Denver, |_| true);
        assert_eq!(touches.len(), 9);
        assert_eq!(touches[0].due_at, now);
        assert_eq!(touches[0].step, 5, "the newest of the missed touches");
        assert!(touches[1..].iter().all(|t| t.due_at > now));
    }

    #[test]
    fn a_bad_cadence_says_which_step_is_wrong() {
        let step = |day, at: Option<&str>, template: &str| Step {
            day,
            at: at.map(|t| t.parse().unwrap()),
            channel: Channel::Sms,
            template: template.into(),
        };
        let refuse = |steps: Vec<Step>| Cadence::try_from(steps).unwrap_err();
        assert_eq!(refuse(vec![]), CadenceError::Empty);
        assert_eq!(refuse(vec![step(0, None, "a"), step(2, None, "b")]), CadenceError::NoHour { step: 2 });
        assert_eq!(
            refuse(vec![step(3, Some("10:00:00"), "a"), step(1, Some("10:00:00"), "b")]),
            CadenceError::OutOfOrder { step: 2, day: 1 }
        );
        assert!(matches!(refuse(vec![step(0, None, "a"), step(0, None, "a")]), CadenceError::SameTemplate { .. }));
    }

    proptest! {
        #[test]
        fn later_touches_fall_into_sensible_hours_and_never_bunch_up(
            seconds in 1_577_836_800_i64..2_208_988_800, late_hours in 0_i64..800,
            zone in prop::sample::select(&TZ_VARIANTS[..]),
        ) {
            let created = DateTime::from_timestamp(seconds, 0).unwrap();
            let now = created + TimeDelta::hours(late_hours);
            let touches = Cadence::default().plan(created, now, zone, |_| true);
            prop_assert!(!touches.is_empty());
            prop_assert!(touches.windows(2).all(|pair| pair[0].step < pair[1].step && pair[0].due_at < pair[1].due_at));
            prop_assert!(touches.iter().all(|touch| touch.due_at >= now));
            let window = LegalWindow::default();
            prop_assert!(touches[1..].iter().all(|touch| window.is_open(touch.due_at, zone)));
            prop_assert!(touches.iter().filter(|touch| touch.due_at == now).count() <= 1);
        }
    }
}
