//! The plan of a follow-up: which touch, on which day, by which channel, at which hour of the shop.

use std::{collections::HashSet, str::FromStr};

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    AddressKind, Channel, Heat,
    sending::{Departure, Rules, Sending, Whereabouts, instant},
};

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CadenceError {
    #[error("a cadence needs at least one step")]
    Empty,
    #[error("a cadence has at most {most} steps, and this one has {steps}")]
    TooMany { steps: usize, most: usize },
    #[error("step {step}: its day ({day}) is before the day of the step in front of it")]
    OutOfOrder { step: usize, day: u16 },
    #[error("step {step}: only the first step may leave out its hour (\"at\"), on day 0")]
    NoHour { step: usize },
    #[error("step {step}: day {day} is beyond the longest follow-up of {longest} days")]
    TooLong { step: usize, day: u16, longest: u16 },
    #[error("step {step}: template \"{template}\" is used by an earlier step; nobody wants the same text twice")]
    SameTemplate { step: usize, template: String },
    #[error("step {step}: it names no channel, or one twice; write for example \"channels\": [\"sms\", \"email\"]")]
    Channels { step: usize },
}

/// The steps of a follow-up, in the order they happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Step>", into = "Vec<Step>")]
pub struct Cadence(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StepText")]
pub struct Step {
    /// Days after the lead was created, on the shop's calendar.
    pub day: u16,
    /// The shop's wall-clock time. Absent: at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<NaiveTime>,
    /// The first that reaches the customer is used; the others, in this order, when it turns out that it does not.
    pub channels: Vec<Channel>,
    pub template: String,
    #[serde(skip_serializing_if = "When::is_always")]
    pub when: When,
}

/// As a step is written. `channel` is how steps were written while each had one.
#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a step, such as {\"day\": 1, \"at\": \"11:00\", \"channels\": [\"sms\"], \"template\": \"day_1\"}"
)]
struct StepText {
    day: u16,
    at: Option<NaiveTime>,
    channel: Option<Channel>,
    #[serde(default)]
    channels: Vec<Channel>,
    template: String,
    #[serde(default)]
    when: When,
}

impl From<StepText> for Step {
    fn from(StepText { day, at, channel, channels, template, when }: StepText) -> Self {
        let channels = match channel {
            None => channels,
            Some(Channel::Sms) => vec![Channel::Sms, Channel::Email],
            Some(Channel::Email) => vec![Channel::Email, Channel::Sms],
            Some(Channel::Whatsapp) => vec![Channel::Whatsapp, Channel::Sms, Channel::Email],
        };
        Self { day, at, channels, template, when }
    }
}

/// For whom a step is. Everything left out holds for all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// One of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub heat: Vec<Heat>,
    /// What they asked for costs so much, or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cents_at_least: Option<i64>,
    /// Whether it is known which car it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_vehicle: Option<bool>,
}

impl When {
    fn is_always(&self) -> bool {
        *self == Self::default()
    }

    fn holds(&self, planning: &Planning<'_>) -> bool {
        (self.heat.is_empty() || planning.heat.is_some_and(|heat| self.heat.contains(&heat)))
            && self.cents_at_least.is_none_or(|least| planning.total_cents >= least)
            && self.has_vehicle.is_none_or(|wanted| planning.has_vehicle == wanted)
    }
}

/// A cadence that comes with the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CadencePreset {
    /// Thirteen touches in thirty days, texts and emails in turn, starting with a text at once.
    ThirtyDays,
    /// Seven touches in five days.
    FiveDays,
}

impl CadencePreset {
    pub const ALL: [Self; 2] = [Self::ThirtyDays, Self::FiveDays];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::ThirtyDays => "thirty_days",
            Self::FiveDays => "five_days",
        }
    }

    pub fn cadence(self) -> Cadence {
        let text = match self {
            Self::ThirtyDays => include_str!("../data/cadence_thirty_days.json"),
            Self::FiveDays => include_str!("../data/cadence_five_days.json"),
        };
        // A test reads both.
        serde_json::from_str(text).unwrap_or_else(|_| Cadence(Vec::new()))
    }
}

impl FromStr for CadencePreset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.map(Self::as_str).join(", ");
        let found = Self::ALL.into_iter().find(|preset| preset.as_str() == text);
        found.ok_or_else(|| format!("{text:?} is no cadence that comes with the product; write one of {known}"))
    }
}

/// One step, worked out for one lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedTouch {
    pub step: u16,
    pub channel: Channel,
    /// What is tried instead, in this order, if the channel turns out not to reach them.
    pub fallbacks: Vec<Channel>,
    pub template: String,
    pub due_at: DateTime<Utc>,
}

/// A lead whose touches are to be planned.
#[derive(Clone, Copy)]
pub struct Planning<'p> {
    pub created_at: DateTime<Utc>,
    pub now: DateTime<Utc>,
    /// Which channels reach this customer.
    pub can: &'p dyn Fn(Channel) -> bool,
    pub heat: Option<Heat>,
    pub total_cents: i64,
    pub has_vehicle: bool,
    pub rules: &'p Rules<'p>,
    pub whereabouts: &'p Whereabouts,
}

const LONGEST_DAYS: u16 = 365;
const MOST_STEPS: usize = 100;
/// A text that has to wait for longer than this is preceded by an email: whoever has just asked hears at once.
const EMAIL_FIRST_FROM: TimeDelta = TimeDelta::minutes(15);

impl TryFrom<Vec<Step>> for Cadence {
    type Error = CadenceError;

    fn try_from(steps: Vec<Step>) -> Result<Self, Self::Error> {
        if steps.is_empty() {
            return Err(CadenceError::Empty);
        }
        if steps.len() > MOST_STEPS {
            return Err(CadenceError::TooMany { steps: steps.len(), most: MOST_STEPS });
        }
        let mut templates = HashSet::new();
        for (index, step) in steps.iter().enumerate() {
            let number = index + 1;
            if index > 0 && step.day < steps[index - 1].day {
                return Err(CadenceError::OutOfOrder { step: number, day: step.day });
            }
            if step.at.is_none() && (step.day > 0 || index > 0) {
                return Err(CadenceError::NoHour { step: number });
            }
            if step.day > LONGEST_DAYS {
                return Err(CadenceError::TooLong { step: number, day: step.day, longest: LONGEST_DAYS });
            }
            if !templates.insert(&step.template) {
                return Err(CadenceError::SameTemplate { step: number, template: step.template.clone() });
            }
            if step.channels.is_empty() || step.channels.iter().collect::<HashSet<_>>().len() < step.channels.len() {
                return Err(CadenceError::Channels { step: number });
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
    fn default() -> Self {
        CadencePreset::ThirtyDays.cadence()
    }
}

impl Cadence {
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The touches of a lead, as seen now.
    ///
    /// Steps whose day has passed (a lead found late) are left out, all but the newest of them, which goes out now: a customer gets
    /// one text for the time we missed, not all of it at once. Whoever has just asked and may not be texted now gets the same by
    /// email at once, and the text when its window opens.
    pub fn plan(&self, planning: &Planning<'_>) -> Vec<PlannedTouch> {
        let mut touches: Vec<PlannedTouch> = Vec::with_capacity(self.0.len() + 1);
        for touch in self.lay_out(planning) {
            if touch.due_at <= planning.now {
                // The touches so far are all late: this one is the newest of them.
                touches.clear();
                touches.push(PlannedTouch { due_at: planning.now, ..touch });
            } else {
                touches.push(touch);
            }
        }
        if let Some(at_once) = touches.first().and_then(|first| email_first(first, planning)) {
            touches.insert(0, at_once);
        }
        touches
    }

    /// Every step that is for this lead, at its time, also if that is over.
    pub fn lay_out(&self, planning: &Planning<'_>) -> Vec<PlannedTouch> {
        let first_day = first_day(planning);
        let laid_out = self.0.iter().zip(1..).filter_map(|(step, number)| {
            let mut channels = step.channels.iter().copied().filter(|channel| (planning.can)(*channel));
            let channel = channels.next().filter(|_| step.when.holds(planning))?;
            let due_at = wanted_at(step, first_day, planning);
            let touch = PlannedTouch {
                step: number,
                channel,
                fallbacks: channels.collect(),
                template: step.template.clone(),
                due_at,
            };
            // Where its hour had passed when they asked it was never theirs.
            (due_at >= planning.created_at).then_some(touch)
        });
        laid_out.collect()
    }

    /// The steps of which nothing is planned, each as it was wanted, with why.
    pub fn left_out(&self, planning: &Planning<'_>, planned: &[PlannedTouch]) -> Vec<(PlannedTouch, &'static str)> {
        let first_day = first_day(planning);
        let steps = self.0.iter().zip(1..).filter(|(_, number)| planned.iter().all(|touch| touch.step != *number));
        let left_out = steps.filter_map(|(step, number)| {
            let due_at = wanted_at(step, first_day, planning);
            let why = if !step.channels.iter().any(|channel| (planning.can)(*channel)) {
                "there is no address for it, or its channels are off"
            } else if !step.when.holds(planning) {
                "its conditions do not hold"
            } else if due_at < planning.created_at {
                "its hour was over when they asked"
            } else {
                "its time was over when the lead was found"
            };
            let (channel, template) = (*step.channels.first()?, step.template.clone());
            Some((PlannedTouch { step: number, channel, fallbacks: Vec::new(), template, due_at }, why))
        });
        left_out.collect()
    }

    /// When a lead that never answered is given up: a day after its last touch.
    pub fn gives_up_at<'t>(touches: impl IntoIterator<Item = &'t PlannedTouch>) -> Option<DateTime<Utc>> {
        touches.into_iter().map(|touch| touch.due_at).max().map(|last| last + TimeDelta::days(1))
    }
}

/// In the shop's zone.
fn first_day(planning: &Planning<'_>) -> NaiveDate {
    planning.created_at.with_timezone(&planning.rules.shop.zone).date_naive()
}

fn wanted_at(step: &Step, first_day: NaiveDate, planning: &Planning<'_>) -> DateTime<Utc> {
    match step.at {
        None => planning.created_at,
        Some(at) => instant(first_day + Days::new(u64::from(step.day)), at, planning.rules.shop.zone),
    }
}

fn email_first(first: &PlannedTouch, planning: &Planning<'_>) -> Option<PlannedTouch> {
    let is_now = first.due_at <= planning.now && first.channel.writes_to() == AddressKind::Phone;
    if !is_now || !first.fallbacks.contains(&Channel::Email) {
        return None;
    }
    let sending = Sending {
        channel: first.channel,
        at: planning.now,
        is_first: true,
        whereabouts: planning.whereabouts,
        sent: &[],
    };
    let waits = match planning.rules.decide(&sending) {
        Departure::Now => false,
        Departure::Later { at, .. } => at - planning.now > EMAIL_FIRST_FROM,
        Departure::Never(_) => true,
    };
    waits.then(|| PlannedTouch { channel: Channel::Email, fallbacks: Vec::new(), ..first.clone() })
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America, TZ_VARIANTS, Tz};
    use proptest::prelude::*;

    use super::*;
    use crate::{E164, Law, LegalWindow, OwnRules, ShopCalendar};

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// The plan of somebody in Denver whom these channels reach.
    fn plan(
        cadence: &Cadence,
        created_at: DateTime<Utc>,
        now: DateTime<Utc>,
        zone: Tz,
        can: impl Fn(Channel) -> bool,
    ) -> Vec<PlannedTouch> {
        let own = OwnRules::default();
        let shop = ShopCalendar { zone, hours: None, closed_on: Vec::new() };
        let rules = Rules { law: Law::ours(), window: LegalWindow::default(), own: &own, shop: &shop };
        let whereabouts = Whereabouts::of(None, zone, None);
        cadence.plan(&Planning {
            created_at,
            now,
            can: &can,
            heat: Some(Heat::Warm),
            total_cents: 50_000,
            has_vehicle: false,
            rules: &rules,
            whereabouts: &whereabouts,
        })
    }

    #[test]
    fn the_default_is_thirteen_touches_in_thirty_days_in_turn() {
        let created = utc("2026-01-10T18:00:00Z");
        let touches = plan(&Cadence::default(), created, created, America::Denver, |_| true);
        let days: Vec<_> = touches
            .iter()
            .map(|t| (t.due_at.with_timezone(&America::Denver).date_naive() - created.date_naive()).num_days())
            .collect();
        assert_eq!(days, [0, 1, 3, 5, 7, 10, 13, 16, 19, 22, 25, 27, 30]);
        assert_eq!(touches[0].due_at, created);
        assert!(touches.iter().enumerate().all(|(i, t)| (t.channel == Channel::Sms) == (i % 2 == 0)));
        assert_eq!(touches[0].fallbacks, [Channel::Email]);
        let fast = plan(&CadencePreset::FiveDays.cadence(), created, created, America::Denver, |_| true);
        assert_eq!(fast.len(), 7);
    }

    #[test]
    fn a_customer_without_a_phone_gets_every_touch_by_email() {
        let created = utc("2026-01-10T18:00:00Z");
        let touches = plan(&Cadence::default(), created, created, America::Denver, |c| c == Channel::Email);
        assert_eq!(touches.len(), 13);
        assert!(touches.iter().all(|t| t.channel == Channel::Email && t.fallbacks.is_empty()));
        assert!(plan(&Cadence::default(), created, created, America::Denver, |_| false).is_empty());
    }

    #[test]
    fn who_asks_at_night_has_an_email_at_once_and_the_text_in_the_morning() {
        // Ten in the evening in Denver.
        let created = utc("2026-01-09T05:00:00Z");
        let touches = plan(&Cadence::default(), created, created, America::Denver, |_| true);
        assert_eq!(touches.len(), 14);
        assert_eq!((touches[0].channel, touches[0].step, touches[0].due_at), (Channel::Email, 1, created));
        assert_eq!((touches[1].channel, touches[1].step), (Channel::Sms, 1));
        // Without an address the text is all there is.
        let touches = plan(&Cadence::default(), created, created, America::Denver, |c| c == Channel::Sms);
        assert_eq!((touches.len(), touches[0].channel), (13, Channel::Sms));
        // Two minutes before the window opens nobody needs an email first.
        let nearly = utc("2026-01-09T14:58:00Z");
        assert_eq!(plan(&Cadence::default(), nearly, nearly, America::Denver, |_| true).len(), 13);
    }

    #[test]
    fn a_lead_found_a_week_late_gets_one_text_now_and_what_remains() {
        let created = utc("2026-01-10T18:00:00Z");
        let now = created + TimeDelta::days(8);
        let touches = plan(&Cadence::default(), created, now, America::Denver, |c| c == Channel::Sms);
        assert_eq!(touches.len(), 9);
        assert_eq!(touches[0].due_at, now);
        assert_eq!(touches[0].step, 5, "the newest of the missed touches");
        assert!(touches[1..].iter().all(|t| t.due_at > now));
    }

    #[test]
    fn a_step_is_for_whom_it_says() {
        let created = utc("2026-01-10T18:00:00Z");
        let steps = r#"[{"day":0,"channels":["sms"],"template":"a"},
            {"day":1,"at":"10:00","channels":["sms"],"template":"hot","when":{"heat":["hot"]}},
            {"day":2,"at":"10:00","channels":["sms"],"template":"dear","when":{"cents_at_least":50000}},
            {"day":3,"at":"10:00","channels":["sms"],"template":"car","when":{"has_vehicle":true}},
            {"day":4,"at":"10:00","channels":["sms"],"template":"warm","when":{"heat":["hot","warm"],"has_vehicle":false}}]"#;
        let cadence: Cadence = serde_json::from_str(steps).unwrap();
        let touches = plan(&cadence, created, created, America::Denver, |_| true);
        assert_eq!(touches.iter().map(|t| t.template.as_str()).collect::<Vec<_>>(), ["a", "dear", "warm"]);
        // Steps are numbered as they stand in the cadence.
        assert_eq!(touches.iter().map(|t| t.step).collect::<Vec<_>>(), [1, 3, 5]);
    }

    #[test]
    fn steps_that_were_written_with_one_channel_are_still_read() {
        let old =
            r#"[{"day":0,"channel":"sms","template":"a"},{"day":1,"at":"10:00:00","channel":"email","template":"b"}]"#;
        let cadence: Cadence = serde_json::from_str(old).unwrap();
        assert_eq!(cadence.steps()[1].channels, [Channel::Email, Channel::Sms]);
        let written = serde_json::to_string(&cadence).unwrap();
        assert_eq!(serde_json::from_str::<Cadence>(&written).unwrap(), cadence);
    }

    #[test]
    fn a_bad_cadence_says_which_step_is_wrong() {
        let step = |day, at: Option<&str>, template: &str| Step {
            day,
            at: at.map(|t| t.parse().unwrap()),
            channels: vec![Channel::Sms],
            template: template.into(),
            when: When::default(),
        };
        let refuse = |steps: Vec<Step>| Cadence::try_from(steps).unwrap_err();
        assert_eq!(refuse(vec![]), CadenceError::Empty);
        assert_eq!(refuse(vec![step(0, None, "a"), step(2, None, "b")]), CadenceError::NoHour { step: 2 });
        assert_eq!(
            refuse(vec![step(3, Some("10:00:00"), "a"), step(1, Some("10:00:00"), "b")]),
            CadenceError::OutOfOrder { step: 2, day: 1 }
        );
        let again = vec![step(0, None, "a"), step(0, Some("10:00:00"), "a")];
        assert!(matches!(refuse(again), CadenceError::SameTemplate { .. }));
        assert_eq!(refuse(vec![Step { channels: vec![], ..step(0, None, "a") }]), CadenceError::Channels { step: 1 });
        assert_eq!(CadencePreset::ALL.map(|preset| preset.cadence().steps().len()), [13, 7]);
    }

    proptest! {
        #[test]
        fn later_touches_fall_into_sensible_hours_and_never_bunch_up(
            seconds in 1_577_836_800_i64..2_208_988_800, late_hours in 0_i64..800,
            zone in prop::sample::select(&TZ_VARIANTS[..]), area in 200_u32..999,
        ) {
            let created = DateTime::from_timestamp(seconds, 0).unwrap();
            let now = created + TimeDelta::hours(late_hours);
            prop_assume!(E164::parse(&format!("+1{area}5550142")).is_ok());
            let touches = plan(&Cadence::default(), created, now, zone, |_| true);
            prop_assert!(!touches.is_empty());
            let texts: Vec<_> = touches.iter().skip(usize::from(touches.len() > 1 && touches[0].step == touches[1].step)).collect();
            prop_assert!(texts.windows(2).all(|pair| pair[0].step < pair[1].step && pair[0].due_at < pair[1].due_at));
            prop_assert!(touches.iter().all(|touch| touch.due_at >= now));
            prop_assert!(texts.iter().filter(|touch| touch.due_at == now).count() <= 1);
        }
    }
}
