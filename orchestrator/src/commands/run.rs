use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

use crate::{Config, Program, Role};

/// Runs roles until told to stop; then finishes what is in hand.
pub async fn run(config: &Config, roles: &[Role]) -> anyhow::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let program = Program::start(config, roles, None).await?;
    let code = tokio::select! {
        _ = interrupt.recv() => ExitCode::SUCCESS,
        _ = terminate.recv() => ExitCode::SUCCESS,
        () = program.ended() => {
            error!("a part of the program ended by itself; ending the rest");
            ExitCode::FAILURE
        }
    };
    info!("stopping: finishing what is in hand");
    program.stop().await;
    Ok(code)
}
