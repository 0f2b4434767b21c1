//! A tenant's words.

use std::{io::Read as _, path::PathBuf};

use anyhow::Context as _;
use domain::{Channel, LeadId};
use store::Template;

use super::{say, tenant::desk};
use crate::Config;

/// A template to save.
#[derive(Debug, clap::Args)]
pub struct SaveArguments {
    /// As `leads tenant list` names it
    tenant: String,
    /// As cadences name it, such as day_3
    name: String,
    /// sms or email
    channel: Channel,
    /// What it says; read from standard input, if left out
    file: Option<PathBuf>,
    /// Of an email
    #[arg(long)]
    subject: Option<String>,
}

pub async fn list(config: &Config, slug: &str, json: bool) -> anyhow::Result<()> {
    let templates = operate::list_words(&desk(config)?, slug).await?;
    if json {
        let line = |words: &Template| serde_json::json!({"name": words.name, "channel": words.channel, "subject": words.subject, "body": words.body});
        return Ok(say(&serde_json::to_string_pretty(&templates.iter().map(line).collect::<Vec<_>>())?)?);
    }
    for words in templates {
        let subject = words.subject.map(|subject| format!("{subject}: ")).unwrap_or_default();
        let first = words.body.lines().next().unwrap_or_default();
        say(&format!("{:<14} {:<6} {subject}{first}", words.name, words.channel.as_str()))?;
    }
    Ok(())
}

pub async fn save(config: &Config, wanted: SaveArguments, json: bool) -> anyhow::Result<()> {
    let SaveArguments { tenant, name, channel, file, subject } = wanted;
    let body = if let Some(file) = file {
        std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?
    } else {
        let mut text = String::new();
        std::io::stdin().take(64 << 10).read_to_string(&mut text).context("what came in is no text")?;
        text
    };
    let template = Template { name, channel, subject, body: body.trim_end().to_owned() };
    let saved = operate::save_words(&desk(config)?, &tenant, &template).await?;
    if json {
        return Ok(say(&serde_json::to_string_pretty(&saved)?)?);
    }
    if let Some(subject) = &saved.sample.subject {
        say(&format!("Subject: {subject}"))?;
    }
    say(&saved.sample.body)?;
    if let Some(segments) = saved.segments {
        let parts = if segments.count == 1 { "part" } else { "parts" };
        say(&format!("(saved; {} {parts} for this customer of nobody's)", segments.count))?;
    } else {
        say("(saved)")?;
    }
    if let Some(letter) = saved.dear_letter {
        say(&format!("{letter:?} makes each part hold 67 letters instead of 153; leave it out, and it costs half"))?;
    }
    Ok(())
}

pub async fn preview(
    config: &Config,
    slug: &str,
    name: &str,
    channel: Channel,
    lead: LeadId,
    json: bool,
) -> anyhow::Result<()> {
    let rendered = operate::preview_words(&desk(config)?, slug, name, channel, lead).await?;
    if json {
        return Ok(say(&serde_json::to_string_pretty(&rendered)?)?);
    }
    if let Some(subject) = &rendered.subject {
        say(&format!("Subject: {subject}"))?;
    }
    Ok(say(&rendered.body)?)
}
