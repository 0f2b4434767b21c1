//! What a changed cadence does to a lead that is being followed up.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use crate::{Channel, MessageId, PlannedTouch};

/// A touch as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingTouch {
    pub id: MessageId,
    pub step: u16,
    pub channel: Channel,
    pub template: String,
    /// When it leaves as far as is known, pauses included.
    pub due_at: DateTime<Utc>,
    pub state: TouchState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TouchState {
    ToCome,
    /// It was said, or it was decided that it is not.
    Over,
    /// Taken out of the plan before its time.
    Dropped,
}

impl StandingTouch {
    fn is_open(&self) -> bool {
        self.state == TouchState::ToCome
    }
}

/// The way from what stands to what is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replan {
    /// To other times.
    pub moved: Vec<(MessageId, PlannedTouch)>,
    pub dropped: Vec<MessageId>,
    /// With steps of their own, after all that the lead has had.
    pub added: Vec<PlannedTouch>,
    pub kept: usize,
}

impl Replan {
    /// A touch is the same if it says the same by the same channel. What was said, or withheld, is not said again; what waits although
    /// its time is over (for a lawful hour, or a vendor) goes on waiting; and nobody catches up on what they never were to get.
    pub fn of(standing: &[StandingTouch], wanted: Vec<PlannedTouch>, now: DateTime<Utc>) -> Self {
        let mut replan = Self::default();
        let over: HashSet<_> =
            standing.iter().filter(|touch| touch.state == TouchState::Over).map(|touch| &touch.template).collect();
        let mut next_step = standing.iter().map(|touch| touch.step).max().unwrap_or_default() + 1;
        let mut met = HashSet::new();
        for touch in wanted {
            let open = || standing.iter().filter(|open| open.is_open() && open.template == touch.template);
            if over.contains(&touch.template) {
                // A text behind its email, or a channel in another's place: what is left of a step that has begun.
                let left: Vec<_> = open().map(|open| open.id).collect();
                replan.kept += left.len();
                met.extend(left);
                continue;
            }
            let same = open().find(|open| open.channel == touch.channel).cloned();
            match same {
                Some(open) => {
                    met.insert(open.id);
                    // An email that goes before this text, and has not gone yet.
                    let beside = standing
                        .iter()
                        .filter(|other| other.is_open() && other.step == open.step && other.id != open.id);
                    for other in beside.map(|other| other.id) {
                        replan.kept += usize::from(met.insert(other));
                    }
                    if open.due_at == touch.due_at || touch.due_at <= now {
                        replan.kept += 1;
                    } else {
                        replan.moved.push((open.id, PlannedTouch { step: open.step, ..touch }));
                    }
                }
                None if touch.due_at <= now => {
                    // Its time is over, and it waits by another channel: for a lawful hour, or a pause.
                    let left: Vec<_> = open().map(|open| open.id).collect();
                    replan.kept += left.len();
                    met.extend(left);
                }
                None => {
                    replan.added.push(PlannedTouch { step: next_step, ..touch });
                    next_step += 1;
                }
            }
        }
        replan.dropped =
            standing.iter().filter(|touch| touch.is_open() && !met.contains(&touch.id)).map(|touch| touch.id).collect();
        replan
    }

    pub fn is_nothing(&self) -> bool {
        self.moved.is_empty() && self.dropped.is_empty() && self.added.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::LeadId;

    fn at(day: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + day * 86_400, 0).unwrap()
    }

    fn standing(step: u16, template: &str, day: i64, is_open: bool) -> StandingTouch {
        let state = if is_open { TouchState::ToCome } else { TouchState::Over };
        let id = MessageId::of_step(LeadId::new(Uuid::from_u128(1)), step);
        StandingTouch { id, step, channel: Channel::Sms, template: template.into(), due_at: at(day), state }
    }

    fn wanted(template: &str, day: i64) -> PlannedTouch {
        PlannedTouch {
            step: 9,
            channel: Channel::Sms,
            fallbacks: Vec::new(),
            template: template.into(),
            due_at: at(day),
        }
    }

    #[test]
    fn what_stays_moves_goes_and_comes() {
        let stands = [
            standing(1, "a", 0, false),
            standing(2, "b", 1, true),
            standing(3, "c", 3, true),
            standing(4, "d", 5, true),
        ];
        let now = at(0);
        let replan = Replan::of(&stands, vec![wanted("a", 2), wanted("b", 1), wanted("c", 4), wanted("e", 6)], now);
        assert_eq!(replan.kept, 1);
        assert_eq!(replan.moved, [(stands[2].id, PlannedTouch { step: 3, ..wanted("c", 4) })]);
        assert_eq!(replan.dropped, [stands[3].id]);
        assert_eq!(replan.added, [PlannedTouch { step: 5, ..wanted("e", 6) }], "what was said is not said again");
        assert!(Replan::of(&stands[..2], vec![wanted("b", 1)], now).is_nothing());
        // Two days later: the one that waits for its window goes on waiting, and a step that was never there is not caught up on.
        let late = Replan::of(&stands[..2], vec![wanted("b", 1), wanted("f", 1)], at(2));
        assert!(late.is_nothing() && late.kept == 1);
    }

    #[test]
    fn what_a_change_took_out_another_may_bring_back_and_a_text_behind_its_email_stays() {
        let dropped = StandingTouch { state: TouchState::Dropped, ..standing(2, "b", 3, true) };
        let text_behind = [standing(1, "a", 0, false), standing(1, "a", 1, true), dropped];
        let replan = Replan::of(&text_behind, vec![wanted("a", 0), wanted("b", 3)], at(0));
        assert_eq!((replan.kept, replan.dropped.len(), replan.added.len()), (1, 0, 1), "{replan:?}");
        // Neither has gone: a pause holds both.
        let email = StandingTouch {
            channel: Channel::Email,
            id: MessageId::of_step(LeadId::new(Uuid::from_u128(2)), 1),
            ..standing(1, "a", 0, true)
        };
        let both = [email, standing(1, "a", 1, true)];
        let replan = Replan::of(&both, vec![wanted("a", 0)], at(0));
        assert_eq!((replan.kept, replan.dropped.len(), replan.added.len()), (2, 0, 0), "{replan:?}");
    }
}
