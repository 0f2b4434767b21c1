//! `GET /api/chat/{lead}/calendar?appointment=`: what the customer has booked, as a file for their calendar.

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use domain::{AppointmentId, CalendarEntry};
use serde::Deserialize;
use service::{Code, Problem};

use crate::{App, Session, database_away};

#[derive(Deserialize)]
pub(crate) struct Wanted {
    appointment: AppointmentId,
}

pub(crate) async fn calendar_file(
    State(app): State<App>,
    session: Session,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let Ok(Query(Wanted { appointment })) = wanted else {
        return Err(Problem::new(Code::WrongQuery, "appointment is the id of one that is booked."));
    };
    let look_up = async {
        let mut tx = app.0.store.begin(session.tenant).await?;
        let booked = tx.appointments().list_booked(session.lead).await?;
        let shop = tx.links().find_shop(session.lead).await?;
        Ok::<_, store::Error>(booked.into_iter().find(|booked| booked.id == appointment).zip(shop))
    };
    let Some((booked, shop)) = look_up.await.map_err(|error| database_away(&error))? else {
        return Err(Problem::new(Code::SlotGone, "There is no such appointment of yours any more."));
    };
    let entry = CalendarEntry {
        id: booked.id,
        slot: booked.slot,
        is_called_off: false,
        title: &shop.name,
        place: &shop.postal_address,
        notes: &domain::as_people_read(&shop.phone),
    };
    let mut response = entry.file(app.0.clock.now()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/calendar; charset=utf-8"));
    let name = HeaderValue::from_static("attachment; filename=\"appointment.ics\"");
    headers.insert(header::CONTENT_DISPOSITION, name);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
