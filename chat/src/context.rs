//! `GET /api/chat/{lead}/context`: what the page shows around the conversation.

use axum::{Json, extract::State};
use domain::{AppointmentId, Language, Slot, as_people_read};
use serde::Serialize;
use service::{Code, Problem};

use crate::{App, Session, database_away};

#[derive(Serialize)]
pub(crate) struct Context {
    pub(crate) shop: Shop,
    pub(crate) language: Language,
    vehicle: String,
    service: String,
    booked: Vec<Booked>,
}

#[derive(Serialize)]
pub(crate) struct Shop {
    name: String,
    phone: String,
    phone_shown: String,
    address: String,
    hours: String,
    zone: &'static str,
}

#[derive(Serialize)]
struct Booked {
    appointment: AppointmentId,
    #[serde(flatten)]
    slot: Slot,
}

pub(crate) async fn context(State(app): State<App>, session: Session) -> Result<Json<Context>, Problem> {
    read(&app, session).await.map(Json)
}

pub(crate) async fn read(app: &App, session: Session) -> Result<Context, Problem> {
    let look_up = async {
        let mut tx = app.0.store.begin(session.tenant).await?;
        let of = tx.descriptions().find_recipient(session.lead).await?;
        let shops = tx.locations().list().await?;
        let chat = tx.chats().find(session.lead).await?.unwrap_or_default();
        let settings = tx.tenants().settings().await?;
        let booked = tx.appointments().list_booked(session.lead).await?;
        Ok::<_, store::Error>((of, shops, chat, settings, booked))
    };
    let (of, shops, chat, settings, booked) = look_up.await.map_err(|error| database_away(&error))?;
    let gone = || Problem::new(Code::NoSession, "This conversation is over.");
    let of = of.ok_or_else(gone)?;
    let shop = shops.into_iter().find(|shop| shop.id == of.location).ok_or_else(gone)?;
    let booked = booked.into_iter().map(|booked| Booked { appointment: booked.id, slot: booked.slot }).collect();
    Ok(Context {
        language: chat.language.or(of.recipient.language).unwrap_or(settings.language),
        vehicle: of.recipient.vehicle,
        service: of.recipient.service,
        booked,
        shop: Shop {
            phone_shown: as_people_read(&shop.phone),
            name: shop.name,
            phone: shop.phone,
            address: shop.postal_address,
            hours: shop.hours,
            zone: shop.time_zone.name(),
        },
    })
}
