//! What is left for a person to do.

use chrono::{DateTime, Utc};
use domain::{LeadId, TaskId};
use operate::Answered;

use super::{say, tenant::desk};
use crate::Config;

pub async fn list(config: &Config, slug: &str, json: bool) -> anyhow::Result<()> {
    let desk = desk(config)?;
    let tasks = operate::list_tasks(&desk, slug).await?;
    if json {
        return Ok(say(&serde_json::to_string_pretty(&tasks)?)?);
    }
    if tasks.is_empty() {
        say("nothing is left to do")?;
    }
    let now = desk.clock.now();
    for task in tasks {
        let due = task.due_at.format("%Y-%m-%d %H:%M UTC");
        let overdue = if task.due_at <= now { "  OVERDUE" } else { "" };
        let whose = task.assignee.as_deref().unwrap_or("nobody");
        say(&format!("{}  due {due}{overdue}  {whose}: {}  (lead {})", task.id, task.title, task.lead))?;
    }
    Ok(())
}

/// What is to be done, and by when.
#[derive(Debug, clap::Args)]
pub struct TaskArguments {
    /// As `leads tenant list` names it
    tenant: String,
    lead: LeadId,
    /// Such as "Call back about the rear window"
    title: String,
    /// By when, such as 2026-03-02T22:15:00-06:00
    #[arg(long)]
    due: DateTime<Utc>,
    /// Who does it
    #[arg(long, value_parser = super::person)]
    assignee: Option<String>,
    /// Who says so
    #[arg(long, default_value = "operator", value_parser = super::person)]
    by: String,
}

pub async fn add(config: &Config, wanted: TaskArguments, json: bool) -> anyhow::Result<()> {
    let TaskArguments { tenant, lead, title, due, assignee, by } = wanted;
    let id = operate::add_task(&desk(config)?, &tenant, lead, &title, due, assignee.as_deref(), &by).await?;
    Ok(say(&if json { serde_json::json!({"task": id}).to_string() } else { format!("task {id}") })?)
}

pub async fn done(config: &Config, slug: &str, id: TaskId, by: &str) -> anyhow::Result<()> {
    operate::complete_task(&desk(config)?, slug, id, by).await?;
    Ok(say("done")?)
}

pub async fn assign(config: &Config, slug: &str, id: TaskId, to: &str) -> anyhow::Result<()> {
    operate::assign_task(&desk(config)?, slug, id, to).await?;
    Ok(say(&format!("it is {to}'s"))?)
}

/// A person has answered a lead.
pub async fn answer(config: &Config, slug: &str, lead: LeadId, how: Answered, by: &str) -> anyhow::Result<()> {
    operate::answer(&desk(config)?, slug, lead, how, by).await?;
    Ok(say("the follow-up has ended, and nobody waits for an answer any more")?)
}
