//! (a) Webhooks, and forms, acknowledged per second, beside the raw rate at which as many publishers get acks from the same stream.

use std::{
    fmt::Write as _,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use async_nats::jetstream;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::future::try_join_all;
use orchestrator::{Program, Role, demo::Site};
use ring::hmac;
use secrecy::ExposeSecret as _;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream},
    net::TcpStream,
};

use crate::figures::{Figures, percentile};

const PUBLISHERS: usize = 64;
/// Both take turns, because the mood of a disk or of a shared machine changes within seconds.
const ROUNDS: u32 = 9;
const ROUND: Duration = Duration::from_secs(2);

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    Webhooks,
    Forms,
}

pub(crate) async fn measure(sent: Sent, figures: &mut Figures) -> anyhow::Result<()> {
    // One address sends them all; the rates are asked for and not met.
    let endless = ["ingest.form_per_address", "ingest.form_per_key"].map(|key| (key, "100000000"));
    let (site, _folder) = crate::site(&endless).await?;
    // In this process, as the raw publishers are: a third one would only measure how the cores change between processes.
    let roles = [Role::Ingest];
    let program = Program::start(&site.config(&roles, &[])?, &roles, None).await?;
    let number = Arc::new(AtomicU64::new(0));
    let bus = site.bus_config("ingest");
    let options = async_nats::ConnectOptions::with_user_and_password(bus.user, bus.password.expose_secret().into());
    let client = options.custom_inbox_prefix("_INBOX_ingest").connect(&bus.url).await.context("NATS")?;
    let publisher = jetstream::new(client);
    let (mut published, mut waits) = (0, Vec::new());
    let (mut publishing, mut sending) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..ROUNDS {
        let started = Instant::now();
        published += raw(&publisher, &number).await?;
        publishing += started.elapsed();
        let started = Instant::now();
        waits.extend(requests(sent, &site, &number).await?);
        sending += started.elapsed();
    }
    program.stop().await;
    waits.sort_by(f64::total_cmp);
    let limit = rate(published, publishing);
    let rate = rate(waits.len() as u64, sending);
    let name = match sent {
        Sent::Webhooks => "webhooks acknowledged, 64 at once",
        Sent::Forms => "forms acknowledged, 64 at once",
    };
    figures.at_least(name, rate, "/s", limit, 0.7);
    figures.below("  each waits, p50", percentile(&waits, 50), "ms", 1_000.0 * 64.0 / limit / 0.7);
    figures.below("  each waits, p99", percentile(&waits, 99), "ms", 1_000.0);
    Ok(())
}

static FILLER: LazyLock<String> = LazyLock::new(|| "x".repeat(900));

/// As large as a real order.
fn body(number: u64) -> String {
    let mut body = String::with_capacity(1_024);
    body.push_str(r#"{"apiVersion":"3","table":"order","operation":"UPDATE","data":{"id":"o-"#);
    body.push_str(&number.to_string());
    body.push_str(r#"","note":""#);
    body.push_str(&FILLER);
    body.push_str(r#"","meta":{"version":1}}}"#);
    body
}

/// How many messages were confirmed in one round.
async fn raw(context: &jetstream::Context, number: &AtomicU64) -> anyhow::Result<u64> {
    let started = Instant::now();
    let publishers = (0..PUBLISHERS).map(|_| async move {
        let mut done = 0_u64;
        while started.elapsed() < ROUND {
            let next = number.fetch_add(1, Ordering::Relaxed);
            let message = jetstream::message::PublishMessage::build()
                .message_id(format!("raw-{next}"))
                .payload(body(next).into());
            context.send_publish("inbound.bench.shopmonkey.order", message).await?.await?;
            done += 1;
        }
        anyhow::Ok(done)
    });
    Ok(try_join_all(publishers).await?.into_iter().sum())
}

/// How long each of one round's requests waited, in milliseconds. Each sender keeps one connection and writes its requests by
/// hand: the generator shares the cores with what it measures.
async fn requests(sent: Sent, site: &Site, number: &Arc<AtomicU64>) -> anyhow::Result<Vec<f64>> {
    let url = url::Url::parse(&site.franchise.door(&site.public_url, "shopmonkey/{crm}"))?;
    let host = format!("{}:{}", url.host_str().unwrap_or_default(), url.port().unwrap_or(80));
    let started = Instant::now();
    let senders = (0..PUBLISHERS).map(|_| {
        let (host, path, number) = (host.clone(), url.path().to_owned(), number.clone());
        let form_key = site.franchise.publishable_key.clone();
        let key = hmac::Key::new(hmac::HMAC_SHA256, site.franchise.webhook_secret.as_bytes());
        async move {
            let mut connection = BufStream::new(TcpStream::connect(&host).await?);
            connection.get_ref().set_nodelay(true)?;
            let mut waits = Vec::new();
            while started.elapsed() < ROUND {
                let next = number.fetch_add(1, Ordering::Relaxed);
                let request = match sent {
                    Sent::Webhooks => signed(&host, &path, &key, next),
                    Sent::Forms => form(&host, &form_key, next),
                };
                let sent_at = Instant::now();
                connection.write_all(request.as_bytes()).await?;
                connection.flush().await?;
                let status = read_answer(&mut connection).await?;
                let is_taken = ["HTTP/1.1 204 No Content", "HTTP/1.1 201 Created"].contains(&status.as_str());
                anyhow::ensure!(is_taken, "{sent:?} were answered with {status}");
                waits.push(sent_at.elapsed().as_secs_f64() * 1_000.0);
            }
            Ok(waits)
        }
    });
    let waits: Vec<Vec<f64>> = try_join_all(senders).await?;
    Ok(waits.concat())
}

#[expect(clippy::disallowed_methods, reason = "a vendor signs with its own clock")]
fn signed(host: &str, path: &str, key: &hmac::Key, number: u64) -> String {
    let (body, at) = (body(number), chrono::Utc::now().timestamp());
    let mut signing = hmac::Context::with_key(key);
    signing.update(format!("{number}.{at}.").as_bytes());
    signing.update(body.as_bytes());
    let mac = STANDARD.encode(signing.sign());
    let length = body.len();
    let mut request = String::with_capacity(2_048);
    let _ = write!(
        request,
        "POST {path} HTTP/1.1\r\nhost: {host}\r\nwebhook-id: {number}\r\nwebhook-timestamp: {at}\r\n\
         webhook-signature: v1,{mac}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    request.push_str(&body);
    request
}

/// As large as a webhook.
fn form(host: &str, key: &str, number: u64) -> String {
    let shop = orchestrator::demo::LOCATIONS[0].0;
    let body = format!(
        r#"{{"name":"Dana Example","phone":"512-555-0142","email":"dana.{number}@example.com","service":"Ceramic tint",
            "location":"{shop}","consent":true,"utm_source":"ads","message":"{}"}}"#,
        &*FILLER
    );
    let length = body.len();
    format!(
        "POST /api/chatbot/leads HTTP/1.1\r\nhost: {host}\r\nx-publishable-key: {key}\r\nidempotency-key: {number}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// Reads an answer, and answers its first line.
async fn read_answer(connection: &mut BufStream<TcpStream>) -> anyhow::Result<String> {
    let mut status = String::new();
    connection.read_line(&mut status).await?;
    let mut line = String::new();
    let mut length = 0;
    while line != "\r\n" {
        line.clear();
        anyhow::ensure!(connection.read_line(&mut line).await? > 0, "the connection was closed");
        if let Some(bytes) = line.strip_prefix("content-length:") {
            length = bytes.trim().parse()?;
        }
    }
    connection.read_exact(&mut vec![0; length]).await?;
    Ok(status.trim_end().to_owned())
}

#[expect(clippy::cast_precision_loss, reason = "a count of some thousands")]
fn rate(done: u64, elapsed: Duration) -> f64 {
    done as f64 / elapsed.as_secs_f64()
}
