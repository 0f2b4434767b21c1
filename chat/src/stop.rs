//! `POST /api/chat/{lead}/stop`: the customer wants no more of the answer.

use axum::{extract::State, http::StatusCode};
use events::LivePart;
use service::Problem;

use crate::{App, Session, database_away};

pub(crate) async fn stop(State(app): State<App>, session: Session) -> Result<StatusCode, Problem> {
    let Session { tenant, lead } = session;
    let stop = async {
        let mut tx = app.0.store.begin(tenant).await?;
        let stopped = tx.chats().stop_answer(lead).await?;
        tx.commit().await?;
        Ok::<_, store::Error>(stopped)
    };
    if let Some(turn) = stop.await.map_err(|error| database_away(&error))? {
        let answer = turn.answer();
        let part = LivePart::Abort { message_id: answer, reason: "stopped".to_owned() };
        // Whoever writes finds out by themselves; this is for whoever reads.
        if let Err(error) =
            app.0.bus.publish(&part.pack(tenant, lead, &format!("{answer}:abort")), app.0.config.publish_patience).await
        {
            tracing::warn!(error = service::telemetry::causes(&error), "that an answer was stopped is not told");
        }
    }
    Ok(StatusCode::NO_CONTENT)
}
