//! Times that a customer can choose from: free in the shop, and kept for them for a while.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Timelike as _, Utc};
use chrono_tz::Tz;
use domain::{AppointmentId, LeadId, OfferedSlot, Places, Slot, Taken, TenantId, TurnId};
use stage::{Context, Failure};
use store::{Fence, NewHold};
use uuid::Uuid;

use crate::{calendar::Calendars, known::Known};

/// What they would like; what is left out does not matter to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct When {
    pub(crate) day: Option<NaiveDate>,
    /// Not before this day.
    pub(crate) from: Option<NaiveDate>,
    pub(crate) part: Option<PartOfDay>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartOfDay {
    Morning,
    Afternoon,
}

impl When {
    fn holds(&self, slot: Slot, zone: Tz) -> bool {
        let local = slot.starts_at.with_timezone(&zone);
        let day = local.date_naive();
        let is_then = match self.part {
            None => true,
            Some(PartOfDay::Morning) => local.hour() < 12,
            Some(PartOfDay::Afternoon) => local.hour() >= 12,
        };
        self.day.is_none_or(|wanted| wanted == day) && self.from.is_none_or(|from| from <= day) && is_then
    }
}

/// For whom, in which answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ForWhom {
    pub(crate) tenant: TenantId,
    pub(crate) lead: LeadId,
    pub(crate) answer: TurnId,
    pub(crate) fence: Fence,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offered {
    pub(crate) slots: Vec<OfferedSlot>,
    /// By the wall's clock.
    pub(crate) held_until: DateTime<Utc>,
}

/// Keeps times for somebody, in the place of any that they were offered before.
pub(crate) async fn offer(
    cx: &Context,
    calendars: &Calendars,
    known: &Known,
    whom: ForWhom,
    service: Option<&str>,
    lasts: TimeDelta,
    when: &When,
) -> Result<Offered, Failure> {
    let (now, wall) = (cx.now(), cx.clock().wall());
    let held_until = wall + TimeDelta::minutes(known.booking.held_minutes.into());
    let location = known.location.id;
    let until = now + TimeDelta::days(i64::from(known.booking.days_ahead) + 7);
    let calendar = calendars.find(whom.tenant, &known.location, now, until).await;
    let mut tx = cx.begin(whom.tenant).await?;
    tx.appointments().lock_shop(location, wall).await?;
    tx.appointments().release_holds(whom.lead).await?;
    if let Some(calendar) = calendar {
        tx.appointments().take_in(location, calendar.from, calendar.until, &calendar.entries).await?;
    }
    let taken = tx.appointments().list_taken(location, now, until).await?;
    let places = Places { shop: &known.shop, rules: &known.booking, bays: known.bays, taken: &taken };
    let mut slots = Vec::new();
    for Taken { bay, during: slot } in choose(&places, lasts, when, now) {
        let id = AppointmentId::new(Uuid::new_v4());
        let hold = NewHold { id, lead: whom.lead, location, bay, slot, service, held_until };
        if tx.appointments().hold(&hold).await? {
            slots.push(OfferedSlot { hold: id, slot });
        }
    }
    cx.commit(tx).await?;
    Ok(Offered { slots, held_until })
}

/// Of all that are free, those that are offered, each with its bay: of the day that they asked for as many as there is room for, or else the
/// first of the morning and of the afternoon of each day. No two are in one bay at one time, because all are kept.
fn choose(places: &Places<'_>, lasts: TimeDelta, when: &When, now: DateTime<Utc>) -> Vec<Taken> {
    let zone = places.shop.zone;
    let half_of = |slot: Slot| {
        let local = slot.starts_at.with_timezone(&zone);
        (local.num_days_from_ce(), local.hour() >= 12)
    };
    let mut taken = places.taken.to_vec();
    let (mut chosen, mut halves) = (Vec::new(), BTreeSet::new());
    for slot in places.free(lasts, now).filter(|slot| when.holds(*slot, zone)) {
        if when.day.is_none() && halves.contains(&half_of(slot)) {
            continue;
        }
        let Some(bay) = (Places { taken: &taken, ..*places }).free_bays(slot).next() else { continue };
        halves.insert(half_of(slot));
        taken.push(Taken { bay, during: slot });
        chosen.push(Taken { bay, during: slot });
        if chosen.len() >= usize::from(places.rules.most_offered) {
            break;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use chrono_tz::America;
    use domain::{BookingRules, ShopCalendar};

    use super::*;

    #[test]
    fn without_a_wish_each_half_day_shows_its_first_time() {
        let shop = ShopCalendar {
            zone: America::New_York,
            hours: Some("mon-fri 09:00-15:00".parse().unwrap()),
            closed_on: vec![],
        };
        let rules = BookingRules { every_minutes: 60, most_offered: 4, ..BookingRules::default() };
        // Sunday.
        let now = "2026-03-08T16:00:00Z".parse().unwrap();
        let shown = |when: When, bays, lasts| -> Vec<String> {
            let places = Places { shop: &shop, rules: &rules, bays, taken: &[] };
            let chosen = choose(&places, TimeDelta::hours(lasts), &when, now);
            let local = |slot: Slot| slot.starts_at.with_timezone(&shop.zone).format("%d %H").to_string();
            chosen.iter().map(|taken| local(taken.during)).collect()
        };
        assert_eq!(shown(When::default(), 1, 1), ["09 09", "09 12", "10 09", "10 12"]);
        let tenth = NaiveDate::from_ymd_opt(2026, 3, 10);
        let on_the_tenth = When { day: tenth, ..When::default() };
        assert_eq!(shown(on_the_tenth, 1, 1), ["10 09", "10 10", "10 11", "10 12"]);
        assert_eq!(shown(on_the_tenth, 1, 3), ["10 09", "10 12"], "one bay has one car at a time");
        assert_eq!(shown(on_the_tenth, 2, 3), ["10 09", "10 10", "10 12"]);
        let afternoon = When { part: Some(PartOfDay::Afternoon), ..When::default() };
        assert_eq!(shown(afternoon, 1, 1), ["09 12", "10 12", "11 12", "12 12"]);
        assert_eq!(shown(When { from: tenth, ..When::default() }, 1, 1)[0], "10 09");
    }
}
