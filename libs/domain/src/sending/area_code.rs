//! Where a telephone number's area code lies.
//!
//! Source of `data/area_codes.csv`: the North American Numbering Plan Administrator's list of area codes by state and province
//! (nanpa.com), and the zones of their counties. People take their numbers along when they move, so this is a hint and not a proof.

use std::{collections::HashMap, sync::LazyLock};

use chrono_tz::Tz;

use super::State;
use crate::E164;

/// What is known of an area code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    /// `None`: it is in Canada.
    pub state: Option<State>,
    /// All that it has places in; the one most of it has comes first.
    pub zones: Vec<Tz>,
}

static AREAS: LazyLock<HashMap<&'static str, Area>> =
    LazyLock::new(|| include_str!("../../data/area_codes.csv").lines().skip(1).filter_map(read).collect());

fn read(line: &'static str) -> Option<(&'static str, Area)> {
    let mut columns = line.split(',');
    let (code, state, zones) = (columns.next()?, columns.next()?, columns.next()?);
    let zones: Vec<Tz> = zones.split(' ').filter_map(|zone| zone.parse().ok()).collect();
    Some((code, Area { state: state.parse().ok(), zones }))
}

impl E164 {
    /// Where its area code lies. `None`: it is of another country, or of no place, as a toll-free one is.
    pub fn area(&self) -> Option<&'static Area> {
        AREAS.get(self.as_str().strip_prefix("+1")?.get(..3)?)
    }

    /// The time zone of its area code, where it has one alone.
    pub fn time_zone(&self) -> Option<Tz> {
        match self.area()?.zones.as_slice() {
            [zone] => Some(*zone),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America, Pacific};

    use super::*;

    fn zone(number: &str) -> Option<Tz> {
        E164::parse(number).unwrap().time_zone()
    }

    #[test]
    fn an_area_code_that_lies_in_one_zone_says_which() {
        assert_eq!(zone("+1 813 555 0142"), Some(America::New_York));
        assert_eq!(zone("+1 512 555 0142"), Some(America::Chicago));
        assert_eq!(zone("+1 602 555 0142"), Some(America::Phoenix));
        assert_eq!(zone("+1 808 555 0142"), Some(Pacific::Honolulu));
        assert_eq!(zone("+1 416 555 0142"), Some(America::Toronto));
    }

    #[test]
    fn one_that_lies_in_two_or_elsewhere_says_nothing_by_itself() {
        for number in ["+1 850 555 0142", "+1 208 555 0142", "+1 605 555 0142", "+44 20 7946 0018", "+1 800 555 0142"] {
            assert_eq!(zone(number), None, "{number}");
        }
        let panhandle = E164::parse("+1 850 555 0142").unwrap();
        assert_eq!(panhandle.area().unwrap().zones, [America::New_York, America::Chicago]);
        assert_eq!(panhandle.area().unwrap().state.map(|state| state.to_string()).as_deref(), Some("FL"));
    }

    #[test]
    fn numbers_of_other_countries_that_share_the_plan_are_not_ours() {
        for (number, is_ours) in [
            ("+1 512 555 0142", true),
            ("+1 604 555 0142", true),
            ("+1 787 555 0142", true),
            ("+1 800 555 0142", true),
            ("+1 876 555 0142", false),
            ("+1 809 555 0142", false),
            ("+44 20 7946 0018", false),
        ] {
            assert_eq!(E164::parse(number).unwrap().is_north_american(), is_ours, "{number}");
        }
        assert!(AREAS.keys().all(|code| E164::parse(&format!("+1{code}5550142")).unwrap().is_north_american()));
    }

    #[test]
    fn every_line_of_the_data_is_read_and_no_code_stands_there_twice() {
        let lines = include_str!("../../data/area_codes.csv").lines().count() - 1;
        assert_eq!(AREAS.len(), lines);
        for (code, area) in AREAS.iter() {
            assert!(code.len() == 3 && code.bytes().all(|digit| digit.is_ascii_digit()), "{code}");
            assert!(!area.zones.is_empty(), "{code}");
        }
    }
}
