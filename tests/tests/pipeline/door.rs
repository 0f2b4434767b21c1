//! The only door in: what it takes, what it refuses, and that a refusal leaves nothing behind.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use sim::Manners;
use tests::{Test, quote, until};

fn client() -> Client {
    service::http::client(Duration::from_secs(2), Duration::from_secs(20))
}

pub(crate) async fn stored(test: &Test) -> u64 {
    let bus = test.site.bus_config("operate");
    let client = connect(&bus.url, "operate", secret(&bus.password)).await;
    let context = async_nats::jetstream::new(client);
    context.get_stream("INBOUND").await.expect("INBOUND").cached_info().state.messages
}

pub(crate) fn secret(secret: &secrecy::SecretString) -> String {
    use secrecy::ExposeSecret as _;
    secret.expose_secret().to_owned()
}

pub(crate) async fn connect(url: &str, user: &str, password: String) -> async_nats::Client {
    let options = async_nats::ConnectOptions::with_user_and_password(user.into(), password);
    let options = options.custom_inbox_prefix(format!("_INBOX_{user}")).request_timeout(Some(Duration::from_secs(1)));
    options.connect(url.split(',').next().expect("a server")).await.expect("a connection")
}

/// Puts a verified request into INBOUND, past the door.
pub(crate) async fn tell(test: &Test, source_and_kind: &str, key: &str, received_at: DateTime<Utc>, body: &str) {
    let bus = test.site.bus_config("operate");
    let context = async_nats::jetstream::new(connect(&bus.url, "operate", secret(&bus.password)).await);
    let tenant = test.site.franchise.tenant;
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Event-Id", format!("{tenant}:ingest:{}:{key}", source_and_kind.replace('.', ":")));
    headers.insert("Received-At", received_at.to_rfc3339());
    let subject = format!("inbound.{tenant}.{source_and_kind}");
    let sent = context.publish_with_headers(subject, headers, body.to_owned().into()).await;
    sent.expect("sent").await.expect("stored");
}

/// Signs as the vendor does, independently of what verifies.
#[expect(clippy::disallowed_methods, reason = "a vendor signs with its own clock")]
async fn post(test: &Test, url: &str, body: &str, secret: &str, age_s: i64) -> reqwest::Response {
    use base64::Engine as _;
    use hmac::{KeyInit as _, Mac as _};
    let at = Utc::now().timestamp() - age_s;
    let mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes())
        .expect("any key")
        .chain_update(format!("id-1.{at}.{body}"))
        .finalize()
        .into_bytes();
    let signature = format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(mac));
    client()
        .post(format!("{}{url}", test.site.public_url))
        .header("webhook-id", "id-1")
        .header("webhook-timestamp", at)
        .header("webhook-signature", signature)
        .body(body.to_owned())
        .send()
        .await
        .expect("an answer")
}

async fn assert_problem(response: reqwest::Response, status: StatusCode, code: &str) {
    assert_eq!(response.status(), status, "{code}");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body: Value = response.json().await.expect("problem+json");
    assert_eq!(body["code"], code);
    assert_eq!(body["status"], status.as_u16());
    assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_request_gets_its_own_4xx_and_leaves_nothing_behind() {
    let test = Test::start().await;
    let program = test.run().await;
    let door = format!("/webhooks/shopmonkey/{}", test.site.franchise.crm_token);
    let secret = test.site.franchise.webhook_secret.clone();
    let order = r#"{"table":"order","operation":"INSERT","data":{"id":"a"}}"#;

    assert_problem(post(&test, &door, order, "wrong", 0).await, StatusCode::UNAUTHORIZED, "bad-signature").await;
    assert_problem(post(&test, &door, order, &secret, 400).await, StatusCode::UNAUTHORIZED, "stale-timestamp").await;
    assert_problem(post(&test, &door, "not json", &secret, 0).await, StatusCode::BAD_REQUEST, "not-readable").await;
    assert_problem(post(&test, &door, "{}", &secret, 0).await, StatusCode::BAD_REQUEST, "not-readable").await;
    let nowhere = "/webhooks/shopmonkey/nobody";
    assert_problem(post(&test, nowhere, order, &secret, 0).await, StatusCode::NOT_FOUND, "unknown-door").await;
    let other = format!("/webhooks/shopmonkey/{}", test.site.franchise.twilio_token);
    assert_problem(post(&test, &other, order, &secret, 0).await, StatusCode::NOT_FOUND, "unknown-door").await;
    let large = format!(r#"{{"table":"order","data":{{"id":"a","x":"{}"}}}}"#, "x".repeat(1 << 20));
    assert_problem(post(&test, &door, &large, &secret, 0).await, StatusCode::PAYLOAD_TOO_LARGE, "too-large").await;
    for id in ["a\\nb", "a\\u0000b", &"a".repeat(600)] {
        let strange = format!(r#"{{"table":"order","operation":"INSERT","data":{{"id":"{id}"}}}}"#);
        assert_problem(post(&test, &door, &strange, &secret, 0).await, StatusCode::BAD_REQUEST, "not-readable").await;
    }
    let no_text = "/webhooks/shopmonkey/%ff%fe";
    assert_problem(post(&test, no_text, order, &secret, 0).await, StatusCode::NOT_FOUND, "unknown-door").await;
    assert_problem(post(&test, "/ready", order, &secret, 0).await, StatusCode::METHOD_NOT_ALLOWED, "wrong-method")
        .await;
    assert_problem(post(&test, "/webhooks", order, &secret, 0).await, StatusCode::NOT_FOUND, "not-found").await;
    let get = client().get(format!("{}{door}", test.site.public_url)).send().await.expect("an answer");
    assert_problem(get, StatusCode::METHOD_NOT_ALLOWED, "wrong-method").await;

    assert_eq!(stored(&test).await, 0);
    let metrics = client().get(format!("{}/metrics", test.site.public_url)).send().await.expect("an answer");
    let metrics = metrics.text().await.expect("text");
    for code in ["bad-signature", "stale-timestamp", "not-readable", "unknown-door", "too-large"] {
        let line = format!("ingest_requests_total{{source=\"shopmonkey\",outcome=\"{code}\"}}");
        assert!(metrics.contains(&line), "{line} is not counted");
    }
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_turned_away_can_be_asked_about_without_its_secrets() {
    let test = Test::start().await;
    let program = test.run().await;
    let ours = format!("/webhooks/shopmonkey/{}", test.site.franchise.crm_token);
    let secret = test.site.franchise.webhook_secret.clone();
    let order = r#"{"table":"order","operation":"INSERT","data":{"id":"a"}}"#;
    post(&test, &ours, order, "wrong", 0).await;
    post(&test, "/webhooks/shopmonkey/nobody", order, &secret, 0).await;
    assert!(post(&test, &ours, order, &secret, 0).await.status().is_success());
    let kept = async || test.site.store.everywhere().list_refusals(5_000).await.unwrap_or_default();
    until("both are kept", async || kept().await.len() == 2).await;
    program.stop().await;

    let refusals = kept().await;
    let [stranger, wrong] = [&refusals[0], &refusals[1]];
    assert_eq!((stranger.code.as_str(), stranger.status, stranger.tenant), ("unknown-door", 404, None));
    assert_eq!((wrong.code.as_str(), wrong.status), ("bad-signature", 401));
    assert_eq!(wrong.tenant, Some(test.site.franchise.tenant));
    assert_eq!(wrong.size_bytes, Some(i64::try_from(order.len()).expect("a size")));
    assert_eq!(wrong.headers["webhook-id"], "id-1");
    assert!(wrong.headers["webhook-signature"].ends_with(" bytes)"), "{}", wrong.headers["webhook-signature"]);

    // However many come, the newest thousand of each are kept.
    let token = test.site.franchise.crm_token.clone();
    let noisy = |token: &str| store::NewRefusal {
        refused_at: tests::noon(),
        source: "shopmonkey".into(),
        token_hash: store::token_hash(token),
        status: 401,
        code: "stale-timestamp",
        size_bytes: None,
        headers: [("user-agent".to_owned(), "a sender's".to_owned())].into(),
    };
    for _ in 0..3 {
        let batch: Vec<_> = (0..400).map(|_| noisy(&token)).collect();
        test.site.store.everywhere().keep_refusals(&batch).await.expect("kept");
    }
    let all = kept().await;
    assert_eq!(all.iter().filter(|refusal| refusal.tenant.is_some()).count(), 1_000);
    assert!(all.iter().all(|refusal| refusal.code != "bad-signature"), "the oldest goes first");
    assert_eq!(all.iter().filter(|refusal| refusal.tenant.is_none()).count(), 1, "nobody's are counted apart");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_announces_to_be_huge_or_stops_in_the_middle_gets_an_answer() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let test = Test::start().await;
    let program = test.run().await;
    let door = format!("/webhooks/shopmonkey/{}", test.site.franchise.crm_token);
    let ask = async |head: String| {
        let mut connection = tokio::net::TcpStream::connect(program.address).await.expect("a connection");
        connection.write_all(head.as_bytes()).await.expect("written");
        let mut answer = vec![0; 12];
        connection.read_exact(&mut answer).await.expect("an answer");
        String::from_utf8(answer).expect("text")
    };
    let head = |length: u64| format!("POST {door} HTTP/1.1\r\nhost: here\r\ncontent-length: {length}\r\n\r\n");
    let (huge, stalled) = tokio::join!(ask(head(99_999_999_999)), ask(format!("{}{{", head(10))));
    assert_eq!(huge, "HTTP/1.1 413");
    assert_eq!(stalled, "HTTP/1.1 408");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_webhook_is_taken_and_a_repeat_is_stored_once() {
    let test = Test::start().await;
    let program = test.run().await;
    let door = format!("/webhooks/shopmonkey/{}", test.site.franchise.crm_token);
    let secret = test.site.franchise.webhook_secret.clone();
    let head = r#"{"table":"vehicle","operation":"INSERT","data":{"id":"a","meta":{"version":1},"note":""#;
    let body = format!("{head}{}\"}}}}", "x".repeat((1 << 20) - head.len() - 3));
    assert_eq!(body.len(), 1 << 20);
    for _ in 0..3 {
        assert_eq!(post(&test, &door, &body, &secret, 0).await.status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(stored(&test).await, 1);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_jetstream_away_the_door_says_come_again_and_the_webhook_is_not_lost() {
    let test = Test::start().await;
    let program = test.run().await;
    let door = format!("/webhooks/shopmonkey/{}", test.site.franchise.crm_token);
    let secret = test.site.franchise.webhook_secret.clone();
    let order = r#"{"table":"order","operation":"INSERT","data":{"id":"nobody-knows"}}"#;
    assert_eq!(post(&test, &door, order, &secret, 0).await.status(), StatusCode::NO_CONTENT);

    let mut seen = test.site.stack.supervisor.watch();
    test.site.stack.supervisor.kill("nats");
    let asked = quote("while-away");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("nats is back", async || seen.try_recv().is_ok_and(|event| format!("{event:?}").contains("Restarted"))).await;
    until("the customer has a text", async || !test.texts_to("+15125550142").is_empty()).await;
    assert_eq!(test.texts_to("+15125550142").len(), 1);

    test.site.stack.supervisor.stop("nats");
    let response = post(&test, &door, r#"{"table":"order","data":{"id":"b"}}"#, &secret, 0).await;
    assert!(response.headers().contains_key("retry-after"));
    assert_problem(response, StatusCode::SERVICE_UNAVAILABLE, "stream-away").await;
    program.crash().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_database_away_a_known_door_stays_open_and_an_unknown_one_says_come_again() {
    let test = Test::start_with(|options| options.settings.push(("ingest.door_ttl".into(), "1ms".into()))).await;
    let program = test.run().await;
    let door = format!("/webhooks/shopmonkey/{}", test.site.franchise.crm_token);
    let secret = test.site.franchise.webhook_secret.clone();
    let body = |id: u32| format!(r#"{{"table":"vehicle","operation":"INSERT","data":{{"id":"{id}"}}}}"#);
    assert_eq!(post(&test, &door, &body(1), &secret, 0).await.status(), StatusCode::NO_CONTENT);
    test.site.stack.supervisor.stop("postgres");
    assert_eq!(post(&test, &door, &body(2), &secret, 0).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(stored(&test).await, 2);
    let unknown = post(&test, "/webhooks/shopmonkey/somebody", &body(3), &secret, 0).await;
    assert_eq!(unknown.headers()["retry-after"], "5");
    assert_problem(unknown, StatusCode::SERVICE_UNAVAILABLE, "database-away").await;
    program.crash().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_and_a_new_address_are_known_at_once() {
    let test = Test::start().await;
    let program = test.run().await;
    let token = test.site.franchise.crm_token.clone();
    let door = format!("/webhooks/shopmonkey/{token}");
    let body = |id: u32| format!(r#"{{"table":"vehicle","operation":"INSERT","data":{{"id":"{id}"}}}}"#);
    let old = test.site.franchise.webhook_secret.clone();
    assert_eq!(post(&test, &door, &body(1), &old, 0).await.status(), StatusCode::NO_CONTENT);
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    tx.tenants().save_door("shopmonkey", &token, "another-secret", None).await.expect("a door");
    tx.commit().await.expect("a commit");
    let bodies = [body(2), body(6)];
    let at_once = futures::future::join_all(bodies.iter().map(|body| post(&test, &door, body, "another-secret", 0)));
    assert!(at_once.await.iter().all(|answer| answer.status() == StatusCode::NO_CONTENT));
    assert_problem(post(&test, &door, &body(3), &old, 0).await, StatusCode::UNAUTHORIZED, "bad-signature").await;

    let early = "/webhooks/shopmonkey/a-new-address";
    assert_problem(post(&test, early, &body(4), &old, 0).await, StatusCode::NOT_FOUND, "unknown-door").await;
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    tx.tenants().save_door("shopmonkey", "a-new-address", "another-secret", None).await.expect("a door");
    tx.commit().await.expect("a commit");
    until("the new address is open", async || {
        post(&test, early, &body(5), "another-secret", 0).await.status() == StatusCode::NO_CONTENT
    })
    .await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_full_refuses_and_the_door_says_so() {
    let test = Test::start().await;
    let bus = test.site.bus_config("deploy");
    let client = connect(&bus.url, "deploy", secret(&bus.password)).await;
    let context = async_nats::jetstream::new(client);
    let mut config = context.get_stream("INBOUND").await.expect("INBOUND").cached_info().config.clone();
    config.max_messages = 1;
    context.update_stream(config).await.expect("a smaller stream");
    let program = test.run().await;
    let door = format!("/webhooks/shopmonkey/{}", test.site.franchise.crm_token);
    let secret = test.site.franchise.webhook_secret.clone();
    let body = |id: u32| format!(r#"{{"table":"vehicle","operation":"INSERT","data":{{"id":"{id}"}}}}"#);
    assert_eq!(post(&test, &door, &body(1), &secret, 0).await.status(), StatusCode::NO_CONTENT);
    let refused = post(&test, &door, &body(2), &secret, 0).await;
    assert_eq!(refused.headers()["retry-after"], "60");
    assert_problem(refused, StatusCode::SERVICE_UNAVAILABLE, "stream-away").await;
    assert_eq!(stored(&test).await, 1, "what was stored is still there");
    program.stop().await;
}
