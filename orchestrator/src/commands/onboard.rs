//! Setting a tenant up: from its name to the day it goes live.

use std::{path::Path, process::ExitCode};

use anyhow::{Context as _, bail};
use domain::{Channel, CrmName};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use operate::{Check, Desk, Imported, NewTenant, Preflight, RowOutcome};
use serde::de::DeserializeOwned;
use store::{Store, TenantSettings, not_live_yet};

use super::{
    say,
    tenant::{desk, operators_bus},
};
use crate::{Config, demo};

/// A spreadsheet of ten thousand shops is far smaller.
const LARGEST_FILE_BYTES: u64 = 20 << 20;

/// Every tenant, by its name in commands.
pub async fn list(config: &Config, json: bool) -> anyhow::Result<()> {
    let tenants = operate::list_tenants(&Store::open(&config.store)?).await?;
    if json {
        let lines: Vec<_> = tenants
            .iter()
            .map(|line| {
                serde_json::json!({"tenant": line.slug, "name": line.name, "crm": line.crm, "locations": line.locations,
                    "is_live": line.live_since.is_none_or(|at| at < not_live_yet()),
                    "live_since": line.live_since.filter(|at| *at < not_live_yet())})
            })
            .collect();
        return Ok(say(&serde_json::to_string_pretty(&lines)?)?);
    }
    if tenants.is_empty() {
        say("no tenant yet; add one with: leads tenant add SLUG --name NAME")?;
    }
    for line in tenants {
        let live = match line.live_since {
            None => "answers whoever asked, however long ago".to_owned(),
            Some(at) if at >= not_live_yet() => "not live".to_owned(),
            Some(at) => format!("live since {}", at.format("%Y-%m-%d %H:%M")),
        };
        say(&format!("{:<24} {}, {}, {} locations, {live}", line.slug, line.name, line.crm, line.locations))?;
    }
    Ok(())
}

/// Adds a tenant with the default words.
pub async fn add(
    config: &Config,
    slug: &str,
    name: &str,
    crm: Option<CrmName>,
    settings: Option<&Path>,
    json: bool,
) -> anyhow::Result<()> {
    let settings = match settings {
        Some(file) => read_settings(file)?,
        None => TenantSettings::default(),
    };
    let crm = match crm {
        Some(crm) if settings.crm != CrmName::default() && settings.crm != crm => {
            bail!("--crm says {crm}, and the settings say {}; leave one out", settings.crm)
        }
        Some(crm) => crm,
        None => settings.crm,
    };
    let new = NewTenant { slug: slug.to_owned(), name: name.to_owned(), crm, settings, templates: demo::templates() };
    let key = operate::add_tenant(&desk(config)?, &new).await?;
    if json {
        return Ok(say(&serde_json::json!({"tenant": slug, "crm": crm, "publishable_key": key}).to_string())?);
    }
    Ok(say(&format!(
        "{slug} is there, and writes to nobody before it goes live. The publishable key of its website: {key}\n\nNext:\n  \
         leads tenant credentials {slug} {crm} < key.json    also: twilio, sendgrid, whatsapp\n  \
         leads tenant import {slug} locations.csv\n  \
         leads tenant webhook repair {slug}\n  \
         leads tenant check {slug}\n  \
         leads tenant go-live {slug}"
    ))?)
}

/// Shows what a tenant has chosen, or has it choose something else.
pub async fn settings(config: &Config, slug: &str, file: Option<&Path>) -> anyhow::Result<()> {
    let desk = desk(config)?;
    let Some(file) = file else {
        return Ok(say(&serde_json::to_string_pretty(&operate::read_settings(&desk, slug).await?)?)?);
    };
    operate::change_settings(&desk, slug, &read_settings(file)?).await?;
    Ok(say("changed; the roles read it within a minute: what is planned keeps its time, and leaves by the new rules")?)
}

fn read_settings(file: &Path) -> anyhow::Result<TenantSettings> {
    let settings: serde_json::Value =
        read_json(file).with_context(|| format!("the settings in {} cannot be read", file.display()))?;
    anyhow::ensure!(settings.is_object(), "the settings in {} are no object, such as {{}}", file.display());
    parse(settings).with_context(|| format!("the settings in {} cannot be used", file.display()))
}

/// What is wrong names its place, such as `legal_window.opens`.
pub(super) fn parse<T: DeserializeOwned>(value: serde_json::Value) -> anyhow::Result<T> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let place = error.path().to_string();
        let place = if place == "." { String::new() } else { format!("{place}: ") };
        anyhow::anyhow!("{place}{}", error.into_inner())
    })
}

pub(super) fn read_json<T: DeserializeOwned>(file: &Path) -> anyhow::Result<T> {
    Ok(serde_json::from_slice(&read_file(file)?)?)
}

fn read_file(file: &Path) -> anyhow::Result<Vec<u8>> {
    let size = std::fs::metadata(file).with_context(|| format!("{} cannot be read", file.display()))?.len();
    anyhow::ensure!(size <= LARGEST_FILE_BYTES, "{} is larger than {LARGEST_FILE_BYTES} bytes", file.display());
    std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))
}

/// Takes in shops from a spreadsheet; exits with 1 if a row was refused.
pub async fn import(config: &Config, slug: &str, file: &Path, dry_run: bool, json: bool) -> anyhow::Result<ExitCode> {
    let imported = operate::import_locations(&desk(config)?, slug, &read_file(file)?, dry_run).await?;
    if json {
        say(&serde_json::to_string_pretty(&imported)?)?;
    } else {
        tell_imported(&imported, dry_run)?;
    }
    Ok(if imported.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell_imported(imported: &Imported, dry_run: bool) -> anyhow::Result<()> {
    for row in &imported.rows {
        let RowOutcome::Refused { problems } = &row.outcome else { continue };
        let said: Vec<_> = problems.iter().map(|problem| format!("{} {}", problem.column, problem.says)).collect();
        let name = if row.crm_location_id.is_empty() { "(no id)" } else { &row.crm_location_id };
        say(&format!("refused  line {:<5} {name}: {}", row.line, said.join("; ")))?;
    }
    let Imported { added, updated, unchanged, refused, .. } = imported;
    let word = if dry_run { "would be" } else { "are" };
    say(&format!("{added} {word} added, {updated} {word} changed, {unchanged} are as they were, {refused} refused"))?;
    if *refused > 0 {
        say("mend the refused rows and import the file again: what is taken in already stays as it is")?;
    }
    Ok(())
}

/// Looks whether a tenant can go live; exits with 1 if a shop cannot.
pub async fn check(config: &Config, slug: &str, test_leads: bool, json: bool) -> anyhow::Result<ExitCode> {
    let found = look(config, slug, test_leads, json).await?;
    if json {
        say(&serde_json::to_string_pretty(&found)?)?;
    } else {
        tell_preflight(&found)?;
    }
    Ok(if found.is_ready() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn look(config: &Config, slug: &str, test_leads: bool, quiet: bool) -> anyhow::Result<Preflight> {
    let desk = desk(config)?;
    let carriers = carriers(config, &desk, slug).await?;
    let bus = if test_leads { Some(operators_bus(config).await?) } else { None };
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(None, target);
    bar.set_style(ProgressStyle::with_template("  {bar:36.cyan/dim} {pos} of {len} locations")?.progress_chars("━╸─"));
    let show = |done, all| {
        bar.set_length(u64::try_from(all).unwrap_or_default());
        bar.set_position(u64::try_from(done).unwrap_or_default());
    };
    let found = operate::preflight(&desk, slug, carriers, bus.as_ref(), show).await;
    bar.finish_and_clear();
    if let Some(bus) = bus {
        bus.close().await;
    }
    Ok(found?)
}

async fn carriers(config: &Config, desk: &Desk, slug: &str) -> anyhow::Result<Vec<Check>> {
    let Some(tenant) = desk.store.everywhere().find_tenant(slug).await? else {
        bail!(operate::Error::NoSuchTenant(slug.to_owned()));
    };
    let standings = notify::look_at_carriers(&config.notify, &desk.store, tenant).await?;
    Ok(standings
        .into_iter()
        .map(|standing| {
            let (what, vendor) = match standing.channel {
                Channel::Sms => ("texts", "twilio"),
                Channel::Email => ("email", "sendgrid"),
                Channel::Whatsapp => ("WhatsApp", "whatsapp"),
            };
            match standing.says {
                Ok(says) => Check::well(what, says),
                Err(why) => Check::wrong(what, why, format!("run: leads tenant credentials {slug} {vendor}")),
            }
        })
        .collect())
}

fn tell_preflight(found: &Preflight) -> anyhow::Result<()> {
    let tell = |check: &Check| {
        say(&format!("{} {:<16} {}", if check.ok { "ok   " } else { "WRONG" }, check.what, check.says))?;
        match &check.to_do {
            Some(to_do) => say(&format!("{:23}→ {to_do}", "")),
            None => Ok(()),
        }
    };
    for check in &found.checks {
        tell(check)?;
    }
    for location in &found.locations {
        say(&format!("\n{:>3}  {} ({})", location.score, location.name, location.crm_location_id))?;
        // What is well with a shop needs no lines.
        for check in location.checks.iter().filter(|check| !check.ok) {
            tell(check)?;
        }
    }
    let ready = found.locations.iter().filter(|location| location.score == 100).count();
    say(&format!(
        "\n{} of {} locations are ready; go-live score {} of 100",
        ready,
        found.locations.len(),
        found.score
    ))?;
    Ok(())
}

/// Goes live, if everything is ready.
pub async fn go_live(config: &Config, slug: &str, anyway: bool, json: bool) -> anyhow::Result<ExitCode> {
    if !anyway {
        let found = look(config, slug, true, json).await?;
        if !found.is_ready() {
            if json {
                say(&serde_json::to_string_pretty(&found)?)?;
            } else {
                tell_preflight(&found)?;
                say("nothing is changed; mend what is wrong, or go live all the same with --anyway")?;
            }
            return Ok(ExitCode::FAILURE);
        }
    }
    operate::go_live(&desk(config)?, slug).await?;
    if json {
        say(&serde_json::json!({"tenant": slug, "live": true}).to_string())?;
    } else {
        say(&format!(
            "{slug} is live: whoever asks from now on is answered. What was asked before: leads tenant backfill {slug}"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Seals everything anew with the newest key.
pub async fn reseal(config: &Config, json: bool) -> anyhow::Result<()> {
    let sealed = operate::reseal_all(&Store::open(&config.store)?, |_, _| {}).await?;
    if json {
        return Ok(say(&serde_json::json!({"resealed": sealed}).to_string())?);
    }
    Ok(say(&format!(
        "{sealed} values are sealed with the first key of seal.keys; the others can go, on every machine"
    ))?)
}
