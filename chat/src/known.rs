//! What is known when somebody is answered: who they are, their shop, what it sells, what was said and booked before.

use std::sync::Arc;

use catalog_cache::Catalogs;
use chrono::{DateTime, Utc};
use domain::{BookingRules, Card, Language, LeadId, SaidBy, Service, ServiceSearch, ShopCalendar, TenantId};
use stage::Failure;
use store::{BookedSlot, Location, Recipient, Transaction, Turn};

use crate::ground::Grounds;

/// Turns that an answer looks back on.
const LOOKS_BACK: u16 = 30;

pub(crate) struct Known {
    pub(crate) recipient: Recipient,
    pub(crate) location: Location,
    pub(crate) shop: ShopCalendar,
    pub(crate) bays: u16,
    pub(crate) booking: BookingRules,
    /// In which they are answered.
    pub(crate) language: Language,
    /// The oldest first; the newest is what they said last.
    pub(crate) turns: Vec<Turn>,
    pub(crate) booked: Vec<BookedSlot>,
    /// Until here nothing of theirs waits for an answer.
    answered_turn: u32,
    services: Services,
}

/// What the shop sells. `None`: nobody knows just now.
type Services = Option<Arc<catalog_cache::Catalog>>;

/// Everything but the catalog, within the transaction that hears them. `None`: there is no such lead.
pub(crate) async fn read(tx: &mut Transaction, lead: LeadId) -> Result<Option<Known>, Failure> {
    let Some(of) = tx.descriptions().find_recipient(lead).await? else { return Ok(None) };
    let settings = tx.tenants().settings().await?;
    let location = tx.locations().list().await?.into_iter().find(|location| location.id == of.location);
    let Some(location) = location else { return Ok(None) };
    let bays = tx.appointments().count_bays(location.id).await?;
    let chat = tx.chats().find(lead).await?.unwrap_or_default();
    let turns = tx.chats().list_before(lead, None, LOOKS_BACK).await?;
    let booked = tx.appointments().list_booked(lead).await?;
    Ok(Some(Known {
        language: chat.language.or(of.recipient.language).unwrap_or(settings.language),
        recipient: of.recipient,
        shop: location.calendar(),
        location,
        bays,
        booking: settings.booking,
        turns,
        booked,
        answered_turn: chat.answered_turn,
        services: None,
    }))
}

impl Known {
    /// What the shop sells, as far as anybody knows.
    pub(crate) async fn look_up_services(&mut self, tenant: TenantId, catalogs: &Catalogs) {
        self.services = catalogs.find(tenant, &self.location.crm_location_id).await.catalog().cloned();
    }

    pub(crate) fn services(&self) -> &[Service] {
        self.services.as_ref().map_or(&[], |catalog| &catalog.services)
    }

    /// Whether anybody knows what the shop sells.
    pub(crate) fn has_catalog(&self) -> bool {
        self.services.is_some()
    }

    pub(crate) fn find_services(&self, words: &str) -> Vec<&Service> {
        ServiceSearch { words: words.to_owned(), ..ServiceSearch::default() }.find(self.services())
    }

    pub(crate) fn service(&self, id: &str) -> Option<&Service> {
        self.services().iter().find(|service| service.id == id)
    }

    /// What they have said since the last answer: somebody who types fast says it in pieces.
    pub(crate) fn waiting_words(&self) -> String {
        let waits = |turn: &&Turn| turn.said_by == SaidBy::Customer && turn.number > self.answered_turn;
        self.turns.iter().filter(waits).map(|turn| turn.words.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// The service that was spoken of last: the only one whose price was shown then, or the one for which times were.
    pub(crate) fn spoken_of(&self) -> Option<&Service> {
        let shown = |card: &Card| match card {
            Card::Slots { service, .. } => service.clone(),
            Card::Price { service, .. } => Some(service.clone()),
            Card::Booking { .. } => None,
        };
        let of_turn = |turn: &Turn| -> Vec<String> { turn.cards.iter().filter_map(shown).collect() };
        let last = self.turns.iter().rev().map(of_turn).find(|shown| !shown.is_empty())?;
        match last.as_slice() {
            [only] => self.service(only),
            _ => None,
        }
    }

    /// What an answer may rest on, beside the times that it offers.
    pub(crate) fn grounds(&self, now: DateTime<Utc>) -> Grounds {
        let Location { name, phone, postal_address, hours, .. } = &self.location;
        let shop_words = [
            name,
            &domain::as_people_read(phone),
            phone,
            postal_address,
            hours,
            &self.recipient.vehicle,
            &self.recipient.service,
        ];
        Grounds {
            now,
            zone: self.shop.zone,
            services: self.services().to_vec(),
            slots: self.booked.iter().map(|booked| (booked.id, booked.slot)).collect(),
            has_booked: !self.booked.is_empty(),
            hours: hours.clone(),
            shop_words: shop_words.into_iter().filter(|words| !words.is_empty()).cloned().collect(),
        }
    }
}
