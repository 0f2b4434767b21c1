//! Logs as JSON on stderr, metrics for Prometheus, traces over OTLP when an endpoint is configured.
//!
//! What a log line may carry: ids (request, tenant, lead, message), counts, codes, durations. What it may not: names,
//! numbers, addresses, bodies, tokens.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use opentelemetry::{
    global,
    propagation::{Extractor, Injector},
    trace::TracerProvider as _,
};
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{EnvFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::Reader;

#[derive(Debug, Clone)]
pub struct Config {
    /// What to log, such as `info` or `info,notify=debug`.
    pub filter: String,
    /// Where to send traces, such as `http://collector:4318/v1/traces`. None: nowhere.
    pub otlp_endpoint: Option<String>,
}

impl Config {
    pub fn read(reader: &mut Reader) -> Self {
        let filter = reader.optional("log.filter").unwrap_or_else(|| "info,async_nats=warn".into());
        if let Err(error) = EnvFilter::try_new(&filter) {
            reader.mistake("log.filter", format!("{filter:?} is not a filter: {error}"));
        }
        let otlp_endpoint = reader.optional("traces.otlp_endpoint");
        if otlp_endpoint.as_ref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            reader.mistake("traces.otlp_endpoint", "is no address; write for example http://collector:4318/v1/traces");
        }
        Self { filter, otlp_endpoint }
    }
}

/// Flushes what has not been exported when the program ends. Drop it outside the async runtime.
#[derive(Debug, Default)]
#[must_use]
pub struct Guard(Option<SdkTracerProvider>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(provider) = self.0.take() {
            let _ = provider.shutdown();
        }
    }
}

/// Sets up logs, traces and metrics for the whole process. Call it outside the async runtime: the exporter has a thread of
/// its own and blocks on it.
pub fn init(config: &Config, role: &str) -> Guard {
    global::set_text_map_propagator(TraceContextPropagator::new());
    install_metrics();
    let filter = EnvFilter::try_new(&config.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(std::io::stderr);
    let provider = config.otlp_endpoint.as_deref().and_then(|endpoint| tracer_provider(endpoint, role));
    // Spans follow the same filter: a span that is not logged is not exported either.
    let traces = provider.as_ref().map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("leads")));
    let _ = tracing_subscriber::registry().with(filter).with(logs).with(traces).try_init();
    // One line like all others. Its message may quote what was being read, so only the place is told.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        // The filter must not hide this one.
        if tracing::enabled!(tracing::Level::ERROR) {
            tracing::error!(panic.place = place, "{A_PANIC}");
        } else {
            eprintln!("{A_PANIC}: {place}");
        }
    }));
    Guard(provider)
}

const A_PANIC: &str = "this program has a mistake: a part of it gave up in the middle";

fn tracer_provider(endpoint: &str, role: &str) -> Option<SdkTracerProvider> {
    crate::http::install_tls();
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().with_endpoint(endpoint).build().ok()?;
    let resource = Resource::builder().with_service_name(format!("leads-{role}")).build();
    Some(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Collects metrics for this process. Calling it again does nothing.
pub fn install_metrics() {
    METRICS.get_or_init(|| {
        let builder = PrometheusBuilder::new()
            .set_buckets(&[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0]);
        let recorder = builder.unwrap_or_else(|_| PrometheusBuilder::new()).build_recorder();
        let handle = recorder.handle();
        let _ = metrics::set_global_recorder(recorder);
        handle
    });
}

/// Folds what was recorded into its buckets. Without it a histogram nobody scrapes grows for ever.
pub fn fold_metrics() {
    if let Some(handle) = METRICS.get() {
        handle.run_upkeep();
    }
}

pub fn render_metrics() -> String {
    METRICS.get().map(PrometheusHandle::render).unwrap_or_default()
}

/// An error with all its causes, for a log line: `what failed: why: and why that`. Logged as an error, only the first is told.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// The current span as a W3C `traceparent`, where traces are on.
pub fn traceparent() -> Option<String> {
    struct Header(Option<String>);
    impl Injector for Header {
        fn set(&mut self, key: &str, value: String) {
            if key == "traceparent" {
                self.0 = Some(value);
            }
        }
    }
    let mut header = Header(None);
    global::get_text_map_propagator(|propagator| propagator.inject_context(&Span::current().context(), &mut header));
    header.0
}

/// Makes `span` part of the trace that `traceparent` names.
pub fn continue_trace(span: &Span, traceparent: &str) {
    struct Header<'a>(&'a str);
    impl Extractor for Header<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            (key == "traceparent").then_some(self.0)
        }
        fn keys(&self) -> Vec<&str> {
            vec!["traceparent"]
        }
    }
    let context = global::get_text_map_propagator(|propagator| propagator.extract(&Header(traceparent)));
    let _ = span.set_parent(context);
}
