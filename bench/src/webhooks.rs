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
use futures::future::join_all;
use hmac::{Hmac, KeyInit as _, Mac as _};
use orchestrator::{Program, Role, demo::Site};
use secrecy::ExposeSecret as _;
use sha2::Sha256;

use crate::figures::{Figures, percentile};

const PUBLISHERS: usize = 64;
const LENGTH: Duration = Duration::from_secs(6);

pub(crate) async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    let (site, _folder) = crate::site(&[("log.filter", "warn")]).await?;
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

#[expect(clippy::disallowed_methods, reason = "a vendor signs with its own clock")]
async fn webhooks(site: &Site, number: &Arc<AtomicU64>) -> anyhow::Result<(f64, Vec<f64>)> {
    let url = site.franchise.door(&site.public_url, "shopmonkey/{shopmonkey}");
    let client = service::http::client(Duration::from_secs(2), Duration::from_secs(20));
    let started = Instant::now();
    let senders = (0..PUBLISHERS).map(|_| {
        let (client, url, number) = (client.clone(), url.clone(), number.clone());
        let secret = site.franchise.webhook_secret.clone();
        async move {
            let mut waits = Vec::new();
            while started.elapsed() < LENGTH {
                let next = number.fetch_add(1, Ordering::Relaxed);
                let (body, at) = (body(next), chrono::Utc::now().timestamp());
                let Ok(hmac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
                    break;
                };
                let mac = hmac.chain_update(format!("{next}.{at}.{body}")).finalize().into_bytes();
                let request = client
                    .post(&url)
                    .header("webhook-id", next)
                    .header("webhook-timestamp", at)
                    .header("webhook-signature", format!("v1,{}", STANDARD.encode(mac)))
                    .body(body);
                let sent = Instant::now();
                if request.send().await.is_ok_and(|answer| answer.status().is_success()) {
                    waits.push(sent.elapsed().as_secs_f64() * 1_000.0);
                }
            }
            waits
        }
    });
    let waits: Vec<f64> = join_all(senders).await.into_iter().flatten().collect();
    Ok((rate(waits.len() as u64, started.elapsed()), waits))
}

#[expect(clippy::cast_precision_loss, reason = "a count of some thousands")]
fn rate(done: u64, elapsed: Duration) -> f64 {
    done as f64 / elapsed.as_secs_f64()
}
