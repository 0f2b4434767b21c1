//! `GET /api/chat/{lead}/history`: what was said, page by page, and from where the stream goes on.

use axum::{
    Json,
    extract::{Query, State},
};
use chrono::{DateTime, Utc};
use domain::{Card, SaidBy, TurnId};
use events::{LivePart, Stream};
use serde::{Deserialize, Serialize};
use service::{Code, Problem};
use store::Turn;

use crate::{App, Session, database_away, live::written};

const USUAL: u16 = 30;
const MOST: u16 = 100;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    /// Turns before this number.
    before: Option<u32>,
    most: Option<u16>,
}

/// A turn as a page shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    id: TurnId,
    number: u32,
    said_by: SaidBy,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    words: String,
    cards: Vec<Card>,
    said_at: DateTime<Utc>,
}

impl Shown {
    pub(crate) fn of(turn: Turn) -> Self {
        let Turn { id, number, said_by, name, words, cards, said_at, .. } = turn;
        Self { id, number, said_by, name, words, cards, said_at }
    }
}

#[derive(Serialize)]
pub(crate) struct History {
    /// The oldest first.
    pub(crate) turns: Vec<Shown>,
    /// What to ask for next, for what was said before. `None`: that is all.
    before: Option<u32>,
    /// What the stream is opened with (`last_event_id`), so that nothing is missed and an answer on its way is read from its beginning.
    as_of: String,
    is_answering: bool,
    /// Who of the staff has the conversation.
    held_by: Option<String>,
}

pub(crate) async fn history(
    State(app): State<App>,
    session: Session,
    wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<History>, Problem> {
    let Ok(Query(Wanted { before, most })) = wanted else {
        return Err(Problem::new(Code::WrongQuery, "before and most are numbers."));
    };
    let most = most.unwrap_or(USUAL);
    if most == 0 || most > MOST {
        return Err(Problem::new(Code::WrongQuery, format!("most is a number from 1 to {MOST}.")));
    }
    read(&app, session, before, most).await.map(Json)
}

pub(crate) async fn read(app: &App, session: Session, before: Option<u32>, most: u16) -> Result<History, Problem> {
    // Before the turns: what is said in between is in the stream, too, and a page takes the same turn once.
    let subject = LivePart::subject(session.tenant, session.lead);
    let newest = app.0.bus.newest(Stream::ChatLive, &subject).await.unwrap_or_default().map(|entry| entry.position);
    let look_up = async {
        let mut tx = app.0.store.begin(session.tenant).await?;
        let chat = tx.chats().find(session.lead).await?.unwrap_or_default();
        // One more, to know whether there is one.
        let turns = tx.chats().list_before(session.lead, before, most + 1).await?;
        Ok::<_, store::Error>((chat, turns))
    };
    let (chat, mut turns) = look_up.await.map_err(|error| database_away(&error))?;
    let has_more = turns.len() > usize::from(most);
    if has_more {
        turns.remove(0);
    }
    let is_answering = chat.answering_until.is_some();
    let as_of = chat.answering_from.filter(|_| is_answering).unwrap_or_else(|| written(newest));
    Ok(History {
        before: turns.first().map(|turn| turn.number).filter(|_| has_more),
        turns: turns.into_iter().map(Shown::of).collect(),
        as_of,
        is_answering,
        held_by: chat.held_by,
    })
}
