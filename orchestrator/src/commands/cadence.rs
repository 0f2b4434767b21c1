//! Cadences: what a follow-up will say, when, and why then.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use domain::{Cadence, CadencePreset, E164, Email, Language, LeadId};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use operate::{CadencePreview, Sample, WantedCadence, WantedPlace, WantedRival, WantedUse};
use store::UseScope;

use super::{say, tenant::desk};
use crate::Config;

/// Who is previewed: a lead, or somebody who might ask.
#[derive(Debug, clap::Args)]
pub struct PreviewArguments {
    /// As `leads tenant list` names it
    tenant: String,
    /// A lead, from now on; without it, somebody who might ask
    #[arg(long, conflicts_with_all = ["phone", "email", "at", "location", "language"])]
    lead: Option<LeadId>,
    /// Somebody who might ask, which is what is shown without --lead
    #[arg(long, conflicts_with = "lead")]
    sample: bool,
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
    /// en or es; the tenant's, if left out
    #[arg(long)]
    language: Option<Language>,
}

/// Plays a follow-up to its end on a clock of its own. Nothing is sent.
pub async fn preview(config: &Config, wanted: PreviewArguments, json: bool) -> anyhow::Result<()> {
    let PreviewArguments { tenant: slug, lead, phone, email, at, location, language, sample: _ } = wanted;
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
            language,
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
        say(&format!("\n{:>3}  {:<8} {when}{shop}  {}", touch.step, touch.channel, touch.verdict))?;
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
            let cost = touch.cost_micros.map(|micros| format!(", {}", money(micros))).unwrap_or_default();
            say(&format!("     ({} {parts}, {}{cost})", segments.count, encoding.as_str().unwrap_or_default()))?;
        }
    }
    if touches.is_empty() {
        say("nobody can be written to: there is no number and no address, or the follow-up is over")?;
    }
    Ok(())
}

/// Of a hundred, where nobody says for how many.
const HALF: u8 = 50;

/// Where a cadence is used.
#[derive(Debug, clap::Args)]
pub struct UseArguments {
    /// As `leads tenant list` names it
    tenant: String,
    /// As `leads cadence list` names it
    #[arg(required_unless_present = "take_away")]
    cadence: Option<String>,
    /// Use nothing there any more: what is used above it counts, or the settings
    #[arg(long, conflicts_with_all = ["cadence", "version", "lock", "against", "experiment"])]
    take_away: bool,
    /// Which version; its newest, if left out
    #[arg(long)]
    version: Option<i32>,
    /// For the shops of one region alone
    #[arg(long, conflicts_with = "location")]
    region: Option<String>,
    /// For one shop alone, by the CRM's id of it
    #[arg(long)]
    location: Option<String>,
    /// No region or shop below may use another
    #[arg(long)]
    lock: bool,
    /// A cadence that runs against it
    #[arg(long, requires = "experiment")]
    against: Option<String>,
    /// What that is called, such as spring-words
    #[arg(long, requires = "against")]
    experiment: Option<String>,
    /// For so many of a hundred leads; for half of them, if left out
    #[arg(long, requires = "against", value_parser = clap::value_parser!(u8).range(1..=99))]
    percent: Option<u8>,
    /// Do it; without this it is only shown what it would do
    #[arg(long)]
    apply: bool,
    /// Who says so
    #[arg(long, default_value = "operator", value_parser = super::person)]
    by: String,
}

/// Where the steps of a cadence come from.
#[derive(Debug, clap::Args)]
pub struct SaveArguments {
    /// As `leads tenant list` names it
    tenant: String,
    /// Such as summer
    name: String,
    /// Its steps, as JSON (docs/settings.md)
    #[arg(required_unless_present = "preset")]
    file: Option<PathBuf>,
    /// thirty_days or five_days, as they come with the product
    #[arg(long, conflicts_with = "file")]
    preset: Option<CadencePreset>,
    /// Who says so
    #[arg(long, default_value = "operator", value_parser = super::person)]
    by: String,
}

/// Saves the next version of a cadence.
pub async fn save(config: &Config, wanted: SaveArguments, json: bool) -> anyhow::Result<()> {
    let SaveArguments { tenant, name, file, preset, by } = wanted;
    let steps = match (preset, file) {
        (Some(preset), _) => preset.cadence(),
        (None, Some(file)) => read(&file)?,
        (None, None) => anyhow::bail!("give a file, or --preset"),
    };
    let version = operate::save_cadence(&desk(config)?, &tenant, &name, &steps, &by).await?;
    if json {
        return Ok(say(&serde_json::json!({"cadence": name, "version": version}).to_string())?);
    }
    Ok(say(&format!(
        "{name}@{version} is saved; nobody is written to by it before: leads cadence use {tenant} {name}"
    ))?)
}

fn read(file: &Path) -> anyhow::Result<Cadence> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let steps = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))?;
    super::onboard::parse(steps).with_context(|| format!("{} is no cadence", file.display()))
}

/// Every version, and where which is used.
pub async fn list(config: &Config, slug: &str, json: bool) -> anyhow::Result<()> {
    let (cadences, uses) = operate::list_cadences(&desk(config)?, slug).await?;
    if json {
        return Ok(say(&serde_json::to_string_pretty(&serde_json::json!({"cadences": cadences, "uses": uses}))?)?);
    }
    for line in &cadences {
        let saved = line.saved_at.format("%Y-%m-%d %H:%M");
        say(&format!("{}@{}  {} steps, saved {saved} by {}", line.name, line.version, line.steps, line.saved_by))?;
    }
    if uses.is_empty() {
        say("none is used; leads are followed up as the settings say")?;
    }
    for used in &uses {
        let place = match &used.scope {
            UseScope::Tenant => "everywhere".to_owned(),
            UseScope::Region(name) => format!("region {name}"),
            UseScope::Location(location) => format!("shop {location}"),
        };
        let lock = if used.is_locked { ", locked" } else { "" };
        let rival = used.rival.as_ref().map(|rival| {
            format!(", against {}@{} for {} % ({})", rival.cadence, rival.version, rival.percent, rival.experiment)
        });
        say(&format!("{place}: {}@{}{lock}{}", used.cadence, used.version, rival.unwrap_or_default()))?;
    }
    Ok(())
}

/// Shows what using a cadence would do to live leads, and does it if told so.
pub async fn set_use(config: &Config, wanted: UseArguments, json: bool) -> anyhow::Result<()> {
    let UseArguments { tenant, cadence, take_away: _, version, region, location, lock, .. } = wanted;
    let UseArguments { against, experiment, percent, apply, by, .. } = wanted;
    let place = match (region, location) {
        (Some(region), _) => WantedPlace::Region(region),
        (None, Some(location)) => WantedPlace::Location(location),
        (None, None) => WantedPlace::Everywhere,
    };
    let rival = |(cadence, experiment)| WantedRival { experiment, cadence, percent: percent.unwrap_or(HALF) };
    let against = against.zip(experiment).map(rival);
    let what = cadence.map(|cadence| WantedCadence { cadence, version, is_locked: lock, against });
    let wanted = WantedUse { place, what };
    let desk = desk(config)?;
    let bar = ProgressBar::with_draw_target(
        None,
        if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() },
    );
    bar.set_style(ProgressStyle::with_template("  {spinner} {pos} leads looked at")?);
    let effect = operate::preview_use(&desk, &tenant, &wanted, |leads| bar.set_position(leads)).await?;
    bar.finish_and_clear();
    let leads = if apply { Some(operate::use_cadence(&desk, &tenant, &wanted, &by).await?) } else { None };
    if json {
        return Ok(say(&serde_json::json!({"applied": apply, "effect": effect}).to_string())?);
    }
    let operate::Effect { leads: live, kept, moved, added, dropped, never } = effect;
    say(&format!(
        "{live} leads are live: {kept} touches stay, {moved} move, {added} are added, {dropped} are dropped"
    ))?;
    if never > 0 {
        say(&format!("{never} of those moved or added no rule would ever let leave; see: leads cadence preview"))?;
    }
    Ok(say(&match leads {
        None => "nothing is changed; add --apply to do it".to_owned(),
        Some(leads) => format!(
            "whoever asks from now on is followed up by it, and {leads} leads little by little; see: leads cadence changes {tenant}"
        ),
    })?)
}

/// How far changes have come.
pub async fn changes(config: &Config, slug: &str, json: bool) -> anyhow::Result<()> {
    let changes = operate::list_cadence_changes(&desk(config)?, slug).await?;
    if json {
        return Ok(say(&serde_json::to_string_pretty(&changes)?)?);
    }
    if changes.is_empty() {
        say("no cadence was changed")?;
    }
    for change in changes {
        let state = match change.finished_at {
            Some(at) => format!("done {}", at.format("%Y-%m-%d %H:%M")),
            None => format!("{} of {} leads left", change.left, change.leads),
        };
        say(&format!(
            "{}  {} by {}: {state}; {} moved, {} added, {} dropped",
            change.changed_at.format("%Y-%m-%d %H:%M"),
            change.what,
            change.changed_by,
            change.moved,
            change.added,
            change.dropped
        ))?;
    }
    Ok(())
}

/// What the arms of an experiment have come to.
pub async fn results(config: &Config, slug: &str, experiment: &str, json: bool) -> anyhow::Result<()> {
    let arms = operate::score_experiment(&desk(config)?, slug, experiment).await?;
    if json {
        return Ok(say(&serde_json::to_string_pretty(&arms)?)?);
    }
    for arm in arms {
        let per_booking = arm
            .cost_micros_per_booking
            .map_or_else(|| "no booking yet".to_owned(), |micros| format!("{} a booking", money(micros)));
        let score = &arm.score;
        say(&format!(
            "{}: {} of {} leads booked; {} parts of texts and {} emails, {}, {per_booking}",
            score.arm,
            score.booked,
            score.leads,
            score.text_segments,
            score.emails,
            money(arm.cost_micros)
        ))?;
    }
    Ok(())
}

/// `$0.0240`
fn money(micros: u64) -> String {
    format!("${}.{:04}", micros / 1_000_000, micros % 1_000_000 / 100)
}
