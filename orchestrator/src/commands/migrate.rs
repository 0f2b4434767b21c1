use anyhow::Context as _;
use secrecy::ExposeSecret as _;

use super::say;
use crate::Config;

/// Applies what is missing.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    let owner = config.owner_url.as_ref().context(
        "postgres.owner_url is not set: migrations run as the owner of the tables, who is not the user of postgres.url",
    )?;
    let pending = store::pending_migrations(owner.expose_secret()).await?;
    store::migrate(owner.expose_secret()).await?;
    say(&format!("{pending} migrations applied; the database is up to date"))?;
    Ok(())
}
