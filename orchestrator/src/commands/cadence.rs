//! Cadences: what a follow-up will say, when, and why then.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use domain::{E164, Email, LeadId};
use operate::{CadencePreview, Sample};

use super::{say, tenant::desk};
use crate::Config;

/// Who is previewed: a lead, or somebody who might ask.
#[derive(Debug, clap::Args)]
pub struct PreviewArguments {
    /// As `leads tenant list` names it
    tenant: String,
    /// A lead, from now on; without it, somebody who might ask
    #[arg(long, conflicts_with_all = ["phone", "email", "at", "location"])]
    lead: Option<LeadId>,
    /// Their number, such as "+1 512 555 0142"; left out with --email: they have none
    #[arg(long)]
    phone: Option<String>,
    /// Their address; left out with --phone: they have none
    #[arg(long)]
    email: Option<String>,
    /// When they ask, such as 2026-03-02T22:15:00-06:00; now, if left out
    #[arg(long)]
    at: Option<DateTime<Utc>>,
    /// The CRM's id of the shop they ask; the first, if left out
    #[arg(long)]
    location: Option<String>,
}

/// Plays a follow-up to its end on a clock of its own. Nothing is sent.
pub async fn preview(config: &Config, wanted: PreviewArguments, json: bool) -> anyhow::Result<()> {
    let PreviewArguments { tenant: slug, lead, phone, email, at, location } = wanted;
    let desk = desk(config)?;
    let found = if let Some(lead) = lead {
        operate::preview_lead(&desk, &slug, lead).await?
    } else {
        let both = phone.is_none() && email.is_none();
        let number = phone.or_else(|| both.then(|| "+15125550142".to_owned()));
        let address = email.or_else(|| both.then(|| "dana@example.com".to_owned()));
        let sample = Sample {
            first_name: Some("Dana".to_owned()),
            phone: number.map(|text| E164::parse(&text).with_context(|| format!("--phone {text:?}"))).transpose()?,
            email: address.map(|text| Email::parse(&text).with_context(|| format!("--email {text:?}"))).transpose()?,
            location,
            vehicle: "2021 Honda Civic".to_owned(),
            service: "Window Tint".to_owned(),
            total_cents: 45_999,
            asked_at: at.unwrap_or_else(|| desk.clock.now()),
        };
        operate::preview_sample(&desk, &slug, &sample).await?
    };
    if json {
        return Ok(say(&serde_json::to_string_pretty(&found)?)?);
    }
    tell(&found)
}

fn tell(found: &CadencePreview) -> anyhow::Result<()> {
    let CadencePreview { location, customer_zone, customer_zone_source, shop_zone, touches, .. } = found;
    let source = if *customer_zone_source == "area_code" { "by the area code" } else { "as the shop" };
    say(&format!("{location}; the customer's clock is {customer_zone} ({source}), the shop's {shop_zone}"))?;
    for touch in touches {
        let when = touch.customer_time.as_deref().unwrap_or("never");
        let shop = match &touch.shop_time {
            Some(shop) if shop_zone != customer_zone => format!("  (shop: {shop})"),
            _ => String::new(),
        };
        say(&format!("\n{:>3}  {:<6} {when}{shop}  {}", touch.step, touch.channel, touch.verdict))?;
        for because in &touch.because {
            say(&format!("     because {because}"))?;
        }
        if let Some(subject) = &touch.subject {
            say(&format!("     Subject: {subject}"))?;
        }
        for line in touch.text.as_deref().unwrap_or_default().lines() {
            say(&format!("     {line}"))?;
        }
        if let Some(segments) = touch.segments {
            let parts = if segments.count == 1 { "part" } else { "parts" };
            let encoding = serde_json::to_value(segments.encoding)?;
            say(&format!("     ({} {parts}, {})", segments.count, encoding.as_str().unwrap_or_default()))?;
        }
    }
    if touches.is_empty() {
        say("nobody can be written to: there is no number and no address, or the follow-up is over")?;
    }
    Ok(())
}
