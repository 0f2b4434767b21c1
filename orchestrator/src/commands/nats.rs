use std::process::ExitCode;

use anyhow::Context as _;
use stage::{Bus, Declared};

use super::say;
use crate::Config;

async fn connect(config: &Config) -> anyhow::Result<Bus> {
    let deploy = config.buses.get("deploy").context(
        "nats.deploy_password is not set: only the user deploy may look at and change streams and consumers",
    )?;
    let bus = super::connect(deploy).await?;
    stage::check_server(&bus)?;
    Ok(bus)
}

/// Makes streams and consumers what `nats/` says; refuses what could lose a stored message.
pub async fn apply(config: &Config) -> anyhow::Result<()> {
    let bus = connect(config).await?;
    let changes = stage::apply(&bus, &Declared::new(config.replicas)).await?;
    for change in &changes {
        say(&format!("applied: {change}"))?;
    }
    say("streams and consumers are as declared")?;
    bus.close().await;
    Ok(())
}

/// Says what differs, and exits with 1 if anything does.
pub async fn diff(config: &Config) -> anyhow::Result<ExitCode> {
    let bus = connect(config).await?;
    let changes = stage::diff(&bus, &Declared::new(config.replicas)).await?;
    for change in &changes {
        say(&change.to_string())?;
    }
    bus.close().await;
    if changes.is_empty() {
        say("streams and consumers are as declared")?;
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}
