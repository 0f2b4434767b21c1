use anyhow::Context as _;
use domain::DeadLetterId;
use operate::DeadLetters;
use store::Store;

use super::say;
use crate::Config;

/// What stages gave up on, newest first.
pub async fn list(config: &Config, json: bool) -> anyhow::Result<()> {
    let store = Store::open(&config.store)?;
    let letters = DeadLetters::new(&store).list(100).await?;
    if json {
        return Ok(say(&serde_json::to_string_pretty(&letters)?)?);
    }
    if letters.is_empty() {
        say("no open dead letters")?;
    }
    for letter in letters {
        let (id, died_at) = (letter.id, letter.died_at.format("%Y-%m-%d %H:%M:%S"));
        let whose = letter.tenant.as_deref().unwrap_or("nobody's");
        say(&format!("{id}  {died_at}  {whose}  {}  {}", letter.stage, letter.reasons.join(": ")))?;
    }
    Ok(())
}

/// Gives one another chance.
pub async fn redrive(config: &Config, id: DeadLetterId) -> anyhow::Result<()> {
    let store = Store::open(&config.store)?;
    let operate =
        config.buses.get("operate").context("nats.operate_password is not set: redriving is that user's alone")?;
    let bus = super::connect(operate).await?;
    stage::redrive(&bus, &store, &config.clock, id).await?;
    bus.close().await;
    Ok(say("published again; if it fails again it is back in the list, with a new id")?)
}
