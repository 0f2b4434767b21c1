//! Clocks and tasks of a person's: the staff hears when time runs out, and when it is over.

use std::time::Duration;

use anyhow::Context as _;
use events::{AlertRaised, Event as _};
use futures::future::BoxFuture;
use stage::{Failure, Runtime};
use tokio::time::{error::Elapsed, sleep, timeout};
use tracing::warn;

use crate::{Config, release::PATIENCE, run_out};

pub(crate) async fn run(runtime: &Runtime, config: &Config) {
    let stopping = runtime.lifecycle.stopping();
    while !stopping.is_cancelled() {
        let mut is_more = false;
        for (what, look) in [
            ("clocks", clocks(runtime, config)),
            ("tasks", tasks(runtime, config)),
            ("alerts", alerts(runtime, config)),
        ] {
            match look.await {
                Ok(taken) => is_more |= taken == usize::from(config.batch),
                Err(error) => warn!(error = format!("{error:#}"), "{what} could not be looked at; they stay due"),
            }
        }
        if !is_more {
            tokio::select! { () = stopping.cancelled() => {}, () = sleep(config.poll * 4) => {} }
        }
    }
}

fn clocks<'a>(runtime: &'a Runtime, config: &'a Config) -> BoxFuture<'a, anyhow::Result<usize>> {
    Box::pin(async {
        let (now, again_at) = (runtime.clock.now(), runtime.clock.in_wall(config.lease));
        let everywhere = runtime.store.everywhere();
        let taken = timeout(PATIENCE, everywhere.take_sla_clocks(now, again_at, config.batch));
        let taken = taken.await.context("Postgres does not answer")??;
        for (tenant, lead) in &taken {
            let done = timeout(PATIENCE, run_out::clock(runtime, *tenant, *lead)).await;
            say("a clock", done);
        }
        Ok(taken.len())
    })
}

fn tasks<'a>(runtime: &'a Runtime, config: &'a Config) -> BoxFuture<'a, anyhow::Result<usize>> {
    Box::pin(async {
        let (now, again_at) = (runtime.clock.now(), runtime.clock.in_wall(config.lease));
        let everywhere = runtime.store.everywhere();
        let taken = timeout(PATIENCE, everywhere.take_tasks(now, again_at, config.batch));
        let taken = taken.await.context("Postgres does not answer")??;
        for (tenant, task) in &taken {
            let done = timeout(PATIENCE, run_out::task(runtime, *tenant, *task)).await;
            say("a task", done);
        }
        Ok(taken.len())
    })
}

/// Whoever raised them only wrote them down: from here on they are facts.
fn alerts<'a>(runtime: &'a Runtime, config: &'a Config) -> BoxFuture<'a, anyhow::Result<usize>> {
    Box::pin(async {
        let (now, again_at) = (runtime.clock.now(), runtime.clock.in_wall(config.lease));
        let everywhere = runtime.store.everywhere();
        let taken = timeout(PATIENCE, everywhere.take_alerts(now, again_at, config.batch));
        let taken = taken.await.context("Postgres does not answer")??;
        for (tenant, alert, attempts) in &taken {
            let event = AlertRaised { tenant: *tenant, alert: *alert, attempts: *attempts };
            if let Err(error) = runtime.bus.publish(&event.pack("schedule", now), Duration::from_secs(10)).await {
                let error = service::telemetry::causes(&error);
                warn!(alert.id = %alert, error, "an alert was not published yet; it comes up again");
            }
        }
        Ok(taken.len())
    })
}

fn say(what: &str, done: Result<Result<(), Failure>, Elapsed>) {
    if let Err(error) = done.map_err(anyhow::Error::from).and_then(|done| done.map_err(Failure::into_cause)) {
        warn!(error = format!("{error:#}"), "{what} could not be looked at yet; it comes up again");
    }
}
