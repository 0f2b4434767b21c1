//! What is done for one tenant.

use std::{process::ExitCode, sync::Arc};

use accounts::Accounts;
use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use limits::Limiter;
use operate::{Backfilled, Desk, Repaired};
use stage::Bus;
use store::Store;

use super::say;
use crate::Config;

pub(super) fn desk(config: &Config) -> anyhow::Result<Desk> {
    service::http::install_tls();
    let accounts = Accounts::new(&config.accounts, Arc::new(Limiter::new(&config.limits)?));
    let (clock, public_url) = (config.clock.clone(), config.ingest.public_url.clone());
    Ok(Desk { store: Store::open(&config.store)?, accounts, clock, public_url })
}

/// A connection of the operator's own user, who may put things into INBOUND.
pub(super) async fn operators_bus(config: &Config) -> anyhow::Result<Bus> {
    let operate = config
        .buses
        .get("operate")
        .context("nats.operate_password is not set: only that user may tell the pipeline")?;
    super::connect(operate).await
}

/// How each tenant hears of what happens at its CRM.
pub async fn webhooks(config: &Config, json: bool) -> anyhow::Result<ExitCode> {
    let lines = operate::list_webhooks(&Store::open(&config.store)?).await?;
    if json {
        say(&serde_json::to_string_pretty(&lines)?)?;
    } else if lines.is_empty() {
        say("no tenant has a CRM")?;
    } else {
        for line in &lines {
            let mark = if line.state == "ok" { "ok   " } else { "WRONG" };
            let since = line.since.map(|at| format!(" since {}", at.format("%Y-%m-%d %H:%M"))).unwrap_or_default();
            say(&format!("{mark} {}  {} webhook {}{since}: {}", line.tenant, line.crm, line.state, line.says))?;
            let problem = line.poll_problem.as_ref().map(|problem| format!(": {problem}")).unwrap_or_default();
            let at = line.polled_at.map(|at| format!(" at {}", at.format("%Y-%m-%d %H:%M:%S"))).unwrap_or_default();
            say(&format!("      last look through the CRM{at}: {}{problem}", line.poll))?;
        }
    }
    Ok(if lines.iter().all(|line| line.state == "ok") { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Makes a tenant's webhook work again.
pub async fn repair_webhook(config: &Config, slug: &str, anew: bool, json: bool) -> anyhow::Result<()> {
    let done = operate::repair_webhook(&desk(config)?, slug, anew).await?;
    if json {
        return Ok(say(&serde_json::json!({"tenant": slug, "done": done}).to_string())?);
    }
    Ok(say(&match done {
        Repaired::SwitchedOn => "the CRM had our webhook; it is switched on and tells of everything we need".to_owned(),
        Repaired::Registered => {
            "registered anew, with a new address and a new secret; what came to the old address is refused".to_owned()
        }
        Repaired::ByHand { url, place } => format!(
            "in the CRM, under {place}, add this address in every shop. It is shown this once:\n\n  {url}\n\nThe one before it stays open for a week; then take it out there. Asking for another one closes it at once."
        ),
    })?)
}

/// Takes in what was asked for before the tenant went live.
pub async fn backfill(config: &Config, slug: &str, days: u32, contact: bool, json: bool) -> anyhow::Result<()> {
    let (desk, bus) = (desk(config)?, operators_bus(config).await?);
    let bar = ProgressBar::with_draw_target(
        Some(1_000),
        if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() },
    );
    bar.set_style(ProgressStyle::with_template("  {bar:36.cyan/dim} {percent:>3} %  {msg}")?.progress_chars("━╸─"));
    let show = |done: &Backfilled| {
        let all = (done.until - done.from).num_seconds().max(1);
        let share = (done.looked_until - done.from).num_seconds() * 1_000 / all;
        bar.set_position(u64::try_from(share).unwrap_or_default());
        let until = done.looked_until.format("%Y-%m-%d");
        bar.set_message(format!("{} orders up to {until}, {} of them news", done.orders, done.told));
    };
    let done = operate::backfill(&desk, &bus, slug, days, contact, show).await;
    bar.finish();
    bus.close().await;
    let done = done.map_err(|error| match error {
        operate::Error::Account(_) | operate::Error::Publish(_) | operate::Error::Store(_) => {
            anyhow::Error::from(error).context("stopped; what is taken in stays, so run it again")
        }
        error => error.into(),
    })?;
    if json {
        return Ok(say(&serde_json::to_string_pretty(&done)?)?);
    }
    for shop in &done.refused_shops {
        say(&format!("the CRM does not show us shop {shop}; ask there for it to be added to our access"))?;
    }
    let written = if contact { "whoever asked for these is written to" } else { "nobody is written to about them" };
    if done.not_judged > 0 {
        let count = done.not_judged;
        say(&format!("{count} of them are not judged yet; is enrich running? See: leads dead list"))?;
    }
    Ok(say(&format!(
        "{} orders since {}, {} of them taken in now; {written}",
        done.orders,
        done.from.date_naive(),
        done.told
    ))?)
}
