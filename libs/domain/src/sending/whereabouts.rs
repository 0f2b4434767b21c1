use chrono_tz::{America, Tz};

use super::State;
use crate::{E164, ZoneSource};

/// Where somebody may be, and how that is known. Where they may be in several places, what is lawful has to be so in all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    zones: Vec<Tz>,
    states: Vec<State>,
    source: ZoneSource,
}

/// Whose number is of no place, such as a toll-free one, may be in any of these.
const CONTIGUOUS: [Tz; 4] = [America::New_York, America::Chicago, America::Denver, America::Los_Angeles];

impl Whereabouts {
    /// Nobody tells us where they are: their area code says where they had their number from, and the shop they ask is near them.
    /// What the two disagree about is decided for the stricter.
    pub fn of(phone: Option<&E164>, shop_zone: Tz, shop_state: Option<State>) -> Self {
        let area = phone.and_then(E164::area);
        let mut zones = area.map(|area| area.zones.clone()).unwrap_or_default();
        if !zones.contains(&shop_zone) {
            zones.push(shop_zone);
        }
        if phone.is_some() && area.is_none() {
            zones.extend(CONTIGUOUS.into_iter().filter(|zone| *zone != shop_zone));
        }
        let mut states: Vec<_> = area.and_then(|area| area.state).into_iter().chain(shop_state).collect();
        states.dedup();
        Self { zones, states, source: if area.is_some() { ZoneSource::AreaCode } else { ZoneSource::Shop } }
    }

    /// The likeliest first.
    pub fn zones(&self) -> &[Tz] {
        &self.zones
    }

    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// How the likeliest of them is known.
    pub fn source(&self) -> ZoneSource {
        self.source
    }

    /// By this clock they are shown their own time.
    pub fn zone(&self) -> Tz {
        self.zones.first().copied().unwrap_or(Tz::UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_number_is_of_no_place_may_be_anywhere() {
        let phone = E164::parse("+1 800 555 0142").unwrap();
        let anywhere = Whereabouts::of(Some(&phone), America::Denver, None);
        assert_eq!((anywhere.zones().len(), anywhere.zone()), (4, America::Denver));
    }

    #[test]
    fn a_canadian_is_not_texted_by_the_clock_of_the_shop_alone() {
        let phone = E164::parse("+1 604 555 0142").unwrap();
        let here = Whereabouts::of(Some(&phone), America::New_York, "FL".parse().ok());
        assert!(here.zones().contains(&America::Vancouver) && here.zones().contains(&America::New_York));
        assert_eq!(here.states().len(), 1);
    }

    #[test]
    fn a_number_from_elsewhere_counts_beside_the_shop() {
        let phone = E164::parse("+1 212 555 0142").unwrap();
        let colorado = "CO".parse().ok();
        let moved = Whereabouts::of(Some(&phone), America::Denver, colorado);
        assert_eq!(moved.zones(), [America::New_York, America::Denver]);
        assert_eq!(moved.states().iter().map(State::as_str).collect::<Vec<_>>(), ["NY", "CO"]);
        let unknown = Whereabouts::of(None, America::Denver, colorado);
        assert_eq!((unknown.zones(), unknown.source()), (&[America::Denver][..], ZoneSource::Shop));
        let local = E164::parse("+1 303 555 0142").unwrap();
        assert_eq!(Whereabouts::of(Some(&local), America::Denver, colorado).zones().len(), 1);
    }
}
