//! (a) Webhooks acknowledged per second, beside the raw rate at which as many publishers get acks from the same stream.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use async_nats::jetstream;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::future::{join_all, try_join_all};
use orchestrator::{Program, Role, demo::Site};
use ring::hmac;
use secrecy::ExposeSecret as _;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufStream},
    net::TcpStream,
};

use crate::figures::{Figures, percentile};

const PUBLISHERS: usize = 64;
const LENGTH: Duration = Duration::from_secs(6);

pub(crate) async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    let (site, _folder) = crate::site(&[]).await?;
    let roles = [Role::Ingest];
    let program = Program::start(&site.config(&roles, &[])?, &roles, None).await?;
    let number = Arc::new(AtomicU64::new(0));
    // Before, and after: the mean of both is the limit, because a disk's mood changes within a minute.
    let before = raw(&site, &number).await?;
    let (rate, mut waits) = webhooks(&site, &number).await?;
    let after = raw(&site, &number).await?;
    program.stop().await;
    waits.sort_by(f64::total_cmp);
    let limit = f64::midpoint(before, after);
    figures.at_least("webhooks acknowledged, 64 at once", rate, "/s", limit, 0.7);
    figures.below("  each waits, p50", percentile(&waits, 50), "ms", 1_000.0 * 64.0 / limit / 0.7);
    figures.below("  each waits, p99", percentile(&waits, 99), "ms", 1_000.0);
    Ok(())
}

/// As large as a real order.
fn body(number: u64) -> String {
    let filler = "x".repeat(900);
    format!(
        r#"{{"apiVersion":"3","table":"vehicle","operation":"UPDATE","data":{{"id":"v-{number}","note":"{filler}","meta":{{"version":1}}}}}}"#
    )
}

async fn raw(site: &Site, number: &Arc<AtomicU64>) -> anyhow::Result<f64> {
    let bus = site.bus_config("ingest");
    let options = async_nats::ConnectOptions::with_user_and_password(bus.user, bus.password.expose_secret().into());
    let client = options.custom_inbox_prefix("_INBOX_ingest").connect(&bus.url).await.context("NATS")?;
    let context = jetstream::new(client);
    let started = Instant::now();
    let publishers = (0..PUBLISHERS).map(|_| {
        let (context, number) = (context.clone(), number.clone());
        async move {
            let mut done = 0_u64;
            while started.elapsed() < LENGTH {
                let next = number.fetch_add(1, Ordering::Relaxed);
                let message = jetstream::message::PublishMessage::build()
                    .message_id(format!("raw-{next}"))
                    .payload(body(next).into());
                let ack = context.send_publish("inbound.bench.shopmonkey.other", message).await;
                if let Ok(ack) = ack
                    && ack.await.is_ok()
                {
                    done += 1;
                }
            }
            done
        }
    });
    let done: u64 = join_all(publishers).await.into_iter().sum();
    Ok(rate(done, started.elapsed()))
}

/// Each sender keeps one connection and writes its requests by hand: the generator shares the cores with what it measures.
async fn webhooks(site: &Site, number: &Arc<AtomicU64>) -> anyhow::Result<(f64, Vec<f64>)> {
    let url = url::Url::parse(&site.franchise.door(&site.public_url, "shopmonkey/{shopmonkey}"))?;
    let host = format!("{}:{}", url.host_str().unwrap_or_default(), url.port().unwrap_or(80));
    let started = Instant::now();
    let senders = (0..PUBLISHERS).map(|_| {
        let (host, path, number) = (host.clone(), url.path().to_owned(), number.clone());
        let secret = site.franchise.webhook_secret.clone();
        async move {
            let mut connection = BufStream::new(TcpStream::connect(&host).await?);
            connection.get_ref().set_nodelay(true)?;
            let mut waits = Vec::new();
            while started.elapsed() < LENGTH {
                let request = signed(&host, &path, &secret, number.fetch_add(1, Ordering::Relaxed));
                let sent = Instant::now();
                connection.write_all(request.as_bytes()).await?;
                connection.flush().await?;
                let status = read_answer(&mut connection).await?;
                anyhow::ensure!(status == "HTTP/1.1 204 No Content", "a webhook was answered with {status}");
                waits.push(sent.elapsed().as_secs_f64() * 1_000.0);
            }
            Ok(waits)
        }
    });
    let waits: Vec<Vec<f64>> = try_join_all(senders).await?;
    let waits = waits.concat();
    Ok((rate(waits.len() as u64, started.elapsed()), waits))
}

#[expect(clippy::disallowed_methods, reason = "a vendor signs with its own clock")]
fn signed(host: &str, path: &str, secret: &str, number: u64) -> String {
    let (body, at) = (body(number), chrono::Utc::now().timestamp());
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mac = STANDARD.encode(hmac::sign(&key, format!("{number}.{at}.{body}").as_bytes()));
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\nwebhook-id: {number}\r\nwebhook-timestamp: {at}\r\n\
         webhook-signature: v1,{mac}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// Reads an answer without a body, and answers its first line.
async fn read_answer(connection: &mut BufStream<TcpStream>) -> anyhow::Result<String> {
    let mut status = String::new();
    connection.read_line(&mut status).await?;
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        anyhow::ensure!(connection.read_line(&mut line).await? > 0, "the connection was closed");
    }
    Ok(status.trim_end().to_owned())
}

#[expect(clippy::cast_precision_loss, reason = "a count of some thousands")]
fn rate(done: u64, elapsed: Duration) -> f64 {
    done as f64 / elapsed.as_secs_f64()
}
