//! What a pause held goes on when somebody has resumed it.

use anyhow::Context as _;
use stage::Runtime;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::{Config, release::PATIENCE};

pub(crate) async fn run(runtime: &Runtime, config: &Config) {
    let stopping = runtime.lifecycle.stopping();
    while !stopping.is_cancelled() {
        let released = match release(runtime, config).await {
            Ok(released) => released,
            Err(error) => {
                warn!(error = format!("{error:#}"), "what was paused could not be released; it is tried again");
                0
            }
        };
        if released > 0 {
            info!("messages that were paused are looked at again");
        } else {
            tokio::select! { () = stopping.cancelled() => {}, () = sleep(config.poll * 4) => {} }
        }
    }
}

async fn release(runtime: &Runtime, config: &Config) -> anyhow::Result<i64> {
    let everywhere = runtime.store.everywhere();
    let release = everywhere.release_held(runtime.clock.now(), config.batch);
    Ok(timeout(PATIENCE, release).await.context("Postgres does not answer")??)
}
