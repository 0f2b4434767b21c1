//! Conversations, for the staff.

use domain::{LeadId, SaidBy};

use super::{
    say,
    tenant::{desk, operators_bus},
};
use crate::Config;

/// What was said.
pub async fn show(config: &Config, slug: &str, lead: LeadId, json: bool) -> anyhow::Result<()> {
    let conversation = operate::read_chat(&desk(config)?, slug, lead).await?;
    if json {
        return Ok(say(&serde_json::to_string_pretty(&conversation)?)?);
    }
    if conversation.turns.is_empty() {
        say("nothing was said yet")?;
    }
    for turn in conversation.turns {
        let who = match (turn.said_by, &turn.name) {
            (SaidBy::Person, Some(name)) => name.as_str(),
            (said_by, _) => said_by.as_str(),
        };
        say(&format!("{}  {who:<10} {}", turn.said_at.format("%Y-%m-%d %H:%M:%S"), turn.words.replace('\n', " ")))?;
    }
    match conversation.held_by {
        Some(name) => {
            say(&format!("{name} has it; the assistant is silent until: leads chat give-back {slug} {lead}"))?;
        }
        None => say("the assistant answers")?,
    }
    Ok(())
}

/// Somebody of the staff says something, and has the conversation from now on.
pub async fn speak(config: &Config, slug: &str, lead: LeadId, words: &str, by: &str) -> anyhow::Result<()> {
    let bus = operators_bus(config).await?;
    let said = operate::say_in_chat(&desk(config)?, &bus, slug, lead, words, by).await;
    bus.close().await;
    said?;
    Ok(say("said; the assistant is silent until the conversation is given back")?)
}

/// The assistant answers again.
pub async fn give_back(config: &Config, slug: &str, lead: LeadId) -> anyhow::Result<()> {
    let bus = operators_bus(config).await?;
    let given = operate::give_chat_back(&desk(config)?, &bus, slug, lead).await;
    bus.close().await;
    given?;
    Ok(say("the assistant answers whatever is said from now on")?)
}
