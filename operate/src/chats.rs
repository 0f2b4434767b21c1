//! Conversations, for the staff: reading one, saying something in it, and giving it back to the assistant.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{Card, ChatChannel, LeadId, SaidBy, StopReason, TenantId, TurnId};
use events::{Handoff, LivePart, LiveTurn};
use serde::Serialize;
use stage::Bus;
use store::{NewTurn, Turn};
use uuid::Uuid;

use crate::{Desk, Error};

/// Turns shown at once.
const MOST_TURNS: u16 = 200;
const LONGEST_WORDS: usize = 2_000;
/// Pages that are open hear of it at once or read it later.
const PATIENCE: Duration = Duration::from_secs(3);

/// A conversation as the staff reads it.
#[derive(Debug, Serialize)]
pub struct Conversation {
    /// Who of the staff has it. `None`: the assistant.
    pub held_by: Option<String>,
    /// The oldest first; the newest two hundred.
    pub turns: Vec<ConversationTurn>,
}

#[derive(Debug, Serialize)]
pub struct ConversationTurn {
    pub said_at: DateTime<Utc>,
    pub said_by: SaidBy,
    pub name: Option<String>,
    pub words: String,
    pub cards: Vec<Card>,
}

impl From<Turn> for ConversationTurn {
    fn from(turn: Turn) -> Self {
        let Turn { said_at, said_by, name, words, cards, .. } = turn;
        Self { said_at, said_by, name, words, cards }
    }
}

/// What was said to a lead in the chat, and by them.
pub async fn read_chat(desk: &Desk, slug: &str, lead: LeadId) -> Result<Conversation, Error> {
    let mut tx = desk.store.begin(desk.find(slug).await?).await?;
    tx.leads().lookup(lead).await?.ok_or(Error::NoSuchLead(lead))?;
    let chat = tx.chats().find(lead).await?.unwrap_or_default();
    let turns = tx.chats().list_before(lead, None, MOST_TURNS).await?;
    Ok(Conversation { held_by: chat.held_by, turns: turns.into_iter().map(ConversationTurn::from).collect() })
}

/// Somebody of the staff says something, and has the conversation from now on: the assistant is silent, and an answer that it was about
/// to give is not said.
pub async fn say_in_chat(desk: &Desk, bus: &Bus, slug: &str, lead: LeadId, words: &str, by: &str) -> Result<(), Error> {
    let words = words.trim();
    let is_typed = |letter: char| !letter.is_control() || letter == '\n';
    if words.is_empty() || words.chars().count() > LONGEST_WORDS || !words.chars().all(is_typed) {
        return Err(Error::ChatWords);
    }
    let (tenant, now) = (desk.find(slug).await?, desk.clock.now());
    let id = TurnId::new(Uuid::new_v4());
    let turn = NewTurn {
        id,
        said_by: SaidBy::Person,
        name: Some(by),
        channel: ChatChannel::Web,
        words,
        cards: &[],
        grounds: &[],
        worded_by: None,
    };
    let mut tx = desk.store.begin(tenant).await?;
    tx.leads().lookup(lead).await?.ok_or(Error::NoSuchLead(lead))?;
    tx.chats().add(lead, &turn, None, now).await?;
    let is_new = tx.chats().take_over(lead, by, now).await?;
    tx.leads().stop(lead, StopReason::TakenOver, now).await?;
    tx.slas().set_responder(lead, by).await?;
    tx.commit().await?;
    if is_new {
        let joined = LivePart::DataHandoff { data: Handoff::Joined { name: by.to_owned() } };
        tell(bus, tenant, lead, &joined, &format!("joined:{id}")).await;
    }
    let live = LiveTurn {
        id,
        said_by: SaidBy::Person,
        name: Some(by.to_owned()),
        words: words.to_owned(),
        cards: Vec::new(),
        said_at: now,
    };
    tell(bus, tenant, lead, &LivePart::DataTurn { data: live }, &format!("turn:{id}")).await;
    Ok(())
}

/// The assistant answers again, whatever is said from now on.
pub async fn give_chat_back(desk: &Desk, bus: &Bus, slug: &str, lead: LeadId) -> Result<(), Error> {
    let tenant = desk.find(slug).await?;
    let mut tx = desk.store.begin(tenant).await?;
    if !tx.chats().give_back(lead).await? {
        return Err(Error::NotHeld(lead));
    }
    tx.commit().await?;
    let id = format!("given-back:{}", Uuid::new_v4());
    tell(bus, tenant, lead, &LivePart::DataHandoff { data: Handoff::GivenBack }, &id).await;
    Ok(())
}

/// To the pages that are open. It is kept already, and whoever misses it reads it in the history.
async fn tell(bus: &Bus, tenant: TenantId, lead: LeadId, part: &LivePart, id: &str) {
    if let Err(error) = bus.publish(&part.pack(tenant, lead, id), PATIENCE).await {
        tracing::warn!(error = service::telemetry::causes(&error), "the pages that are open are not told");
    }
}
