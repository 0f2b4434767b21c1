//! `POST /api/chat/{lead}/book` and `/cancel`: what the customer presses. No words are read for it, and none can do it.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use domain::{
    AppointmentId, BOOKED, BookingState, CALLED_OFF, Card, Channel, ChatChannel, Ground, LeadId, SaidBy, StopReason,
    TenantId, TurnId,
};
use events::{LivePart, LiveTurn};
use serde::Deserialize;
use serde_json::json;
use service::{Code, Problem};
use store::{BookedSlot, Booking, NewTurn, Transaction};

use crate::{App, Session, concierge::Say, database_away};

#[derive(Deserialize)]
pub(crate) struct Pressed {
    hold: AppointmentId,
}

#[derive(Deserialize)]
pub(crate) struct CalledOff {
    appointment: AppointmentId,
}

/// A text is read at once, and an email has the file for a calendar.
const CONFIRMED_BY: [Channel; 2] = [Channel::Sms, Channel::Email];

/// What is told to whoever has the page open, and kept as a turn.
struct Told {
    turn: TurnId,
    words: String,
    card: Card,
}

pub(crate) async fn book(
    State(app): State<App>,
    session: Session,
    body: Result<Json<Pressed>, JsonRejection>,
) -> Result<Response, Problem> {
    let Ok(Json(Pressed { hold })) = body else {
        return Err(Problem::new(Code::NotReadable, "Send the time that was pressed as {\"hold\": \"…\"}."));
    };
    let Session { tenant, lead } = session;
    let book = async {
        let mut tx = app.0.store.begin(tenant).await?;
        let (wall, now) = (app.0.clock.wall(), app.0.clock.now());
        let Booking::Booked { appointment, is_new } = tx.appointments().book(hold, lead, wall, now).await? else {
            return Ok(None);
        };
        let told = told(&mut tx, lead, &appointment, BookingState::Booked).await?;
        if is_new {
            tx.appointments().release_holds(lead).await?;
            for before in tx.appointments().end_others(lead, hold, wall).await? {
                tx.messages().cancel_answers(lead, before, now).await?;
            }
            tx.leads().stop(lead, StopReason::Booked, now).await?;
            keep(&mut tx, lead, &told, hold, now).await?;
            tx.messages().plan_answer(lead, hold, BOOKED, &CONFIRMED_BY, now).await?;
        }
        tx.commit().await?;
        Ok::<_, store::Error>(Some((appointment, told)))
    };
    let Some((appointment, told)) = book.await.map_err(|error| database_away(&error))? else {
        return Err(Problem::new(Code::SlotGone, "That time is not kept for you any more. Ask for the times again."));
    };
    tell(&app, tenant, lead, &told).await;
    Ok((StatusCode::OK, Json(json!({ "appointment": appointment.id, "booking": told.card, "words": told.words })))
        .into_response())
}

pub(crate) async fn cancel(
    State(app): State<App>,
    session: Session,
    body: Result<Json<CalledOff>, JsonRejection>,
) -> Result<Response, Problem> {
    let Ok(Json(CalledOff { appointment })) = body else {
        return Err(Problem::new(Code::NotReadable, "Send what is called off as {\"appointment\": \"…\"}."));
    };
    let Session { tenant, lead } = session;
    let cancel = async {
        let mut tx = app.0.store.begin(tenant).await?;
        let Some(called_off) = tx.appointments().cancel(appointment, lead, app.0.clock.wall()).await? else {
            return Ok(None);
        };
        let told = told(&mut tx, lead, &called_off, BookingState::Cancelled).await?;
        let now = app.0.clock.now();
        keep(&mut tx, lead, &told, appointment, now).await?;
        // Whoever has not been told yet that it is booked is told nothing of it.
        tx.messages().cancel_answers(lead, appointment, now).await?;
        tx.messages().plan_answer(lead, appointment, CALLED_OFF, &CONFIRMED_BY, now).await?;
        tx.commit().await?;
        Ok::<_, store::Error>(Some(told))
    };
    let Some(told) = cancel.await.map_err(|error| database_away(&error))? else {
        return Err(Problem::new(Code::SlotGone, "There is no such appointment of yours any more."));
    };
    tell(&app, tenant, lead, &told).await;
    Ok((StatusCode::OK, Json(json!({ "booking": told.card, "words": told.words }))).into_response())
}

async fn told(tx: &mut Transaction, lead: LeadId, of: &BookedSlot, state: BookingState) -> Result<Told, store::Error> {
    let chat = tx.chats().find(lead).await?.unwrap_or_default();
    let zone = tx.locations().list().await?.into_iter().find(|shop| shop.id == of.location).map(|shop| shop.time_zone);
    let zone = zone.unwrap_or(chrono_tz::UTC);
    let language = match chat.language {
        Some(language) => language,
        None => tx.links().find_shop(lead).await?.map(|shop| shop.language).unwrap_or_default(),
    };
    let say = Say(language);
    let (words, name) = match state {
        BookingState::Booked => (say.you_have(of.slot.starts_at, zone), "booked"),
        BookingState::Cancelled => (say.called_off(of.slot.starts_at, zone), "cancelled"),
    };
    let card = Card::Booking { appointment: of.id, slot: of.slot, zone: zone.name().to_owned(), state };
    Ok(Told { turn: TurnId::of_customer(lead, &format!("{name}:{}", of.id)), words, card })
}

async fn keep(
    tx: &mut Transaction,
    lead: LeadId,
    told: &Told,
    appointment: AppointmentId,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), store::Error> {
    let turn = NewTurn {
        id: told.turn,
        said_by: SaidBy::Assistant,
        name: None,
        channel: ChatChannel::Web,
        words: &told.words,
        cards: std::slice::from_ref(&told.card),
        grounds: &[Ground::Appointment { id: appointment }],
        worded_by: Some("concierge"),
    };
    tx.chats().add(lead, &turn, None, now).await.map(drop)
}

/// To every page that is open. Whoever misses it reads it in the history.
async fn tell(app: &App, tenant: TenantId, lead: LeadId, told: &Told) {
    let turn = LiveTurn {
        id: told.turn,
        said_by: SaidBy::Assistant,
        name: None,
        words: told.words.clone(),
        cards: vec![told.card.clone()],
        said_at: app.0.clock.now(),
    };
    let part = LivePart::DataTurn { data: turn };
    let out = part.pack(tenant, lead, &format!("turn:{}", told.turn));
    if let Err(error) = app.0.bus.publish(&out, app.0.config.publish_patience).await {
        tracing::warn!(error = service::telemetry::causes(&error), "a booking is not told to the pages that are open");
    }
}
