//! `make bench`: prints each figure with its limit, measured in the same run on the same settings (fsync on), and writes all
//! of them to `target/bench.json`.

mod catalog;
mod chat;
mod due;
mod figures;
mod first_touch;
mod pipeline;
mod planned;
mod polls;
mod processor;
mod release;
mod stops;
mod webhooks;

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use figures::Figures;
use orchestrator::{
    demo::{Site, SiteOptions},
    supervise::Durability,
};
use webhooks::Sent;

/// As in `leads`: the simulator runs in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    // What runs in this process logs as it does in production.
    let telemetry = service::telemetry::Config { filter: "info,async_nats=warn".into(), otlp_endpoint: None };
    let _guard = service::telemetry::init(&telemetry, "bench");
    tokio::runtime::Runtime::new()?.block_on(measure())
}

async fn measure() -> anyhow::Result<()> {
    service::http::install_tls();
    let only: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |part: &str| only.is_empty() || only.iter().any(|name| name == part);
    let mut figures = Figures::default();
    if wanted("webhooks") {
        webhooks::measure(Sent::Webhooks, &mut figures).await?;
    }
    if wanted("forms") {
        webhooks::measure(Sent::Forms, &mut figures).await?;
    }
    if wanted("first-touch") {
        first_touch::measure(&mut figures).await?;
    }
    if wanted("due") {
        due::measure(&mut figures).await?;
    }
    if wanted("stops") {
        stops::measure(&mut figures).await?;
    }
    if wanted("release") {
        release::measure(&mut figures).await?;
    }
    if wanted("catalog") {
        catalog::measure(&mut figures).await?;
    }
    if wanted("chat") {
        chat::measure(&mut figures).await?;
    }
    if wanted("polls") {
        polls::measure(&mut figures).await?;
    }
    fs::write(Path::new("target/bench.json"), serde_json::to_string_pretty(&figures.all)?)?;
    println!("\n  written to target/bench.json");
    Ok(())
}

/// A site as in production: what is acknowledged is on the disk of this folder's file system.
async fn site(settings: &[(&str, &str)]) -> anyhow::Result<(Site, tempfile::TempDir)> {
    let open = fs::Permissions::from_mode(0o755);
    let folder = tempfile::Builder::new().prefix("leads-bench-").permissions(open).tempdir_in("/var/tmp")?;
    let mut options = SiteOptions::new(folder.path(), Durability::Full);
    options.settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    // Noon in Denver on a Friday, whatever the hour of the benchmark: no state lets a text wait then.
    let noon = "2026-01-09T19:00:00Z";
    options.sim.clock = pipeline::clock(noon)?;
    options.settings.extend(pipeline::clock_settings(noon));
    Ok((Site::start(options).await?, folder))
}
