//! What the customers see: a phone and an inbox, as the messages arrive.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    extract::{Query, State},
    response::Html,
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Entry, Event, world::World};

pub(crate) fn router() -> Router<Arc<World>> {
    Router::new().route("/", get(async || Html(include_str!("page.html")))).route("/sim/messages", get(messages))
}

/// How many messages of each kind a page shows; it has no room for a thousand.
const MOST: usize = 80;

#[derive(Deserialize)]
struct Wanted {
    /// Only texts from and to this number.
    who: Option<String>,
}

async fn messages(State(world): State<Arc<World>>, Query(wanted): Query<Wanted>) -> Json<Value> {
    let entries = world.journal.entries();
    let (mut texts, mut emails, mut counts) = (Vec::new(), Vec::new(), [0_usize; 2]);
    let mut people: Vec<(&str, usize)> = Vec::new();
    let mut seen = HashMap::new();
    for (number, Entry { business_at: at, event, .. }) in entries.iter().enumerate().rev() {
        let (who, text) = match event {
            Event::Text { to, body, .. } | Event::Whatsapp { to, body, .. } => {
                (to, json!({"id": number, "at": at, "who": to, "body": body, "mine": false}))
            }
            Event::Reply { from, body } => {
                (from, json!({"id": number, "at": at, "who": from, "body": body, "mine": true}))
            }
            Event::Email { to, subject, body, .. } => {
                counts[1] += 1;
                emails.push(json!({"id": number, "at": at, "to": to, "subject": subject, "body": body}));
                continue;
            }
            _ => continue,
        };
        counts[0] += usize::from(matches!(event, Event::Text { .. } | Event::Whatsapp { .. }));
        let place = *seen.entry(who.as_str()).or_insert_with(|| {
            people.push((who, 0));
            people.len() - 1
        });
        people[place].1 += 1;
        if wanted.who.as_ref().is_none_or(|wanted| wanted == who) {
            texts.push(text);
        }
    }
    texts.truncate(MOST);
    emails.truncate(MOST);
    let people: Vec<_> = people.into_iter().map(|(who, texts)| json!({"who": who, "texts": texts})).collect();
    Json(json!({
        "now": world.settings.clock.now(), "texts": texts, "emails": emails, "people": people,
        "text_count": counts[0], "email_count": counts[1]
    }))
}
