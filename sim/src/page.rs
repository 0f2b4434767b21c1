//! What the customers see: a phone and an inbox, as the messages arrive.

use std::sync::Arc;

use axum::{Json, Router, extract::State, response::Html, routing::get};
use serde_json::{Value, json};

use crate::{Event, world::World};

pub(crate) fn router() -> Router<Arc<World>> {
    Router::new().route("/", get(async || Html(include_str!("page.html")))).route("/sim/messages", get(messages))
}

/// How many messages a page shows; a phone has no room for a thousand.
const MOST: usize = 60;

async fn messages(State(world): State<Arc<World>>) -> Json<Value> {
    let entries = world.journal.entries();
    let (mut texts, mut emails, mut counts) = (Vec::new(), Vec::new(), [0_usize; 2]);
    for entry in entries.iter().rev() {
        match &entry.event {
            Event::Text { sid, to, body, .. } => {
                counts[0] += 1;
                texts.push(json!({"id": sid, "at": entry.at, "who": to, "body": body, "mine": false}));
            }
            Event::Reply { from, body } => {
                texts.push(json!({"id": format!("{}{from}", entry.at), "at": entry.at, "who": from, "body": body, "mine": true}));
            }
            Event::Email { id, to, subject, body, .. } => {
                counts[1] += 1;
                emails.push(json!({"id": id, "at": entry.at, "to": to, "subject": subject, "body": body}));
            }
            _ => {}
        }
    }
    texts.truncate(MOST);
    emails.truncate(MOST);
    Json(json!({"texts": texts, "emails": emails, "text_count": counts[0], "email_count": counts[1]}))
}
