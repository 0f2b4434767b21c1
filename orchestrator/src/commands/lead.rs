//! One lead, and leads that are one.

use domain::{Language, LeadId};
use store::LeadDescription;

use super::{
    say,
    tenant::{desk, operators_bus},
};
use crate::Config;

/// Everything that is known about a lead, and nobody's telephone or address.
pub async fn show(config: &Config, slug: &str, lead: LeadId, json: bool) -> anyhow::Result<()> {
    let found = operate::describe_lead(&desk(config)?, slug, lead).await?;
    if json {
        return Ok(say(&serde_json::to_string_pretty(&found)?)?);
    }
    tell(&found)
}

fn tell(lead: &LeadDescription) -> anyhow::Result<()> {
    let reason = lead.stop_reason.as_ref().or(lead.no_contact.as_ref());
    let status = reason.map_or_else(|| lead.status.clone(), |reason| format!("{} ({reason})", lead.status));
    say(&format!("{}  {status}", lead.id))?;
    say(&format!("  asked      {} at {}", lead.created_at.format("%Y-%m-%d %H:%M UTC"), lead.location))?;
    say(&format!("  order      {} {}", lead.crm, lead.crm_order_id))?;
    say(&format!("  car        {}", if lead.vehicle.is_empty() { "not known" } else { &lead.vehicle }))?;
    for service in &lead.services {
        say(&format!("  asks for   {}", service.replace(['\n', '\r'], " ")))?;
    }
    if let (Some(zone), Some(source)) = (&lead.time_zone, &lead.time_zone_source) {
        let source = if source == "area_code" { "by the area code" } else { "as the shop" };
        say(&format!("  clock      {zone}, {source}"))?;
    }
    if let Some(language) = lead.language {
        say(&format!("  language   {}", language.as_str()))?;
    }
    if let Some(heat) = &lead.heat {
        say(&format!("  {heat:<10} {}", lead.heat_reasons.join(", ")))?;
    }
    if let Some(form) = &lead.form {
        say(&format!("  form       {}", form.name))?;
        for (name, words) in form.answers.iter().chain(&form.metadata) {
            say(&format!("    {name}: {}", words.replace(['\n', '\r'], " ")))?;
        }
        match (&form.consent_words, form.consented_at) {
            (Some(words), Some(at)) => {
                say(&format!("  agreed     {} to: {words}", at.format("%Y-%m-%d %H:%M:%S UTC")))?;
            }
            _ => say("  agreed     to no texts")?,
        }
    }
    if let Some(into) = &lead.merged_into {
        say(&format!("  is one with {into}, which is followed up in its place; take apart: leads lead unmerge"))?;
    }
    for merged in &lead.merged {
        say(&format!("  and {merged} is one with it"))?;
    }
    Ok(())
}

/// From now on they are written to in this language.
pub async fn language(
    config: &Config,
    slug: &str,
    lead: LeadId,
    language: Language,
    by: &str,
    json: bool,
) -> anyhow::Result<()> {
    operate::set_language(&desk(config)?, slug, lead, language, by).await?;
    if json {
        return Ok(say(&serde_json::json!({ "language": language }).to_string())?);
    }
    Ok(say("noted; whatever is sent from now on is in this language, where there are words in it")?)
}

/// What happened to a lead, as a story.
pub async fn timeline(config: &Config, slug: &str, lead: LeadId, json: bool) -> anyhow::Result<()> {
    let lines = operate::read_timeline(&desk(config)?, slug, lead).await?;
    if json {
        return Ok(say(&serde_json::to_string_pretty(&lines)?)?);
    }
    for line in lines {
        say(&format!("{}  {:<10} {}", line.at.format("%Y-%m-%d %H:%M:%S"), line.who, line.says))?;
    }
    Ok(())
}

/// Which leads are one with which, the newest first.
pub async fn merges(config: &Config, slug: &str, json: bool) -> anyhow::Result<()> {
    let merges = operate::list_merges(&desk(config)?, slug).await?;
    if json {
        return Ok(say(&serde_json::to_string_pretty(&merges)?)?);
    }
    if merges.is_empty() {
        say("no two leads are one")?;
    }
    for merge in merges {
        let undone =
            merge.undone_at.map(|at| format!("; taken apart {}", at.format("%Y-%m-%d %H:%M"))).unwrap_or_default();
        let at = merge.merged_at.format("%Y-%m-%d %H:%M");
        say(&format!("{at}  {} into {}: {}{undone}", merge.lead, merge.into, merge.because))?;
    }
    Ok(())
}

/// Takes leads apart again.
pub async fn unmerge(config: &Config, slug: &str, lead: LeadId, json: bool) -> anyhow::Result<()> {
    let bus = operators_bus(config).await?;
    let done = operate::unmerge(&desk(config)?, &bus, slug, lead).await;
    bus.close().await;
    done?;
    if json {
        return Ok(say(&serde_json::json!({"lead": lead, "merged": false}).to_string())?);
    }
    Ok(say("from now on it is followed up by itself; what was said already is not said again")?)
}
