//! What a model may have looked up. None of it changes what is booked, and no id comes from a model.

use std::sync::LazyLock;

use chrono::TimeDelta;
use domain::{AppointmentId, Card, Service, Tax, dollars};
use model::{Call, Outcome, Tool};
use serde_json::{Value, json};
use stage::{Context, Failure};

use crate::{
    calendar::Calendars,
    concierge::wanted_time,
    ground::Grounds,
    known::Known,
    offer::{ForWhom, When, offer},
};

/// Services that are told of at once.
const MOST_SERVICES: usize = 12;

/// In an order that does not change.
pub(super) static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(|| {
    let text = |says: &str| json!({ "type": "string", "description": says });
    let object = |properties: Value| {
        let required: Vec<String> = properties.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default();
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
    };
    vec![
        Tool {
            name: "list_services",
            description: "The shop's services that fit these words, with their prices.",
            schema: object(
                json!({ "words": text("As the customer names it: ceramic tint full sedan. Empty: all of them.") }),
            ),
        },
        Tool {
            name: "free_times",
            description: "Free times for a service. They are kept for the customer for some minutes and shown as buttons.",
            schema: object(json!({
                "service": text("As the customer names it. Empty: what was spoken of last."),
                "day": text("As the customer names it: tuesday morning, next week. Empty: any."),
            })),
        },
        Tool { name: "booked_times", description: "What this customer has booked.", schema: object(json!({})) },
        Tool {
            name: "hand_over",
            description: "Asks somebody of the shop to go on with this conversation.",
            schema: object(json!({ "why": text("In a few words, for the staff.") })),
        },
    ]
});

/// What a call is about to find out for whom.
pub(super) struct Desk<'a> {
    pub(super) cx: &'a Context,
    pub(super) calendars: &'a Calendars,
    pub(super) known: &'a Known,
    pub(super) whom: ForWhom,
}

/// What calls have found that is more than words.
#[derive(Default)]
pub(super) struct Found {
    /// The times that were offered last: any before them are kept no more.
    pub(super) slots: Option<Card>,
    offered: Vec<AppointmentId>,
    pub(super) is_handed_over: bool,
}

impl Desk<'_> {
    pub(super) async fn run(&self, call: &Call, grounds: &mut Grounds, found: &mut Found) -> Result<Outcome, Failure> {
        let word = |name: &str| call.input[name].as_str().unwrap_or_default().trim().to_owned();
        let (content, is_error) = match call.name.as_str() {
            "list_services" => (self.list_services(&word("words")), false),
            "free_times" => (self.free_times(&word("service"), &word("day"), grounds, found).await?, false),
            "booked_times" => (self.booked_times(), false),
            "hand_over" => {
                found.is_handed_over = true;
                (json!({ "ok": "somebody of the shop is told" }), false)
            }
            other => (json!({ "error": format!("there is no tool {other:?}") }), true),
        };
        Ok(Outcome { id: call.id.clone(), content: content.to_string(), is_error })
    }

    fn list_services(&self, words: &str) -> Value {
        if !self.known.has_catalog() {
            return json!({ "error": "prices cannot be seen just now; use hand_over" });
        }
        let services = self.known.find_services(words);
        let shown: Vec<Value> = services.iter().take(MOST_SERVICES).map(|service| told(service)).collect();
        json!({ "services": shown, "more": services.len().saturating_sub(MOST_SERVICES) })
    }

    async fn free_times(
        &self,
        words: &str,
        day: &str,
        grounds: &mut Grounds,
        found: &mut Found,
    ) -> Result<Value, Failure> {
        let known = self.known;
        let meant = match (words.is_empty(), known.spoken_of()) {
            (false, _) => known.find_services(words),
            (true, Some(service)) => vec![service],
            (true, None) => known.find_services(&known.recipient.service),
        };
        let service = match meant.as_slice() {
            [] => None,
            [service] if !service.is_bookable => {
                return Ok(json!({ "error": "only people of the shop make appointments for this; use hand_over" }));
            }
            [service] => Some(*service),
            several => {
                let names: Vec<&str> =
                    several.iter().take(MOST_SERVICES).map(|service| service.name.as_str()).collect();
                return Ok(json!({ "error": "several services fit; ask which one", "services": names }));
            }
        };
        let usual = TimeDelta::minutes(known.booking.usual_minutes.into());
        let lasts = service.map_or(usual, |service| known.booking.lasts(service.hours));
        let today = self.cx.now().with_timezone(&known.shop.zone).date_naive();
        let wanted = wanted_time(day, today);
        let of = service.map(|service| service.id.as_str());
        // Whatever was offered before is kept no more.
        grounds.slots.retain(|(id, _)| !found.offered.contains(id));
        found.slots = None;
        let mut offered = offer(self.cx, self.calendars, known, self.whom, of, lasts, &wanted).await?;
        let is_other = offered.slots.is_empty() && wanted != When::default();
        if is_other {
            offered = offer(self.cx, self.calendars, known, self.whom, of, lasts, &When::default()).await?;
        }
        let zone = known.shop.zone;
        let times: Vec<String> =
            offered.slots.iter().map(|slot| known.language.says_time(slot.slot.starts_at, zone)).collect();
        found.offered = offered.slots.iter().map(|offered| offered.hold).collect();
        grounds.slots.extend(offered.slots.iter().map(|offered| (offered.hold, offered.slot)));
        if !offered.slots.is_empty() {
            found.slots = Some(Card::Slots {
                service: of.map(str::to_owned),
                zone: zone.name().to_owned(),
                slots: offered.slots,
                held_until: offered.held_until,
            });
        }
        let note = if is_other { "nothing is free then; these are other times" } else { "shown to them as buttons" };
        Ok(json!({ "times": times, "note": note }))
    }

    fn booked_times(&self) -> Value {
        let known = self.known;
        let says = |booked: &store::BookedSlot| known.language.says_time(booked.slot.starts_at, known.shop.zone);
        json!({ "booked": known.booked.iter().map(says).collect::<Vec<_>>() })
    }
}

fn told(service: &Service) -> Value {
    let tax = match service.tax {
        Tax::Included => ", tax included",
        Tax::NotIncluded => " plus tax",
        Tax::Unknown => "",
    };
    json!({
        "name": service.name,
        "price": format!("{}{tax}", dollars(service.price_cents)),
        "note": service.note,
        "customers_book_it_themselves": service.is_bookable,
    })
}
