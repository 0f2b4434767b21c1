//! The time machine: a whole follow-up on a clock of its own, by the rules that whoever sends asks.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::{
    PlannedTouch,
    sending::{Because, Departure, Moved, Rules, Sending, Whereabouts},
};

/// A touch and what becomes of it, if nobody answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewedTouch {
    /// As the cadence wants it.
    pub touch: PlannedTouch,
    /// From there to when it leaves, each with its rule.
    pub moves: Vec<Moved>,
    pub ending: Ending,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    Sent(DateTime<Utc>),
    Withheld(Because),
}

/// Plays touches to their end. `sent`: when this person was written to before, the oldest first.
pub fn preview(
    touches: &[PlannedTouch],
    rules: &Rules<'_>,
    whereabouts: &Whereabouts,
    sent: &[DateTime<Utc>],
) -> Vec<PreviewedTouch> {
    let mut sent = sent.to_vec();
    let mut moves: Vec<Vec<Moved>> = vec![Vec::new(); touches.len()];
    let mut endings: Vec<Option<Ending>> = vec![None; touches.len()];
    // In the order in which they come up; of those at one instant, the earlier step first.
    let mut waiting: BTreeSet<(DateTime<Utc>, usize)> =
        touches.iter().enumerate().map(|(place, touch)| (touch.due_at, place)).collect();
    while let Some((at, place)) = waiting.pop_first() {
        let touch = &touches[place];
        let is_first = touch.step == touches.first().map_or(1, |first| first.step);
        match rules.decide(&Sending { channel: touch.channel, at, is_first, whereabouts, sent: &sent }) {
            Departure::Now => {
                sent.push(at);
                endings[place] = Some(Ending::Sent(at));
            }
            Departure::Later { at, moves: further } => {
                moves[place].extend(further);
                waiting.insert((at, place));
            }
            Departure::Never(because) => endings[place] = Some(Ending::Withheld(because)),
        }
    }
    let ended = touches.iter().cloned().zip(moves).zip(endings);
    ended.filter_map(|((touch, moves), ending)| Some(PreviewedTouch { touch, moves, ending: ending? })).collect()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use chrono_tz::{TZ_VARIANTS, Tz};
    use proptest::prelude::*;

    use super::*;
    use crate::{
        AddressKind, Cadence, CadencePreset, Channel, E164, Law, LegalWindow, OwnRules, Planning, ShopCalendar, State,
        WeekHours, federal_holiday,
    };

    fn shop(zone: Tz) -> ShopCalendar {
        let hours = r#"[{"days":["mon","tue","wed","thu","fri"],"opens":"08:00","closes":"18:00"}]"#;
        ShopCalendar { zone, hours: serde_json::from_str::<WeekHours>(hours).ok(), closed_on: Vec::new() }
    }

    #[derive(Debug)]
    struct Case {
        cadence: Cadence,
        own: OwnRules,
        shop: ShopCalendar,
        whereabouts: Whereabouts,
        created_at: DateTime<Utc>,
        late: TimeDelta,
        /// Whoever gets texts gets them there.
        by_whatsapp: bool,
    }

    impl Case {
        fn play(&self) -> (Vec<PlannedTouch>, Vec<PreviewedTouch>) {
            let rules = Rules { law: Law::ours(), window: LegalWindow::default(), own: &self.own, shop: &self.shop };
            let mut touches = self.cadence.plan(&Planning {
                created_at: self.created_at,
                now: self.created_at + self.late,
                can: &|_| true,
                heat: None,
                total_cents: 0,
                has_vehicle: true,
                rules: &rules,
                whereabouts: &self.whereabouts,
            });
            for touch in touches.iter_mut().filter(|touch| self.by_whatsapp && touch.channel == Channel::Sms) {
                touch.channel = Channel::Whatsapp;
            }
            let played = preview(&touches, &rules, &self.whereabouts, &[]);
            (touches, played)
        }
    }

    const STATES: [&str; 12] = ["FL", "TX", "RI", "ME", "AL", "OK", "KY", "NV", "CA", "PA", "CO", "HI"];

    prop_compose! {
        fn cases()(
            seconds in 1_577_836_800_i64..2_208_988_800, late_hours in 0_i64..800, area in 200_u32..999,
            zone in prop::sample::select(&TZ_VARIANTS[..]), state in prop::sample::select(&STATES[..]),
            preset in prop::sample::select(&CadencePreset::ALL[..]), apart_minutes in 0_u32..2_000, most_in_24h in 1_u16..5,
            quiet in any::<bool>(), by_whatsapp in any::<bool>(),
            in_shop_hours in prop::sample::select(&[crate::InShopHours::None, crate::InShopHours::FollowUps, crate::InShopHours::All][..]),
        ) -> Case {
            let phone = E164::parse(&format!("+1{area}5550142")).ok();
            Case {
                cadence: preset.cadence(),
                own: OwnRules { quiet_sundays_and_holidays: quiet, most_in_24h, apart_minutes, in_shop_hours },
                shop: shop(zone),
                whereabouts: Whereabouts::of(phone.as_ref(), zone, state.parse::<State>().ok()),
                created_at: DateTime::from_timestamp(seconds, 0).unwrap(),
                late: TimeDelta::hours(late_hours),
                by_whatsapp,
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_leaves_outside_the_window_of_any_place_they_may_be_in(case in cases()) {
            for played in case.play().1 {
                let (Ending::Sent(at), AddressKind::Phone) = (&played.ending, played.touch.channel.writes_to()) else { continue };
                for zone in case.whereabouts.zones() {
                    let local = at.with_timezone(zone);
                    let hour = chrono::Timelike::hour(&local);
                    prop_assert!((8..20).contains(&hour), "{local}");
                    let day = local.date_naive();
                    if case.own.quiet_sundays_and_holidays {
                        prop_assert!(federal_holiday(day).is_none(), "{local}");
                        prop_assert!(chrono::Datelike::weekday(&day) != chrono::Weekday::Sun || hour >= 12, "{local}");
                    }
                    for state in case.whereabouts.states() {
                        let (first, last) = match state.as_str() {
                            "RI" => (if chrono::Datelike::weekday(&day).num_days_from_monday() < 5 { 9 } else { 10 }, 18),
                            "ME" => (9, 17),
                            "KY" => (10, 20),
                            "NV" | "CA" | "TX" => (9, 20),
                            _ => (8, 20),
                        };
                        prop_assert!((first..last).contains(&hour), "{local} in {state}");
                    }
                }
            }
        }

        #[test]
        fn nobody_has_more_than_the_cap_within_any_day(case in cases()) {
            let mut sent: Vec<_> = case.play().1.into_iter().filter_map(|played| match played.ending {
                Ending::Sent(at) => Some(at),
                Ending::Withheld(_) => None,
            }).collect();
            sent.sort();
            let florida = case.whereabouts.states().iter().any(|state| ["FL", "MD", "OK"].contains(&state.as_str()));
            let most = usize::from(if florida { case.own.most_in_24h.min(3) } else { case.own.most_in_24h });
            prop_assert!(sent.windows(most + 1).all(|within| within[most] - within[0] >= TimeDelta::hours(24)), "{sent:?}");
        }

        #[test]
        fn every_touch_is_sent_or_explained_and_never_early(case in cases()) {
            let (touches, played) = case.play();
            prop_assert_eq!(touches.len(), played.len());
            for played in &played {
                if let Ending::Sent(at) = played.ending {
                    prop_assert!(at >= played.touch.due_at);
                    let end = played.moves.last().map_or(played.touch.due_at, |last| last.to);
                    prop_assert_eq!(at, end, "every minute of the wait has its rule");
                    prop_assert!(played.moves.windows(2).all(|pair| pair[0].to == pair[1].from || pair[0].to <= pair[1].from));
                }
            }
        }

        #[test]
        fn touches_of_one_follow_up_are_apart(case in cases()) {
            let mut sent: Vec<_> = case.play().1.into_iter().filter_map(|played| match played.ending {
                Ending::Sent(at) => Some((at, played.touch.step)),
                Ending::Withheld(_) => None,
            }).collect();
            sent.sort();
            let apart = TimeDelta::minutes(case.own.apart_minutes.into());
            let first = sent.first().map(|(_, step)| *step);
            prop_assert!(sent.windows(2).all(|pair| Some(pair[1].1) == first || pair[1].0 - pair[0].0 >= apart), "{sent:?}");
        }

        /// Windows open and close at quarters of an hour, so that is where a wait of half an hour could step over one.
        #[test]
        fn what_its_vendor_sends_a_little_later_is_lawful_still(case in cases()) {
            let rules = Rules { law: Law::ours(), window: LegalWindow::default(), own: &case.own, shop: &case.shop };
            for played in case.play().1 {
                let (Ending::Sent(at), AddressKind::Phone) = (&played.ending, played.touch.channel.writes_to()) else { continue };
                let sending = Sending { channel: played.touch.channel, at: *at, is_first: true, whereabouts: &case.whereabouts, sent: &[] };
                let open_for = rules.open_for(&sending, TimeDelta::hours(10));
                prop_assert!(open_for <= TimeDelta::hours(10));
                for quarters in 0..40 {
                    let later = TimeDelta::minutes(15) * quarters;
                    if later < open_for {
                        prop_assert_eq!(rules.decide(&Sending { at: *at + later, ..sending }), Departure::Now);
                    }
                }
            }
        }

        #[test]
        fn whoever_has_just_asked_hears_at_once(case in cases()) {
            let case = Case { late: TimeDelta::zero(), ..case };
            let played = case.play().1;
            let soon = case.created_at + TimeDelta::minutes(15);
            prop_assert!(played.iter().any(|played| matches!(played.ending, Ending::Sent(at) if at <= soon)));
        }
    }
}
