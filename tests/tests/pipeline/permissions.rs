//! Each role's user has the subjects of its role and no others.

use std::time::Duration;

use tests::Test;

use crate::door::{connect, secret};

#[tokio::test(flavor = "multi_thread")]
async fn ingest_can_write_to_inbound_and_neither_read_nor_delete_a_stream() {
    let test = Test::start().await;
    let bus = test.site.bus_config("ingest");
    let client = connect(&bus.url, "ingest", secret(&bus.password)).await;
    let context = async_nats::jetstream::new(client.clone());
    let ack = context.publish("inbound.t.shopmonkey.order", "{}".into()).await.expect("sent").await.expect("stored");
    assert_eq!(ack.stream, "INBOUND");

    for (subject, body) in [
        ("$JS.API.STREAM.INFO.LEADS", ""),
        ("$JS.API.STREAM.NAMES", ""),
        ("$JS.API.STREAM.DELETE.INBOUND", ""),
        ("$JS.API.STREAM.PURGE.INBOUND", ""),
        ("$JS.API.STREAM.MSG.GET.INBOUND", r#"{"seq":1}"#),
        ("$JS.API.STREAM.MSG.DELETE.INBOUND", r#"{"seq":1}"#),
        ("$JS.API.DIRECT.GET.INBOUND", r#"{"seq":1}"#),
        ("$JS.API.CONSUMER.MSG.NEXT.INBOUND.enrich", ""),
        ("$JS.API.CONSUMER.DELETE.INBOUND.enrich", ""),
        ("lead.t.enriched", "{}"),
        ("message.t.due", "{}"),
    ] {
        let answer = client.request(subject, body.into()).await;
        assert!(answer.is_err(), "{subject} was answered: {answer:?}");
    }
    let mut tapped = client.subscribe("inbound.>").await.expect("a subscription the server refuses");
    context.publish("inbound.t.shopmonkey.order", "{}".into()).await.expect("sent").await.expect("stored");
    let heard = tokio::time::timeout(Duration::from_millis(300), futures::StreamExt::next(&mut tapped)).await;
    assert!(!matches!(heard, Ok(Some(_))), "ingest heard what it wrote");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_cannot_pull_anothers_work_nor_speak_in_its_name() {
    let test = Test::start().await;
    let bus = test.site.bus_config("enrich");
    let client = connect(&bus.url, "enrich", secret(&bus.password)).await;
    for subject in [
        "message.t.due",
        "inbound.t.shopmonkey.order",
        "$JS.API.CONSUMER.MSG.NEXT.MESSAGES.notify",
        "$JS.API.CONSUMER.MSG.NEXT.INBOUND.notify-receipts",
        "$JS.API.STREAM.DELETE.LEADS",
        "$JS.API.CONSUMER.CREATE.INBOUND.enrich",
    ] {
        // Whoever may pull is told at once that there is nothing.
        let body = if subject.contains("MSG.NEXT") { r#"{"batch":1,"no_wait":true}"# } else { "" };
        assert!(client.request(subject, body.into()).await.is_err(), "{subject} was answered");
    }
    let may_pull = "$JS.API.CONSUMER.MSG.NEXT.INBOUND.enrich";
    assert!(client.request(may_pull, r#"{"batch":1,"no_wait":true}"#.into()).await.is_ok(), "its own work it may pull");
    let operate = test.site.bus_config("operate");
    let client = connect(&operate.url, "operate", secret(&operate.password)).await;
    assert!(client.request("$JS.API.STREAM.INFO.INBOUND", "".into()).await.is_ok(), "operators read");
    for subject in ["$JS.API.STREAM.DELETE.INBOUND", "$JS.API.STREAM.PURGE.INBOUND", "$JS.API.STREAM.UPDATE.INBOUND"] {
        assert!(client.request(subject, "".into()).await.is_err(), "{subject} was answered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_applied_once_differences_are_named_and_destruction_is_refused() {
    let test = Test::start().await;
    let bus = stage::Bus::connect(&test.site.bus_config("deploy")).await.expect("a connection");
    let declared = stage::Declared::new(1).with_ack_wait(Duration::from_secs(2));
    assert_eq!(stage::apply(&bus, &declared).await.expect("nothing to do"), []);

    let deploy = test.site.bus_config("deploy");
    let client = connect(&deploy.url, "deploy", secret(&deploy.password)).await;
    let context = async_nats::jetstream::new(client);
    let mut config = context.get_stream("LEADS").await.expect("LEADS").cached_info().config.clone();
    config.description = Some("something else".into());
    config.max_bytes *= 2;
    context.update_stream(config).await.expect("a change");
    let changes = stage::diff(&bus, &declared).await.expect("a comparison");
    let settings: Vec<_> = changes.iter().map(|change| change.setting.as_str()).collect();
    assert_eq!(settings, ["description", "max_bytes"]);
    let refused = stage::apply(&bus, &declared).await.expect_err("a smaller limit could lose messages");
    assert!(refused.to_string().contains("max_bytes"), "{refused}");
    bus.close().await;
}
