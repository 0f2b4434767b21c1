//! The federal and the states' rules about messages that mean to sell, as data with dates.
//!
//! `data/messaging_law.json` has a row for each rule: where, which hours on which days, whether holidays are open, how many within a day,
//! since and until when, from which source, and how certain that is. None of it is legal advice.

use std::{collections::HashMap, sync::LazyLock};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{State, WeekHours};

/// How well a rule is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    Confirmed,
    /// By secondary sources alone.
    Inferred,
    /// Sources disagree; the stricter is taken.
    Conflicting,
}

/// One rule, in force within its dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateLaw {
    /// `US`, or a state.
    #[serde(rename = "where")]
    pub place: String,
    pub hours: WeekHours,
    /// On federal holidays.
    #[serde(default)]
    pub holidays: Holidays,
    /// To one person, whatever about.
    #[serde(default)]
    pub most_in_24h: Option<u16>,
    /// Absent: ever since.
    #[serde(default)]
    pub since: Option<NaiveDate>,
    /// The last day. Absent: for good.
    #[serde(default)]
    pub until: Option<NaiveDate>,
    pub source: String,
    pub certainty: Certainty,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holidays {
    #[default]
    Open,
    Closed,
}

impl StateLaw {
    pub fn is_in_force(&self, day: NaiveDate) -> bool {
        self.since.is_none_or(|since| since <= day) && self.until.is_none_or(|until| day <= until)
    }
}

/// Every rule that is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Law {
    federal: Vec<StateLaw>,
    states: HashMap<State, Vec<StateLaw>>,
}

static OURS: LazyLock<Law> = LazyLock::new(|| {
    // A test reads it; a table that could not be read would leave everything open.
    serde_json::from_str(include_str!("../../data/messaging_law.json")).map(Law::new).unwrap_or_default()
});

impl Law {
    /// As it is shipped.
    pub fn ours() -> &'static Self {
        &OURS
    }

    pub fn new(rows: Vec<StateLaw>) -> Self {
        let mut law = Self::default();
        for row in rows {
            match row.place.parse::<State>() {
                Ok(state) => law.states.entry(state).or_default().push(row),
                Err(_) => law.federal.push(row),
            }
        }
        law
    }

    /// What holds everywhere, and in these states, on whatever day.
    pub(super) fn rows<'l>(&'l self, states: &'l [State]) -> impl Iterator<Item = &'l StateLaw> {
        let own = states.iter().filter_map(|state| self.states.get(state)).flatten();
        self.federal.iter().chain(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_law_is_read_and_says_where_it_is_from() {
        let rows: Vec<StateLaw> = serde_json::from_str(include_str!("../../data/messaging_law.json")).unwrap();
        assert!(rows.iter().all(|row| row.place == "US" || row.place.parse::<State>().is_ok()), "a place nobody knows");
        assert!(rows.iter().all(|row| !row.source.is_empty()));
        assert_eq!(Law::ours().federal.len(), 1);
        assert_eq!(Law::ours().rows(&["FL".parse().unwrap()]).count(), 2);
    }

    #[test]
    fn a_rule_holds_within_its_dates() {
        let rows: Vec<StateLaw> = serde_json::from_str(include_str!("../../data/messaging_law.json")).unwrap();
        let pennsylvania = rows.iter().find(|row| row.place == "PA").unwrap();
        assert!(!pennsylvania.is_in_force(NaiveDate::from_ymd_opt(2026, 10, 17).unwrap()));
        assert!(pennsylvania.is_in_force(NaiveDate::from_ymd_opt(2026, 10, 18).unwrap()));
    }
}
