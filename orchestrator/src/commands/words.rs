//! A tenant's words.

use std::{io::Read as _, path::PathBuf};

use anyhow::Context as _;
use domain::{ApprovedName, Channel, Language, LeadId};
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
    /// sms, email or whatsapp
    channel: Channel,
    /// What it says; read from standard input, if left out
    file: Option<PathBuf>,
    /// Of an email
    #[arg(long)]
    subject: Option<String>,
    /// en or es
    #[arg(long, default_value = "en")]
    language: Language,
    /// Of an email: a file of MJML, in place of the design that all have; what it says above is its text part
    #[arg(long)]
    mjml: Option<PathBuf>,
    /// Of a WhatsApp message: the name under which it is approved, and the code of its language, such as follow_up_1:en_US
    #[arg(long)]
    approved_as: Option<String>,
}

pub async fn list(config: &Config, slug: &str, json: bool) -> anyhow::Result<()> {
    let templates = operate::list_words(&desk(config)?, slug).await?;
    if json {
        let line = |words: &Template| {
            let approved_as = words.approved_as.as_ref().map(ToString::to_string);
            serde_json::json!({"name": words.name, "channel": words.channel, "language": words.language,
                "subject": words.subject, "body": words.body, "mjml": words.mjml, "approved_as": approved_as})
        };
        return Ok(say(&serde_json::to_string_pretty(&templates.iter().map(line).collect::<Vec<_>>())?)?);
    }
    for words in templates {
        let subject = words.subject.map(|subject| format!("{subject}: ")).unwrap_or_default();
        let first = words.body.lines().next().unwrap_or_default();
        let (channel, language) = (words.channel.as_str(), words.language.as_str());
        say(&format!("{:<14} {channel:<8} {language} {subject}{first}", words.name))?;
    }
    Ok(())
}

pub async fn save(config: &Config, wanted: SaveArguments, json: bool) -> anyhow::Result<()> {
    let SaveArguments { tenant, name, channel, file, subject, language, mjml, approved_as } = wanted;
    let read =
        |file: PathBuf| std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()));
    let mjml = mjml.map(read).transpose()?;
    let approved_as = approved_as.map(ApprovedName::try_from).transpose()?;
    let body = if let Some(file) = file {
        read(file)?
    } else {
        let mut text = String::new();
        std::io::stdin().take(64 << 10).read_to_string(&mut text).context("what came in is no text")?;
        text
    };
    let body = body.trim_end().to_owned();
    let template = Template { name, channel, language, subject, body, mjml, approved_as };
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
    if saved.shows_price {
        say(
            "whoever asks by a form has no price yet and reads $0; a step can be for others alone: \"when\": {\"cents_at_least\": 1}",
        )?;
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
