//! Rows whose time has come go out as messages, in batches, from any number of replicas.

use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use events::{Event as _, MessageAwaited, MessageDue, Outgoing};
use futures::{StreamExt as _, stream};
use stage::{LARGEST_BATCH, Runtime};
use store::DueRow;
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use tracing::warn;

use crate::Config;

/// A batch is confirmed within a flush to the disk.
const PATIENCE_OF_A_BATCH: Duration = Duration::from_secs(5);
/// Publishes in flight at once, where they go one by one.
const IN_FLIGHT: usize = 64;

/// A server whose machine is gone says nothing, not even that the connection is closed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Takes the next batch while the one before is published: the database and JetStream need not wait for each other.
pub(crate) async fn run(runtime: &Runtime, config: &Config) {
    let (batches, mut taken) = mpsc::channel(1);
    let publish_all = async {
        // What was taken is published, also when the program stops: otherwise it would come up when its lease ends.
        while let Some(rows) = taken.recv().await {
            publish(runtime, config, rows).await;
        }
    };
    tokio::join!(take(runtime, config, batches), publish_all);
}

async fn take(runtime: &Runtime, config: &Config, batches: mpsc::Sender<Vec<DueRow>>) {
    let stopping = runtime.lifecycle.stopping();
    while !stopping.is_cancelled() {
        let due = match release(runtime, config).await {
            Ok(due) => due,
            Err(error) => {
                warn!(error = format!("{error:#}"), "due rows could not be released; they stay due");
                Vec::new()
            }
        };
        metrics::counter!("schedule_released_total").increment(due.len() as u64);
        // A full batch says that there is more.
        let is_full = due.len() == usize::from(config.batch);
        if !due.is_empty() && batches.send(due).await.is_err() {
            return;
        }
        if !is_full {
            tokio::select! { () = stopping.cancelled() => {}, () = sleep(config.poll) => {} }
        }
    }
}

async fn release(runtime: &Runtime, config: &Config) -> anyhow::Result<Vec<DueRow>> {
    let now = runtime.clock.now();
    let again_at = runtime.clock.in_wall(config.lease);
    let everywhere = runtime.store.everywhere();
    let release = everywhere.release_due(now, again_at, config.batch);
    Ok(timeout(PATIENCE, release).await.context("Postgres does not answer")??)
}

/// All at once, which is one flush to the disk and not one for each; if that is refused, each by itself.
async fn publish(runtime: &Runtime, config: &Config, rows: Vec<DueRow>) {
    let now = runtime.clock.now();
    let mut packed: Vec<_> = rows.into_iter().map(|row| (pack(&row, now), row)).collect();
    while !packed.is_empty() {
        let rest = packed.split_off(packed.len().min(LARGEST_BATCH));
        let (events, rows): (Vec<_>, Vec<_>) = packed.into_iter().unzip();
        packed = rest;
        if events.len() > 1 {
            match runtime.bus.publish_batch(&events, PATIENCE_OF_A_BATCH).await {
                Ok(()) => continue,
                Err(error) => warn!(error = service::telemetry::causes(&error), "due rows are published one by one"),
            }
        }
        let one_by_one = stream::iter(events.into_iter().zip(rows));
        one_by_one.for_each_concurrent(IN_FLIGHT, |(out, row)| publish_one(runtime, config, out, row)).await;
    }
}

fn pack(row: &DueRow, now: DateTime<Utc>) -> Outgoing {
    let DueRow { tenant, message, release, is_awaited } = *row;
    if is_awaited {
        MessageAwaited { tenant, message, release }.pack("schedule", now)
    } else {
        MessageDue { tenant, message, release }.pack("schedule", now)
    }
}

/// A row that cannot be published now comes up again when its lease ends. The longer lease that [`release`] gave it, for
/// being overdue, is for rows that lie in the stream.
async fn publish_one(runtime: &Runtime, config: &Config, out: Outgoing, row: DueRow) {
    let Err(error) = runtime.bus.publish(&out, Duration::from_secs(10)).await else {
        return;
    };
    warn!(message.id = %row.message, error = service::telemetry::causes(&error), "a due row was not published yet");
    let put_back = async {
        let mut tx = runtime.store.begin(row.tenant).await?;
        tx.messages().release_again(row.message, runtime.clock.in_wall(config.lease)).await?;
        tx.commit().await
    };
    match timeout(PATIENCE, put_back).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            warn!(message.id = %row.message, error = service::telemetry::causes(&error), "a due row comes up again later");
        }
        Err(_) => warn!(message.id = %row.message, "a due row comes up again later: Postgres does not answer"),
    }
}
