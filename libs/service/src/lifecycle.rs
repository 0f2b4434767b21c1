//! Starting and stopping: every task is known, the end is soft first and hard after a grace.

use std::time::Duration;

use futures::FutureExt as _;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info, warn};

/// The tasks of a program. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    stopping: CancellationToken,
    aborting: CancellationToken,
    tasks: TaskTracker,
}

impl Lifecycle {
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when the program should take nothing new in hand.
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Runs a task that the program cannot do without: if it panics, the program stops, and whoever supervises it starts
    /// it again, rather than going on with a part missing.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let aborting = self.aborting.clone();
        let stopping = self.stopping.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                outcome = std::panic::AssertUnwindSafe(task).catch_unwind() => if outcome.is_err() {
                    error!(task = name, "{name} panicked; stopping the program");
                    stopping.cancel();
                },
                () = aborting.cancelled() => warn!(task = name, "{name} did not finish in time and was cut off"),
            }
        });
    }

    /// Stops: nothing new from now on; what is in hand may finish within `grace`, then it is cut off. What was cut off is
    /// delivered again by JetStream, so nothing is lost either way.
    pub async fn stop(&self, grace: Duration) {
        self.stopping.cancel();
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            self.aborting.cancel();
            self.tasks.wait().await;
        }
        info!("all tasks have ended");
    }

    /// Cuts everything off at once, as a crash would. For tests.
    pub async fn abort(&self) {
        self.stopping.cancel();
        self.aborting.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
