//! Follow-ups that stand still.

use domain::{Channel, LeadId, PauseScope};
use operate::WantedScope;
use store::PauseLine;

use super::{say, tenant::desk};
use crate::Config;

/// What is paused: everything of a tenant's, or a part of it.
#[derive(Debug, clap::Args)]
pub struct PauseArguments {
    /// As `leads tenant list` names it
    tenant: String,
    #[command(flatten)]
    part: Part,
    /// Who says so
    #[arg(long, default_value = "operator", value_parser = super::person)]
    by: String,
}

#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct Part {
    /// One lead's
    #[arg(long)]
    lead: Option<LeadId>,
    /// One shop's, by the CRM's id of it
    #[arg(long)]
    location: Option<String>,
    /// What goes out by sms or by email
    #[arg(long)]
    channel: Option<Channel>,
}

impl Part {
    fn scope(self) -> WantedScope {
        match self {
            Self { lead: Some(lead), .. } => WantedScope::Lead(lead),
            Self { location: Some(location), .. } => WantedScope::Location(location),
            Self { channel: Some(channel), .. } => WantedScope::Channel(channel),
            Self { lead: None, location: None, channel: None } => WantedScope::Everything,
        }
    }
}

pub async fn pause(config: &Config, what: PauseArguments, why: &str, json: bool) -> anyhow::Result<()> {
    let PauseArguments { tenant, part, by } = what;
    let is_new = operate::pause(&desk(config)?, &tenant, &part.scope(), why, &by).await?;
    if json {
        return Ok(say(&serde_json::json!({"tenant": tenant, "paused": true, "was_paused": !is_new}).to_string())?);
    }
    Ok(say(if is_new {
        "it stands still; when you resume it, all that is left is so much later"
    } else {
        "it was paused already"
    })?)
}

pub async fn resume(config: &Config, what: PauseArguments, json: bool) -> anyhow::Result<()> {
    let PauseArguments { tenant, part, by } = what;
    let since = operate::resume(&desk(config)?, &tenant, &part.scope(), &by).await?;
    if json {
        return Ok(say(&serde_json::json!({"tenant": tenant, "paused": false, "since": since}).to_string())?);
    }
    Ok(say(&format!("it goes on; it stood still since {}", since.format("%Y-%m-%d %H:%M UTC")))?)
}

pub async fn list(config: &Config, slug: &str, json: bool) -> anyhow::Result<()> {
    let pauses = operate::list_pauses(&desk(config)?, slug).await?;
    if json {
        return Ok(say(&serde_json::to_string_pretty(&pauses)?)?);
    }
    if pauses.is_empty() {
        say("nothing is paused, and nothing was")?;
    }
    for pause in pauses {
        let PauseLine { scope, paused_at, paused_by, because, resumed_at, resumed_by } = pause;
        let what = match scope {
            PauseScope::Everything => "everything".to_owned(),
            PauseScope::Location(location) => format!("shop {location}"),
            PauseScope::Lead(lead) => format!("lead {lead}"),
            PauseScope::Channel(channel) => channel.as_str().to_owned(),
        };
        let ended = match (resumed_at, resumed_by) {
            (Some(at), Some(by)) => format!("until {} by {by}", at.format("%Y-%m-%d %H:%M")),
            _ => "STANDS STILL".to_owned(),
        };
        say(&format!("{what}  since {} by {paused_by}: {because}; {ended}", paused_at.format("%Y-%m-%d %H:%M")))?;
    }
    Ok(())
}
