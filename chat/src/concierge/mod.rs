//! Answers without any model: hours, prices, times, bookings, and a person for everything else. What is there when nobody has set up a
//! model, and when all of them are away.

mod say;
mod understand;
mod when;

use chrono::TimeDelta;
use domain::{BookingState, Card, Keyword, Service, keyword};
use stage::{Context, Failure};

pub(crate) use self::{say::Say, understand::language_of};
use self::{
    understand::{Wish, plain, wish},
    when::when,
};
use crate::{
    calendar::Calendars,
    known::Known,
    offer::{ForWhom, When, offer},
};

/// Prices shown at once.
const MOST_PRICES: usize = 4;

/// An answer before it is checked.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Draft {
    pub(crate) sentences: Vec<String>,
    pub(crate) cards: Vec<Card>,
    /// Why a person has to take over.
    pub(crate) hand_over: Option<&'static str>,
}

impl Draft {
    fn say(mut self, sentence: String) -> Self {
        self.sentences.push(sentence);
        self
    }

    fn show(mut self, card: Card) -> Self {
        self.cards.push(card);
        self
    }

    fn hand_over(mut self, why: &'static str, say: Say) -> Self {
        self.hand_over = Some(why);
        self.say(say.a_person_comes())
    }
}

/// What to answer to the words that they said last.
pub(crate) async fn answer(
    cx: &Context,
    calendars: &Calendars,
    known: &Known,
    whom: ForWhom,
    words: &str,
) -> Result<Draft, Failure> {
    let say = Say(known.language);
    let plain = plain(words);
    let draft = Draft { sentences: introduction(known).into_iter().collect(), ..Draft::default() };
    if keyword(words) == Some(Keyword::Stop) {
        return Ok(draft.say(say.no_more_messages()));
    }
    Ok(match wish(&plain) {
        Some(Wish::Person) => draft.hand_over("asked_for_a_person", say),
        Some(Wish::Complaint) => draft.say(say.sorry()).hand_over("complaint", say),
        Some(Wish::WhoIsThis) if draft.sentences.is_empty() => {
            draft.say(say.who_i_am(&known.location.name)).say(say.ask_for_a_person())
        }
        Some(Wish::WhoIsThis) => draft,
        Some(Wish::CancelBooking) => cancel(known, say, draft),
        Some(Wish::MoveBooking) => times(cx, calendars, known, whom, &plain, draft).await?,
        Some(Wish::Book) if !known.booked.is_empty() => booked(known, say, draft).say(say.press_to_cancel()),
        Some(Wish::Book) => times(cx, calendars, known, whom, &plain, draft).await?,
        Some(Wish::Hours) => said_or_not(&known.location.hours, |hours| say.hours(hours), say, draft),
        Some(Wish::Place) => place(known, say, draft),
        Some(Wish::Services) if subject(&plain).is_empty() => services(known, say, draft),
        Some(Wish::Thanks) => draft.say(say.you_are_welcome()),
        Some(Wish::Greeting) if subject(&plain).is_empty() => draft.say(say.hello()).say(say.what_i_can_do()),
        Some(Wish::Price | Wish::Services | Wish::Greeting) => prices(known, &plain, say, draft),
        None if names_a_day(known, cx, &plain) => times(cx, calendars, known, whom, &plain, draft).await?,
        None if !known.find_services(&subject(&plain)).is_empty() && !subject(&plain).is_empty() => {
            prices(known, &plain, say, draft)
        }
        None if was_lost_before(known) => draft.say(say.not_understood()).hand_over("not_understood", say),
        None => draft.say(say.not_understood()).say(say.what_i_can_do()).say(say.ask_for_a_person()),
    })
}

/// Who reads its first words reads that it is no person. `None`: they have.
pub(crate) fn introduction(known: &Known) -> Option<String> {
    let has_spoken = known.turns.iter().any(|turn| turn.said_by == domain::SaidBy::Assistant);
    (!has_spoken).then(|| Say(known.language).who_i_am(&known.location.name))
}

/// When somebody would like to come, by their words.
pub(crate) fn wanted_time(words: &str, today: chrono::NaiveDate) -> When {
    when(&plain(words), today)
}

fn names_a_day(known: &Known, cx: &Context, plain: &str) -> bool {
    let today = cx.now().with_timezone(&known.shop.zone).date_naive();
    when(plain, today) != When::default()
}

/// Whether its last answer was that it did not understand.
fn was_lost_before(known: &Known) -> bool {
    let last = known.turns.iter().rev().find(|turn| turn.said_by == domain::SaidBy::Assistant);
    last.is_some_and(|turn| {
        domain::Language::ALL.iter().any(|language| turn.words.contains(&Say(*language).not_understood()))
    })
}

/// The words that may be about a service.
fn subject(plain: &str) -> String {
    const AROUND: &str = " how much is are the a an for of to my it its on in at do does you your we i me want need like would can could what when which \
        price prices pricing cost costs quote charge rate estimate get have has and or with please hi hello hey there book appointment schedule slot \
        available availability come bring drop off time times day today tomorrow morning afternoon next week services options offer menu thing \
        monday tuesday wednesday thursday friday saturday sunday many any some that this be will much about car vehicle done all \
        cuanto cuesta cuestan vale precio precios el la los las un una de del para mi su que y o con por favor hola buenas buenos dias quiero \
        necesito quisiera me cita agendar reservar disponible hora horas dia manana mañana hoy tarde semana proxima en es son hacen ofrecen \
        servicios opciones carro auto coche lunes martes miercoles jueves viernes sabado domingo cotizacion presupuesto puedo pueden ";
    let words = plain.split(' ').filter(|word| !word.is_empty() && !AROUND.contains(&format!(" {word} ")));
    words.collect::<Vec<_>>().join(" ")
}

/// The services that they mean: by their words, or else by what they asked for at first.
fn meant<'k>(known: &'k Known, plain: &str) -> Vec<&'k Service> {
    let subject = subject(plain);
    if !subject.is_empty() {
        let found = known.find_services(&subject);
        if !found.is_empty() {
            return found;
        }
    }
    match known.spoken_of() {
        Some(service) => vec![service],
        None => known.find_services(&known.recipient.service),
    }
}

fn prices(known: &Known, plain: &str, say: Say, draft: Draft) -> Draft {
    if !known.has_catalog() {
        return draft.say(say.no_catalog()).hand_over("no_catalog", say);
    }
    let found = meant(known, plain);
    if found.is_empty() {
        return services(known, say, draft.say(say.no_such_service()));
    }
    let has_more = found.len() > MOST_PRICES;
    let shown = &found[..found.len().min(MOST_PRICES)];
    let mut draft = draft;
    for service in shown {
        draft = draft.say(say.price(service)).show(price_card(service));
    }
    if has_more {
        draft = draft.say(say.more_of_them());
    }
    if shown.iter().any(|service| service.is_bookable) { draft.say(say.see_a_time()) } else { draft }
}

pub(crate) fn price_card(service: &Service) -> Card {
    Card::Price {
        service: service.id.clone(),
        name: service.name.clone(),
        price_cents: service.price_cents,
        tax: service.tax,
        is_bookable: service.is_bookable,
    }
}

fn services(known: &Known, say: Say, draft: Draft) -> Draft {
    let names: Vec<&str> = known.services().iter().take(MOST_PRICES).map(|service| service.name.as_str()).collect();
    if names.is_empty() {
        draft.say(say.no_catalog()).hand_over("no_catalog", say)
    } else {
        draft.say(say.what_there_is(&names))
    }
}

fn said_or_not(words: &str, sentence: impl FnOnce(&str) -> String, say: Say, draft: Draft) -> Draft {
    if words.is_empty() {
        draft.say(say.nobody_has_said()).hand_over("not_known", say)
    } else {
        draft.say(sentence(words))
    }
}

fn place(known: &Known, say: Say, draft: Draft) -> Draft {
    let draft = said_or_not(&known.location.postal_address, |address| say.place(address), say, draft);
    if known.location.phone.is_empty() {
        return draft;
    }
    draft.say(say.telephone(&domain::as_people_read(&known.location.phone)))
}

fn booked(known: &Known, say: Say, draft: Draft) -> Draft {
    let zone = known.shop.zone;
    known.booked.iter().fold(draft, |draft, booked| {
        draft.say(say.you_have(booked.slot.starts_at, zone)).show(Card::Booking {
            appointment: booked.id,
            slot: booked.slot,
            zone: zone.name().to_owned(),
            state: BookingState::Booked,
        })
    })
}

fn cancel(known: &Known, say: Say, draft: Draft) -> Draft {
    if known.booked.is_empty() {
        return draft.say(say.nothing_booked()).say(say.ask_for_a_person());
    }
    booked(known, say, draft).say(say.press_to_cancel())
}

/// Times to choose from for what they mean.
async fn times(
    cx: &Context,
    calendars: &Calendars,
    known: &Known,
    whom: ForWhom,
    plain: &str,
    draft: Draft,
) -> Result<Draft, Failure> {
    let say = Say(known.language);
    let found = meant(known, plain);
    let service = match found.as_slice() {
        [] => None,
        [service] if !service.is_bookable => {
            return Ok(draft.say(say.the_shop_books()).hand_over("not_bookable", say));
        }
        [service] => Some(*service),
        several => {
            let shown = several.iter().filter(|service| service.is_bookable).take(MOST_PRICES);
            let draft = shown.fold(draft, |draft, service| draft.show(price_card(service)));
            return Ok(draft.say(say.which_one()));
        }
    };
    let lasts = service
        .map_or(TimeDelta::minutes(known.booking.usual_minutes.into()), |service| known.booking.lasts(service.hours));
    let today = cx.now().with_timezone(&known.shop.zone).date_naive();
    let wanted = when(plain, today);
    let of = service.map(|service| service.id.as_str());
    let mut draft = draft;
    let mut offered = offer(cx, calendars, known, whom, of, lasts, &wanted).await?;
    if offered.slots.is_empty() && wanted != When::default() {
        draft = draft.say(say.no_time());
        offered = offer(cx, calendars, known, whom, of, lasts, &When::default()).await?;
        if !offered.slots.is_empty() {
            draft = draft.say(say.these_instead());
        }
    }
    if offered.slots.is_empty() {
        return Ok(draft.say(say.no_time()).hand_over("no_time", say));
    }
    let zone = known.shop.zone.name().to_owned();
    let (slots, held_until) = (offered.slots, offered.held_until);
    let card = Card::Slots { service: of.map(str::to_owned), zone, slots, held_until };
    Ok(draft.say(say.choose_a_time()).say(say.kept_for_a_while()).show(card))
}
