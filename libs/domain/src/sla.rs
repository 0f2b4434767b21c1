//! How soon a person answers whoever asked: a clock that runs while the shop is open.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{Heat, ShopCalendar, WeekHours};

/// What a tenant promises: so many minutes, of those in which the shop is open, until a person has answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SlaRules {
    /// Whether clocks run at all.
    pub is_kept: bool,
    pub hot_minutes: u32,
    pub warm_minutes: u32,
    pub cold_minutes: u32,
    /// Of that time, after which the staff is told that it runs out.
    pub warn_at_percent: u8,
    /// For which a breach waits for somebody to take it, before the next level of the staff is told.
    pub escalate_after_minutes: u32,
}

impl Default for SlaRules {
    fn default() -> Self {
        Self {
            is_kept: true,
            hot_minutes: 15,
            warm_minutes: 60,
            cold_minutes: 24 * 60,
            warn_at_percent: 80,
            escalate_after_minutes: 15,
        }
    }
}

/// When a clock that starts now warns, and when its time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlaTimes {
    pub warn_at: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
}

impl SlaRules {
    /// `None`: no clock runs, because none is kept, or the shop does not open within two months.
    pub fn times(&self, heat: Option<Heat>, asked_at: DateTime<Utc>, shop: &ShopCalendar) -> Option<SlaTimes> {
        let minutes = match heat {
            Some(Heat::Hot) => self.hot_minutes,
            Some(Heat::Warm) => self.warm_minutes,
            // What came before heat was kept is as cold as can be.
            Some(Heat::Cold) | None => self.cold_minutes,
        };
        let open_for = TimeDelta::minutes(minutes.into());
        let warned_after = open_for * i32::from(self.warn_at_percent.min(100)) / 100;
        let times = SlaTimes {
            warn_at: shop.after_open(asked_at, warned_after)?,
            due_at: shop.after_open(asked_at, open_for)?,
        };
        self.is_kept.then_some(times)
    }

    /// Whether these can be kept; what is wrong with them, in words.
    pub fn check(&self) -> Result<(), String> {
        let Self { hot_minutes, warm_minutes, cold_minutes, warn_at_percent, escalate_after_minutes, .. } = self;
        if *hot_minutes == 0 || hot_minutes > warm_minutes || warm_minutes > cold_minutes {
            return Err(format!(
                "sla: {hot_minutes}, {warm_minutes} and {cold_minutes} minutes: hot has to be the shortest, and none of them 0"
            ));
        }
        if *cold_minutes > 30 * 24 * 60 {
            return Err(format!("sla: {cold_minutes} minutes are longer than any follow-up"));
        }
        if *warn_at_percent == 0 || *warn_at_percent > 99 {
            return Err(format!("sla: warn_at_percent is {warn_at_percent}; write a number from 1 to 99"));
        }
        if *escalate_after_minutes == 0 {
            return Err("sla: escalate_after_minutes is 0; the next level would be told at once".to_owned());
        }
        Ok(())
    }
}

impl ShopCalendar {
    /// When the shop has been open for so long since `at`. A shop that has not said its hours has the usual ones.
    pub fn after_open(&self, at: DateTime<Utc>, open_for: TimeDelta) -> Option<DateTime<Utc>> {
        let usual;
        let hours = if let Some(hours) = &self.hours {
            hours
        } else {
            usual = WeekHours::usual();
            &usual
        };
        hours.after_open(at, open_for, self.zone, |day| self.closed_on.contains(&day))
    }
}

/// How far a lead's clock has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlaClock {
    pub times: SlaTimes,
    pub warned_at: Option<DateTime<Utc>>,
    pub breached_at: Option<DateTime<Utc>>,
    /// The highest level that was told.
    pub level: u8,
    /// When it was told.
    pub told_at: Option<DateTime<Utc>>,
    /// Somebody has taken it, so nobody further is told.
    pub acknowledged_at: Option<DateTime<Utc>>,
}

/// What a clock asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlaStep {
    /// Its time runs out.
    Warn,
    /// Nobody has answered in time.
    Breach,
    /// Nobody has taken the breach: the next level hears of it.
    Escalate { level: u8 },
}

impl SlaStep {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warn => "sla_warning",
            Self::Breach => "sla_breach",
            Self::Escalate { .. } => "sla_escalation",
        }
    }

    /// Who hears of it.
    pub fn level(self) -> u8 {
        match self {
            Self::Warn | Self::Breach => 0,
            Self::Escalate { level } => level,
        }
    }
}

impl SlaClock {
    /// What is to be done now, and when to look again: `None`, when there is nothing left to do. `highest_level`: of the staff that
    /// can be told.
    pub fn step(
        &self,
        now: DateTime<Utc>,
        highest_level: u8,
        rules: &SlaRules,
        shop: &ShopCalendar,
    ) -> (Option<SlaStep>, Option<DateTime<Utc>>) {
        let escalates_after = TimeDelta::minutes(rules.escalate_after_minutes.into());
        let escalates_at = |told_at| shop.after_open(told_at, escalates_after);
        if self.breached_at.is_none() {
            return if now >= self.times.due_at {
                let next = (highest_level > 0 && self.acknowledged_at.is_none()).then(|| escalates_at(now)).flatten();
                (Some(SlaStep::Breach), next)
            } else if self.warned_at.is_none() && self.acknowledged_at.is_none() && now >= self.times.warn_at {
                (Some(SlaStep::Warn), Some(self.times.due_at))
            } else if self.warned_at.is_none() && now < self.times.warn_at {
                (None, Some(self.times.warn_at))
            } else {
                (None, Some(self.times.due_at))
            };
        }
        let Some(told_at) = self.told_at.filter(|_| self.acknowledged_at.is_none() && self.level < highest_level)
        else {
            return (None, None);
        };
        match escalates_at(told_at) {
            Some(at) if now >= at => {
                let level = self.level + 1;
                (Some(SlaStep::Escalate { level }), (level < highest_level).then(|| escalates_at(now)).flatten())
            }
            later => (None, later),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::America;

    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// Open from 8 to 12 and from 13:30 to 18 on weekdays, in Denver; closed on the first Monday.
    fn shop() -> ShopCalendar {
        ShopCalendar {
            zone: America::Denver,
            hours: "mon-fri 08:00-12:00 13:30-18:00".parse().ok(),
            closed_on: vec!["2026-01-12".parse().unwrap()],
        }
    }

    #[test]
    fn a_clock_stands_still_over_noon_over_night_over_the_weekend_and_on_holidays() {
        let rules = SlaRules::default();
        let due = |heat, at| rules.times(Some(heat), utc(at), &shop()).unwrap().due_at;
        // Friday, 10 in the morning in Denver.
        assert_eq!(due(Heat::Hot, "2026-01-09T17:00:00Z"), utc("2026-01-09T17:15:00Z"));
        assert_eq!(due(Heat::Hot, "2026-01-09T18:55:00Z"), utc("2026-01-09T20:40:00Z"), "over noon");
        assert_eq!(
            due(Heat::Warm, "2026-01-10T00:30:00Z"),
            utc("2026-01-13T15:30:00Z"),
            "over a weekend and a holiday"
        );
        assert_eq!(due(Heat::Hot, "2026-01-10T12:00:00Z"), utc("2026-01-13T15:15:00Z"), "asked on a Saturday");
        // Eight and a half hours a day: what is left of Friday, then Tuesday, and so on.
        assert_eq!(
            due(Heat::Cold, "2026-01-09T15:00:00Z"),
            utc("2026-01-14T22:00:00Z") + TimeDelta::hours(1) + TimeDelta::minutes(30)
        );
    }

    #[test]
    fn a_clock_warns_breaches_and_goes_up_until_somebody_takes_it() {
        let rules = SlaRules::default();
        let asked = utc("2026-01-09T17:00:00Z");
        let times = rules.times(Some(Heat::Hot), asked, &shop()).unwrap();
        let at = |minutes| asked + TimeDelta::minutes(minutes);
        let mut clock =
            SlaClock { times, warned_at: None, breached_at: None, level: 0, told_at: None, acknowledged_at: None };
        let step = |clock: &SlaClock, minutes| clock.step(at(minutes), 2, &rules, &shop());
        assert_eq!(step(&clock, 1), (None, Some(at(12))));
        assert_eq!(step(&clock, 12), (Some(SlaStep::Warn), Some(at(15))));
        assert_eq!(
            step(&clock, 20),
            (Some(SlaStep::Breach), Some(at(35))),
            "after an outage there is nothing to warn of"
        );
        clock.warned_at = Some(at(12));
        assert_eq!(step(&clock, 13), (None, Some(at(15))));
        clock.breached_at = Some(at(15));
        clock.told_at = Some(at(15));
        assert_eq!(step(&clock, 16), (None, Some(at(30))));
        assert_eq!(step(&clock, 30), (Some(SlaStep::Escalate { level: 1 }), Some(at(45))));
        clock.level = 1;
        clock.told_at = Some(at(30));
        assert_eq!(step(&clock, 45), (Some(SlaStep::Escalate { level: 2 }), None), "nobody is above them");
        clock.acknowledged_at = Some(at(40));
        assert_eq!(step(&clock, 45), (None, None));
    }

    #[test]
    fn promises_that_nobody_could_keep_are_refused() {
        assert!(SlaRules::default().check().is_ok());
        assert!(SlaRules { hot_minutes: 90, ..SlaRules::default() }.check().is_err());
        assert!(SlaRules { warn_at_percent: 100, ..SlaRules::default() }.check().is_err());
        assert!(SlaRules { escalate_after_minutes: 0, ..SlaRules::default() }.check().is_err());
    }
}
