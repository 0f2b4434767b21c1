//! `POST /api/chat/{lead}/message`: somebody says something.

use std::time::Duration;

use axum::{
    Json,
    extract::{Query, State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use domain::{ChatChannel, Language, TurnId};
use events::{ChatAsked, Event as _, LivePart};
use serde::Deserialize;
use serde_json::json;
use service::{Code, Problem};
use stage::{Entry, PublishError};
use store::Turn;
use tokio::{
    sync::broadcast::Receiver,
    time::{Instant, sleep, timeout_at},
};

use crate::{App, Session, database_away, history::Shown};

/// Of what a page calls what was said.
const LONGEST_ID: usize = 64;
const LONGEST_WORDS: usize = 2_000;
/// Nobody waits longer for an answer in one piece.
const LONGEST_WAIT_S: u64 = 25;
const LOOKS_AGAIN_AFTER: Duration = Duration::from_millis(250);

#[derive(Deserialize)]
pub(crate) struct Said {
    id: String,
    words: String,
    /// What the page speaks.
    #[serde(default)]
    language: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Wait {
    /// Seconds to wait for the answer in one piece.
    #[serde(default)]
    wait: u64,
}

/// What was said, read.
struct Read {
    turn: TurnId,
    words: String,
    language: Option<Language>,
}

pub(crate) async fn message(
    State(app): State<App>,
    session: Session,
    Query(Wait { wait }): Query<Wait>,
    body: Result<Json<Said>, JsonRejection>,
) -> Result<Response, Problem> {
    let Ok(Json(said)) = body else {
        let detail = "Send {\"id\": \"…\", \"words\": \"…\"}: an id of your own for this message, and what to say.";
        return Err(Problem::new(Code::NotReadable, detail));
    };
    let Read { turn, words, language } = read(session, &said)?;
    // Listened to before it is said, so that no answer is too fast.
    let subject = LivePart::subject(session.tenant, session.lead);
    let mut listening = app.0.listening.listen(&subject);
    let asked = ChatAsked {
        tenant: session.tenant,
        lead: session.lead,
        turn,
        by: ChatChannel::Web,
        words,
        language,
        asked_at: app.0.clock.wall(),
    };
    store(&app, &asked).await?;
    let answer = turn.answer();
    if wait > 0 {
        let until = Instant::now() + Duration::from_secs(wait.min(LONGEST_WAIT_S));
        loop {
            if let Some(turn) = find(&app, session, answer).await? {
                return Ok(
                    (StatusCode::OK, Json(json!({ "turn": asked.turn, "answer": Shown::of(turn) }))).into_response()
                );
            }
            if timeout_at(until, it_is_over(&app, &mut listening, &subject)).await.is_err() {
                break;
            }
        }
    }
    let stream = format!("/api/chat/{}/stream", session.lead);
    Ok((StatusCode::ACCEPTED, Json(json!({ "turn": turn, "answer": answer, "stream": stream }))).into_response())
}

/// An answer of this conversation has ended, or may have: the log is not always read.
async fn it_is_over(app: &App, listening: &mut Receiver<Entry>, subject: &str) {
    while let Ok(entry) = listening.recv().await {
        if matches!(serde_json::from_slice(&entry.payload), Ok(LivePart::Finish { .. } | LivePart::Abort { .. })) {
            return;
        }
    }
    *listening = app.0.listening.listen(subject);
    sleep(LOOKS_AGAIN_AFTER).await;
}

fn read(session: Session, said: &Said) -> Result<Read, Problem> {
    let mut errors = Vec::new();
    let mut wrong = |field: &str, says: &str| errors.push(json!({ "field": field, "says": says }));
    let is_plain = said.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if said.id.is_empty() || said.id.len() > LONGEST_ID || !is_plain {
        wrong("id", "is from 1 to 64 letters, digits, - or _, and another one for each message");
    }
    let words: String = said.words.chars().filter(|letter| !letter.is_control() || *letter == '\n').collect();
    let words = words.trim();
    if words.is_empty() {
        wrong("words", "is empty");
    } else if words.chars().count() > LONGEST_WORDS {
        wrong("words", "is longer than 2000 letters; please say it in pieces");
    }
    let language = said.language.as_deref().map(Language::of_tag);
    if errors.is_empty() {
        let turn = TurnId::of_customer(session.lead, &said.id);
        return Ok(Read { turn, words: words.to_owned(), language: language.flatten() });
    }
    Err(Problem::new(Code::InvalidFields, "Something in the message is wrong; it is named in errors.")
        .with("errors", errors.into()))
}

/// Returns only when it is on disk.
async fn store(app: &App, asked: &ChatAsked) -> Result<(), Problem> {
    let out = asked.pack("chat", app.0.clock.now());
    app.0.bus.publish(&out, app.0.config.publish_patience).await.map(drop).map_err(|error| {
        tracing::error!(tenant.id = %asked.tenant, error = service::telemetry::causes(&error), "what a customer said was not stored");
        let seconds = match error {
            PublishError::NotConfirmed(..) => 2,
            PublishError::Refused(_) => 30,
        };
        Problem::new(Code::StreamAway, "Please send this again.").retry_after(seconds)
    })
}

async fn find(app: &App, session: Session, answer: TurnId) -> Result<Option<Turn>, Problem> {
    let look_up = async { app.0.store.begin(session.tenant).await?.chats().find_turn(session.lead, answer).await };
    look_up.await.map_err(|error| database_away(&error))
}
