use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::{
    Because, Law, LegalWindow, Moved, State, WeekHours, Whereabouts, federal_holiday,
    law::{Holidays, StateLaw},
};
use crate::{AddressKind, Channel};

/// What a tenant chose beside the law.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OwnRules {
    /// Texts on Sundays start at noon, and none go out on federal holidays.
    pub quiet_sundays_and_holidays: bool,
    /// To one person, by all channels, within 24 hours.
    pub most_in_24h: u16,
    /// Between two messages of one follow-up.
    pub apart_minutes: u32,
    pub in_shop_hours: InShopHours,
}

/// Which texts wait until the shop is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InShopHours {
    #[default]
    None,
    /// All but the first, which is answered whenever somebody asks.
    FollowUps,
    All,
}

impl Default for OwnRules {
    fn default() -> Self {
        Self {
            quiet_sundays_and_holidays: true,
            most_in_24h: 3,
            apart_minutes: 240,
            in_shop_hours: InShopHours::default(),
        }
    }
}

/// When a shop is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopCalendar {
    pub zone: Tz,
    /// `None`: nobody has said, and nothing waits for it.
    pub hours: Option<WeekHours>,
    /// Days on which it is closed beside those.
    pub closed_on: Vec<NaiveDate>,
}

/// Everything that decides when somebody may be written to. Cheap to make; borrows all of it.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'r> {
    pub law: &'r Law,
    pub window: LegalWindow,
    pub own: &'r OwnRules,
    pub shop: &'r ShopCalendar,
}

/// A message that somebody wants to send.
#[derive(Debug, Clone, Copy)]
pub struct Sending<'s> {
    pub channel: Channel,
    pub at: DateTime<Utc>,
    /// Answers somebody who has just asked.
    pub is_first: bool,
    pub whereabouts: &'s Whereabouts,
    /// When this person was written to, by all channels, the oldest first. More than a day ago need not be there.
    pub sent: &'s [DateTime<Utc>],
}

/// When a message may leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Departure {
    Now,
    /// At the end of these moves.
    Later {
        at: DateTime<Utc>,
        moves: Vec<Moved>,
    },
    /// Not within two months.
    Never(Because),
}

const DAY: TimeDelta = TimeDelta::hours(24);
/// Each move goes forward to the next opening of something; a calendar of two months has fewer.
const MOST_MOVES: usize = 400;

impl Rules<'_> {
    /// The earliest instant, not before the wanted one, at which every rule lets this message leave.
    pub fn decide(&self, sending: &Sending<'_>) -> Departure {
        let mut at = sending.at;
        let mut moves: Vec<Moved> = Vec::new();
        for _ in 0..MOST_MOVES {
            match self.latest(&Sending { at, ..*sending }) {
                Err(because) => return Departure::Never(because),
                Ok(None) if moves.is_empty() => return Departure::Now,
                Ok(None) => return Departure::Later { at, moves },
                Ok(Some((to, because))) => {
                    moves.push(Moved { from: at, to, because });
                    at = to;
                }
            }
        }
        Departure::Never(moves.pop().map_or(Because::ShopHours, |last| last.because))
    }

    /// For how long from its instant on nothing but what they have had keeps it from leaving, in steps of half an hour and up to
    /// `most`. A vendor that has not sent it by then should not.
    pub fn open_for(&self, sending: &Sending<'_>, most: TimeDelta) -> TimeDelta {
        let is_open = |later: &TimeDelta| {
            let then = Sending { at: sending.at + *later, sent: &[], ..*sending };
            matches!(self.latest(&then), Ok(None))
        };
        let half_hours = (1_i32..).map(|count| TimeDelta::minutes(30) * count).take_while(|later| *later <= most);
        let soon = [15, 60, 120, 600].map(TimeDelta::seconds);
        soon.into_iter().chain(half_hours).take_while(is_open).last().unwrap_or(TimeDelta::seconds(5))
    }

    /// What forbids it for longest at this instant, and until when. `Err`: for ever.
    fn latest(&self, sending: &Sending<'_>) -> Result<Option<(DateTime<Utc>, Because)>, Because> {
        let mut latest: Option<(DateTime<Utc>, Because)> = None;
        let mut forbid = |until: DateTime<Utc>, because: Because| {
            if until > sending.at && latest.as_ref().is_none_or(|(before, _)| *before < until) {
                latest = Some((until, because));
            }
        };
        if sending.channel.writes_to() == AddressKind::Phone {
            for zone in sending.whereabouts.zones() {
                for row in self.law.rows(sending.whereabouts.states()) {
                    if let Some((until, because)) = lawful(row, sending.at, *zone)? {
                        forbid(until, because);
                    }
                }
                if let Some((until, because)) = self.own_hours(sending.at, *zone) {
                    forbid(until, because);
                }
            }
            if let Some(until) = self.shop_hours(sending)? {
                forbid(until, Because::ShopHours);
            }
        }
        if let Some((until, because)) = self.too_many(sending) {
            forbid(until, because);
        }
        let apart = TimeDelta::minutes(self.own.apart_minutes.into());
        if let Some(last) = sending.sent.last().filter(|_| !sending.is_first) {
            forbid(*last + apart, Because::TooSoon { apart_minutes: self.own.apart_minutes });
        }
        Ok(latest)
    }

    fn own_hours(&self, at: DateTime<Utc>, zone: Tz) -> Option<(DateTime<Utc>, Because)> {
        let opens = self.window.earliest(at, zone);
        if opens > at {
            return Some((opens, Because::OwnHours { zone }));
        }
        if !self.own.quiet_sundays_and_holidays {
            return None;
        }
        let day = at.with_timezone(&zone).date_naive();
        if let Some(name) = federal_holiday(day) {
            let tomorrow = next_day(day, zone);
            return Some((tomorrow, Because::Holiday { name: name.to_owned(), state: None }));
        }
        let noon = NaiveTime::from_hms_opt(12, 0, 0).unwrap_or_default();
        let is_sunday = chrono::Datelike::weekday(&day) == chrono::Weekday::Sun;
        let opens = super::instant(day, noon, zone);
        (is_sunday && at < opens).then_some((opens, Because::QuietSunday { zone }))
    }

    fn shop_hours(&self, sending: &Sending<'_>) -> Result<Option<DateTime<Utc>>, Because> {
        let waits = match self.own.in_shop_hours {
            InShopHours::None => false,
            InShopHours::FollowUps => !sending.is_first,
            InShopHours::All => true,
        };
        let Some(hours) = self.shop.hours.as_ref().filter(|_| waits) else { return Ok(None) };
        let is_closed = |day: NaiveDate| self.shop.closed_on.contains(&day);
        hours.earliest(sending.at, self.shop.zone, is_closed).map(Some).ok_or(Because::ShopHours)
    }

    /// The strictest of the caps that is reached, and when the oldest that counts is a day ago.
    fn too_many(&self, sending: &Sending<'_>) -> Option<(DateTime<Utc>, Because)> {
        let day = sending.at.with_timezone(&sending.whereabouts.zone()).date_naive();
        let lawful = self.law.rows(sending.whereabouts.states()).filter(|row| row.is_in_force(day));
        let lawful = lawful.filter_map(|row| Some((row.most_in_24h?, row.place.parse::<State>().ok())));
        let (most, state) = lawful.chain([(self.own.most_in_24h, None)]).min_by_key(|(most, _)| *most)?;
        let within: Vec<_> = sending.sent.iter().filter(|at| **at > sending.at - DAY).collect();
        let first_that_counts = within.len().checked_sub(usize::from(most))?;
        // Where none at all is allowed there is nothing to wait for, and the caller is told so a day later, again and again.
        let oldest = within.get(first_that_counts).map_or(sending.at, |at| **at);
        Some((oldest + DAY, Because::TooMany { most, state }))
    }
}

fn lawful(row: &StateLaw, at: DateTime<Utc>, zone: Tz) -> Result<Option<(DateTime<Utc>, Because)>, Because> {
    let day = at.with_timezone(&zone).date_naive();
    if !row.is_in_force(day) {
        return Ok(None);
    }
    let state = row.place.parse::<State>().ok();
    if let (Holidays::Closed, Some(name)) = (row.holidays, federal_holiday(day)) {
        return Ok(Some((next_day(day, zone), Because::Holiday { name: name.to_owned(), state })));
    }
    let because = || match state {
        Some(state) => Because::StateHours { state, zone, source: row.source.clone() },
        None => Because::FederalHours { zone },
    };
    match row.hours.earliest(at, zone, |_| false) {
        Some(opens) if opens > at => Ok(Some((opens, because()))),
        Some(_) => Ok(None),
        None => Err(because()),
    }
}

fn next_day(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let tomorrow = day.checked_add_days(chrono::Days::new(1)).unwrap_or(day);
    super::instant(tomorrow, NaiveTime::MIN, zone)
}
