//! The loop: pull, decode, handle, settle.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::anyhow;
use async_nats::jetstream::{AckKind, consumer::PullConsumer};
use domain::Clock;
use events::{Decode, Stream, header};
use futures::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use service::{Lifecycle, telemetry};
use store::Store;
use tokio::{
    sync::Notify,
    time::{interval_at, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{Instrument as _, info, info_span, warn};

use crate::{Bus, Change, Context, Declared, Failure, Faults, StageConfig, Step, declared, delivery::Delivery, settle};

/// A database whose machine is gone says nothing, not even that the connection is closed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// One step of a lead's way. The handler reads as the story: read, ask, decide, write, announce.
pub trait Stage: Send + Sync + 'static {
    /// The name of the stage and of its durable consumer.
    const NAME: &'static str;
    const STREAM: Stream;
    type Input: Decode;

    fn handle(&self, cx: &Context, input: Self::Input) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// What every stage of a role shares.
#[derive(Clone)]
pub struct Runtime {
    pub bus: Bus,
    pub store: Store,
    pub clock: Clock,
    pub lifecycle: Lifecycle,
    /// Kills workers at chosen points. Tests only.
    pub faults: Option<Arc<dyn Faults>>,
}

/// Runs a stage until the program stops. Any number of processes may run the same one; they share its durable consumer.
pub fn run<S: Stage>(runtime: &Runtime, config: StageConfig, stage: S) {
    let worker = Arc::new(Worker { runtime: runtime.clone(), config, stage, lease_ms: AtomicU64::new(0) });
    let (pulling, waking) = (worker.clone(), worker);
    let stopping = runtime.lifecycle.stopping();
    runtime.lifecycle.spawn(S::NAME, async move { pulling.pull(stopping).await });
    let stopping = runtime.lifecycle.stopping();
    runtime.lifecycle.spawn(S::NAME, async move { waking.wake(stopping).await });
}

pub(crate) struct Worker<S> {
    pub(crate) runtime: Runtime,
    pub(crate) config: StageConfig,
    stage: S,
    /// How long a message may be in hand without a word, as the consumer on the server has it. Zero: it is not as it should be, and nothing
    /// is worked on.
    pub(crate) lease_ms: AtomicU64,
}

impl<S: Stage> Worker<S> {
    async fn pull(self: Arc<Self>, stopping: CancellationToken) {
        let mut in_hand = FuturesUnordered::new();
        let mut pause = Duration::from_millis(100);
        while !stopping.is_cancelled() {
            let Some((consumer, ack_wait)) = self.bind().await else {
                tokio::select! { () = stopping.cancelled() => break, () = sleep(pause) => {} }
                pause = (pause * 2).min(Duration::from_secs(5));
                continue;
            };
            let messages = consumer
                .stream()
                .max_messages_per_batch(self.config.width)
                .expires(Duration::from_secs(5))
                .heartbeat(Duration::from_secs(2))
                .messages()
                .await;
            let Ok(mut messages) = messages else {
                sleep(pause).await;
                continue;
            };
            pause = Duration::from_millis(100);
            loop {
                tokio::select! {
                    biased;
                    () = stopping.cancelled() => {
                        // What was fetched and not begun goes to somebody else at once.
                        while let Some(Some(Ok(message))) = messages.next().now_or_never() {
                            let _ = message.ack_with(AckKind::Nak(Some(Duration::from_millis(100)))).await;
                        }
                        break;
                    }
                    Some(_) = in_hand.next(), if !in_hand.is_empty() => {}
                    next = messages.next(), if in_hand.len() < self.config.width => match next {
                        Some(Ok(message)) => {
                            let Some(delivery) = Delivery::of_stream(S::STREAM, message) else { continue };
                            let worker = self.clone();
                            let work = tokio::spawn(async move { worker.work(delivery, ack_wait).await });
                            in_hand.push(AbortOnDropHandle::new(work));
                        }
                        Some(Err(error)) => {
                            warn!(stage = S::NAME, error = service::telemetry::causes(&error), "pulling again after an error");
                            break;
                        }
                        None => break,
                    },
                }
            }
        }
        // Nothing new is pulled; what is in hand is finished. The lifecycle's grace bounds this.
        while in_hand.next().await.is_some() {}
        info!(stage = S::NAME, "stopped");
    }

    /// The durable consumer, if the server has it as `nats/consumers/` says.
    async fn bind(&self) -> Option<(PullConsumer, Duration)> {
        self.lease_ms.store(0, Ordering::Relaxed);
        let consumer: PullConsumer =
            match self.runtime.bus.jetstream.get_consumer_from_stream(S::NAME, S::STREAM.name()).await {
                Ok(consumer) => consumer,
                Err(error) => {
                    let error = service::telemetry::causes(&error);
                    warn!(stage = S::NAME, error, "the consumer is not there yet; run: leads nats apply");
                    return None;
                }
            };
        if let Err(error) = declared::check_server(&self.runtime.bus) {
            warn!(stage = S::NAME, "{error}");
            return None;
        }
        let config = &consumer.cached_info().config;
        let changes = Declared::changes_of(S::NAME, &serde_json::to_value(config).unwrap_or_default());
        for change in &changes {
            warn!(stage = S::NAME, "{change}; run: leads nats diff");
        }
        if changes.iter().any(Change::skips_work) {
            return None;
        }
        let ack_wait = config.ack_wait;
        self.lease_ms.store(u64::try_from(ack_wait.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        Some((consumer, ack_wait))
    }

    /// Handles a message, and says every third of `lease` that it is still in hand.
    /// Answers how long its cause says that it has to wait.
    pub(crate) async fn work(&self, delivery: Delivery, lease: Duration) -> Option<Duration> {
        let raw = delivery.raw();
        let event_id = raw.header(header::EVENT_ID).unwrap_or_default().to_owned();
        let tenant = raw.tenant().map(|tenant| tenant.to_string()).unwrap_or_default();
        let span = info_span!("stage", stage = S::NAME, tenant.id = tenant, event.id = event_id);
        if let Some(traceparent) = raw.header(header::TRACEPARENT) {
            telemetry::continue_trace(&span, traceparent);
        }
        let input = S::Input::decode(&raw).map_err(Failure::reject);
        let context = Context {
            stage: S::NAME,
            event_id,
            deliveries: delivery.deliveries,
            store: self.runtime.store.clone(),
            bus: self.runtime.bus.clone(),
            clock: self.runtime.clock.clone(),
            faults: self.runtime.faults.clone(),
            died: Arc::new(Notify::new()),
        };
        let started = Instant::now();
        async {
            let outcome = match self.look_at_deliveries(&delivery).await {
                Err(failure) => Some(Err(failure)),
                Ok(()) => self.handle(&context, input, &delivery, lease).await,
            };
            // None: a test killed the worker. Dead workers settle nothing.
            let outcome = outcome?;
            let after = match &outcome {
                Err(Failure::Retry { after, .. }) => *after,
                _ => None,
            };
            self.settle(&delivery, outcome).await;
            after
        }
        .instrument(span)
        .inspect(|_| metrics::histogram!("stage_seconds", "stage" => S::NAME).record(started.elapsed()))
        .await
    }

    /// Looks before the handler runs whether earlier deliveries ended without a word: a message that kills its process
    /// never gets to say so afterwards.
    async fn look_at_deliveries(&self, delivery: &Delivery) -> Result<(), Failure> {
        if delivery.deliveries < self.config.suspicious_deliveries {
            return Ok(());
        }
        let everywhere = self.runtime.store.everywhere();
        let count = everywhere.count_start(S::NAME, delivery.stream, delivery.sequence);
        let starts = timeout(PATIENCE, count).await.map_err(Failure::retry)??;
        if starts > self.config.most_starts {
            let before = starts - 1;
            return Err(Failure::reject(anyhow!("the last {before} attempts ended without an outcome: a crash loop")));
        }
        Ok(())
    }

    async fn handle(
        &self,
        context: &Context,
        input: Result<S::Input, Failure>,
        delivery: &Delivery,
        lease: Duration,
    ) -> Option<Result<(), Failure>> {
        let input = match input {
            Ok(input) => input,
            Err(failure) => return Some(Err(failure)),
        };
        let story = async {
            self.stage.handle(context, input).await?;
            context.checkpoint(Step::BeforeAck).await;
            Ok(())
        };
        let story = timeout(self.config.ceiling, std::panic::AssertUnwindSafe(story).catch_unwind());
        tokio::pin!(story);
        let tick = lease / 3;
        let mut progress = interval_at(tokio::time::Instant::now() + tick, tick);
        loop {
            tokio::select! {
                ended = &mut story => return Some(match ended {
                    Ok(Ok(outcome)) => outcome,
                    // Left unsettled it comes back after the ack wait, and its starts are counted.
                    Ok(Err(_panic)) => {
                        metrics::counter!("stage_panics_total", "stage" => S::NAME).increment(1);
                        return None;
                    }
                    Err(_) => Err(Failure::retry(anyhow!("no end after {:?}", self.config.ceiling))),
                }),
                () = context.died.notified() => return None,
                _ = progress.tick() => settle::hold(&self.runtime.store, &self.runtime.clock, S::NAME, delivery, lease).await,
            }
        }
    }

    /// There was an outcome: this start was no crash. Tried a few times, because what is away for the handler is away for
    /// this too, and an outage must not look like a crash loop.
    async fn clear_starts(&self, delivery: &Delivery) {
        let everywhere = self.runtime.store.everywhere();
        let clear = async {
            while everywhere.clear_starts(S::NAME, delivery.stream, delivery.sequence).await.is_err() {
                sleep(Duration::from_millis(500)).await;
            }
        };
        // No longer: nobody says meanwhile that this message is in hand.
        let _ = timeout(PATIENCE, clear).await;
    }

    async fn settle(&self, delivery: &Delivery, outcome: Result<(), Failure>) {
        let Runtime { store, clock, .. } = &self.runtime;
        let word = match &outcome {
            Ok(()) => "done",
            Err(Failure::Retry { .. }) => "retried",
            Err(Failure::Reject { .. }) => "rejected",
        };
        metrics::counter!("stage_messages_total", "stage" => S::NAME, "outcome" => word).increment(1);
        if delivery.deliveries >= self.config.suspicious_deliveries {
            self.clear_starts(delivery).await;
        }
        let settled = match &outcome {
            Ok(()) => timeout(PATIENCE, settle::done(store, S::NAME, delivery)).await,
            Err(Failure::Retry { after, cause }) => {
                warn!(deliveries = delivery.deliveries, error = format!("{cause:#}"), "will try again");
                let delay = settle::delay(&self.config, delivery.deliveries, *after);
                timeout(PATIENCE, settle::put_off(store, clock, S::NAME, delivery, delay, cause)).await
            }
            Err(Failure::Reject { cause }) => {
                timeout(PATIENCE, settle::bury(store, clock, S::NAME, delivery, cause)).await
            }
        };
        if let Err(error) = settled.map_err(anyhow::Error::from).and_then(|done| Ok(done?)) {
            warn!(error = format!("{error:#}"), "what became of a message could not be kept yet; it comes again");
            delivery.give_back(settle::delay(&self.config, delivery.deliveries, None)).await;
        }
    }
}
