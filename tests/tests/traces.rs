//! One trace from the webhook to the call of the vendor, across JetStream. A binary of its own: a process has one subscriber.

use opentelemetry::{global, trace::TracerProvider as _};
use opentelemetry_sdk::{
    propagation::TraceContextPropagator,
    trace::{InMemorySpanExporter, SdkTracerProvider},
};
use sim::Manners;
use tests::{Test, quote, until};
use tracing_subscriber::layer::SubscriberExt as _;

#[tokio::test(flavor = "multi_thread")]
async fn a_text_belongs_to_the_trace_of_the_webhook_that_led_to_it() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    global::set_text_map_propagator(TraceContextPropagator::new());
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let filter = tracing_subscriber::EnvFilter::new("info");
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(filter).with(layer))
        .expect("the first");

    let test = Test::start().await;
    let program = test.run().await;
    test.site.sim.world.ask_for_quote(&quote("o-1"), Manners::default());
    until("the text is delivered", async || {
        test.states(&quote("o-1")).await.first().is_some_and(|state| state == "sms delivered")
    })
    .await;
    program.stop().await;

    let spans = exporter.get_finished_spans().expect("spans");
    let call = spans.iter().find(|span| span.name == "send").expect("a call of the vendor");
    let trace: Vec<_> = spans
        .iter()
        .filter(|span| span.span_context.trace_id() == call.span_context.trace_id())
        .map(|span| {
            let stage = span.attributes.iter().find(|pair| pair.key.as_str() == "stage");
            stage.map_or_else(|| span.name.to_string(), |pair| pair.value.to_string())
        })
        .collect();
    for part in ["request", "enrich", "shopmonkey", "schedule", "notify-awaited", "send"] {
        assert!(trace.iter().any(|name| name == part), "{part} is not in {trace:?}");
    }
    // Nothing of the customer's is in any span.
    let all = format!("{spans:?}");
    for personal in ["5550142", "dana@example.com", "Dana", &test.site.franchise.crm_token] {
        assert!(!all.contains(personal), "{personal:?} is in a span");
    }
}
