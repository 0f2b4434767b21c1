//! A stream of quotes as shops get them: mostly real, some not leads, some from customers nobody may write to, and the
//! webhooks about them as rude as the vendor's documentation allows.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use domain::E164;
use serde_json::json;

use crate::{Manners, Quote, world::World};

/// What is to be played. The same script is the same every time.
#[derive(Debug, Clone)]
pub struct Script {
    /// Webhooks to send in all, duplicates and refused ones included.
    pub webhooks: usize,
    /// The CRM's ids of the shops that get the quotes, in turn.
    pub locations: Vec<String>,
    pub rude: bool,
    /// The number of the first customer. Two scripts whose numbers do not overlap have no telephone in common.
    pub first: usize,
    /// Told apart by this, two scripts in one world have no order in common.
    pub name: String,
}

/// One thing that happens at the CRM.
#[derive(Debug, Clone)]
pub struct Scene {
    pub quote: Quote,
    pub manners: Manners,
    /// The order changes right after it was made, and its first webhook is overtaken.
    pub overtaken: bool,
    pub kind: Kind,
}

/// What should become of a quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text at once, emails and texts later.
    Texted,
    /// Takes no texts: an email at once.
    Emailed,
    /// A lead nobody can write to.
    Unreachable,
    /// A lead that safe mode keeps us from writing to.
    NotOnTheList,
    NotALead,
    /// Its only webhook is refused at the door: whoever looks through the CRM finds it.
    Refused,
}

/// The area code that is on nobody's list.
const STRANGERS: &str = "999";

impl Script {
    /// The whole play, in order.
    pub fn scenes(&self) -> Vec<Scene> {
        let mut scenes = Vec::new();
        let mut sent = 0;
        for number in self.first.. {
            if sent >= self.webhooks {
                break;
            }
            let room = self.webhooks - sent;
            let scene = self.scene(number, room);
            sent += 1 + scene.manners.duplicates as usize + usize::from(scene.overtaken);
            scenes.push(scene);
        }
        scenes
    }

    fn scene(&self, number: usize, room: usize) -> Scene {
        let mut quote = Quote {
            order_id: format!("{}-{number:06}", self.name),
            location_id: Some(self.locations[number % self.locations.len()].clone()),
            name: format!("New Quote: {}", SERVICES[number % SERVICES.len()]),
            first_name: Some(FIRST_NAMES[number % FIRST_NAMES.len()].into()),
            phone: Some(phone(area(number / 100), number)),
            texts_allowed: true,
            email: Some(format!("customer.{number}@{}.example.com", self.name)),
            vehicle: Some(car(number)),
            total_cents: 19_900 + i64::try_from(number % 40).unwrap_or_default() * 1_550,
            differs: json!(null),
        };
        let mut scene_kind = Kind::Texted;
        let mut manners = Manners::default();
        let mut overtaken = false;
        if self.rude {
            match number % 40 {
                4 | 19 => manners.duplicates = 1,
                27 => manners.duplicates = 2,
                7 | 33 => overtaken = true,
                9 => manners.delay_ms = 400,
                12 => {
                    quote.name = "Oil change".into();
                    quote.differs = json!({"complaint": "Squeaking belt"});
                    scene_kind = Kind::NotALead;
                }
                16 => {
                    quote.differs = json!({"status": "RepairOrder", "authorized": true});
                    scene_kind = Kind::NotALead;
                }
                22 => {
                    quote.location_id = Some("6123456789abcdef0000dead".into());
                    scene_kind = Kind::NotALead;
                }
                25 => {
                    quote.texts_allowed = false;
                    scene_kind = Kind::Emailed;
                }
                29 => {
                    (quote.phone, quote.email) = (None, None);
                    scene_kind = Kind::Unreachable;
                }
                31 => {
                    (quote.phone, quote.email) = (Some(phone(STRANGERS, number)), None);
                    scene_kind = Kind::NotOnTheList;
                }
                36 => {
                    manners.bad_signature = true;
                    scene_kind = Kind::Refused;
                }
                38 => {
                    manners.stale = true;
                    scene_kind = Kind::Refused;
                }
                _ => {}
            }
        }
        manners.duplicates = manners.duplicates.min(u32::try_from(room - 1).unwrap_or_default());
        Scene { quote, manners, overtaken: overtaken && room > 1, kind: scene_kind }
    }

    /// Safe mode's list for the customers of this play: exactly those, and not the strangers.
    pub fn allowed(&self) -> Vec<String> {
        let areas =
            (self.first / 100..=(self.first + self.webhooks) / 100).map(|hundred| format!("+1{}55501*", area(hundred)));
        areas.chain([format!("*@{}.example.com", self.name)]).collect()
    }
}

impl World {
    /// Plays a scene.
    pub fn play(self: &Arc<Self>, scene: &Scene) {
        if scene.overtaken {
            self.ask_for_quote(&scene.quote, Manners { delay_ms: 250, ..scene.manners });
            // The shop notes something on the order; what it is does not matter to us.
            let fields = json!({"recommendation": "Called to ask about the rear window"});
            self.change_order(&scene.quote.order_id, &fields, Manners::default());
        } else {
            self.ask_for_quote(&scene.quote, scene.manners);
        }
    }

    /// Plays scenes at a steady rate, however long each takes to be answered. Answers by how much the latest of them was late:
    /// a wait that no webhook's journal shows.
    pub async fn play_all(self: &Arc<Self>, scenes: &[Scene], per_second: f64) -> Duration {
        let mut latest = Duration::ZERO;
        let mut next = tokio::time::interval(Duration::from_secs_f64(1.0 / per_second));
        next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        for scene in scenes {
            let due = next.tick().await;
            self.play(scene);
            latest = latest.max(due.elapsed());
        }
        latest
    }
}

/// Area codes from 201 on, without those of other countries; each has a hundred numbers that belong to fiction.
static AREAS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let is_ours = |area: &u16| E164::parse(&format!("+1{area}5550100")).is_ok_and(|number| number.is_north_american());
    (201_u16..901).filter(is_ours).map(|area| area.to_string()).collect()
});

fn area(hundred: usize) -> &'static str {
    &AREAS[hundred % AREAS.len()]
}

fn phone(area: &str, number: usize) -> String {
    format!("+1{area}55501{:02}", number % 100)
}

const SERVICES: [&str; 5] =
    ["Window Tint", "Ceramic Tint - Full Sedan", "Windshield Film", "PPF Front End", "Full Wrap"];
const FIRST_NAMES: [&str; 8] = ["Dana", "Alex", "Sam", "Robin", "Jamie", "Casey", "Riley", "Morgan"];

fn car(number: usize) -> (i32, String, String) {
    let cars =
        [("Honda", "Civic"), ("Ford", "F-150"), ("Toyota", "Camry"), ("Tesla", "Model 3"), ("Subaru", "Outback")];
    let (make, model) = cars[number % cars.len()];
    (2015 + i32::try_from(number % 10).unwrap_or_default(), make.into(), model.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_play_has_exactly_as_many_webhooks_as_asked_for() {
        let script = Script {
            webhooks: 200,
            locations: vec!["a".into(), "b".into()],
            rude: true,
            first: 0,
            name: "demo".into(),
        };
        let scenes = script.scenes();
        let sent: usize =
            scenes.iter().map(|scene| 1 + scene.manners.duplicates as usize + usize::from(scene.overtaken)).sum();
        assert_eq!(sent, 200);
        for kind in [Kind::Texted, Kind::Emailed, Kind::Unreachable, Kind::NotOnTheList, Kind::NotALead, Kind::Refused]
        {
            assert!(scenes.iter().any(|scene| scene.kind == kind), "{kind:?}");
        }
    }
}
