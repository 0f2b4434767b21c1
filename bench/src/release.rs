//! Due rows that become facts: their rate beside that at which JetStream takes the same publishes, with ten million planned rows in the
//! table and with ten thousand, and how late each is at 500 a second.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use async_nats::jetstream;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use orchestrator::{Program, Role, demo::Site};
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection};

use crate::{
    figures::{Figures, percentile},
    planned,
};

/// They take turns, because the mood of a shared machine changes within seconds.
const ROUNDS: i32 = 5;
const WAVE: i32 = 4_000;
const PER_SECOND: i32 = 500;
const SECONDS: i32 = 10;
/// As many publishes at once as the pipeline has.
const IN_FLIGHT: usize = 64;

pub(crate) async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    let (rate_of_few, raw, late) = table(10_000).await?;
    figures.at_least("due rows released, 10,000 planned (limit: raw)", rate_of_few, "/s", raw, 0.8);
    figures.below("  each late at 500 a second, p99", late, "ms", 1_000.0);
    let (rate_of_many, raw, late) = table(10_000_000).await?;
    figures.at_least("due rows released, 10,000,000 planned (limit: raw)", rate_of_many, "/s", raw, 0.8);
    figures.at_least("  and with 10,000 (limit)", rate_of_many, "/s", rate_of_few, 1.0 / 1.2);
    figures.below("  each late at 500 a second, p99", late, "ms", 1_000.0);
    Ok(())
}

/// Its rate, the raw rate beside it, and the lateness at the ninety-ninth.
async fn table(rows: i32) -> anyhow::Result<(f64, f64, f64)> {
    let (site, _folder) = crate::site(&[]).await?;
    let mut owner = PgConnection::connect(&site.settings["postgres.owner_url"]).await?;
    planned::fill(&site, &mut owner, rows, ROUNDS * WAVE + PER_SECOND * SECONDS).await?;
    let roles = [Role::Schedule];
    let program = Program::start(&site.config(&roles, &[])?, &roles, None).await?;
    let bus = site.bus_config("schedule");
    let options = async_nats::ConnectOptions::with_user_and_password(bus.user, bus.password.expose_secret().into());
    let client = options.custom_inbox_prefix("_INBOX_schedule").connect(&bus.url).await.context("NATS")?;
    let publisher = jetstream::new(client);
    let (mut releasing, mut publishing) = (Duration::ZERO, Duration::ZERO);
    for round in 0..ROUNDS {
        let started = Instant::now();
        publish(&publisher, &site, round).await?;
        publishing += started.elapsed();
        let before = stored(&publisher).await?;
        planned::fall_due(&site, &mut owner, round * WAVE, WAVE, None).await?;
        let started = Instant::now();
        until_stored(&publisher, before + u64::from(WAVE.unsigned_abs())).await?;
        releasing += started.elapsed();
    }
    let late = lateness(&site, &mut owner, &publisher).await?;
    program.stop().await;
    let rate = |time: Duration| f64::from(ROUNDS * WAVE) / time.as_secs_f64();
    Ok((rate(releasing), rate(publishing), late))
}

async fn publish(publisher: &jetstream::Context, site: &Site, round: i32) -> anyhow::Result<()> {
    let tenant = site.franchise.tenant;
    // As large as a real one.
    let payload = "x".repeat(330);
    stream::iter(0..WAVE)
        .map(|number| {
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("Nats-Msg-Id", format!("{tenant}:bench:message.due:{round}:{number}"));
            let subject = format!("message.{tenant}.due");
            let sent = publisher.publish_with_headers(subject, headers, payload.clone().into());
            async move { anyhow::Ok(sent.await?.await.map(drop)?) }
        })
        .buffer_unordered(IN_FLIGHT)
        .try_collect::<()>()
        .await
}

async fn stored(publisher: &jetstream::Context) -> anyhow::Result<u64> {
    Ok(publisher.get_stream("MESSAGES").await?.cached_info().state.last_sequence)
}

async fn until_stored(publisher: &jetstream::Context, wanted: u64) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(120);
    while stored(publisher).await? < wanted {
        anyhow::ensure!(Instant::now() < deadline, "{} of {wanted} stored", stored(publisher).await?);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// From when each was due to when JetStream had it.
async fn lateness(site: &Site, owner: &mut PgConnection, publisher: &jetstream::Context) -> anyhow::Result<f64> {
    let before = stored(publisher).await?;
    let count = PER_SECOND * SECONDS;
    planned::fall_due(site, owner, ROUNDS * WAVE, count, Some(PER_SECOND)).await?;
    until_stored(publisher, before + u64::from(count.unsigned_abs())).await?;
    let bus = site.bus_config("operate");
    let options = async_nats::ConnectOptions::with_user_and_password(bus.user, bus.password.expose_secret().into());
    let reader = jetstream::new(options.custom_inbox_prefix("_INBOX_operate").connect(&bus.url).await.context("NATS")?);
    let messages = reader.get_stream("MESSAGES").await?;
    // Business time runs as the wall does there, from another hour.
    let ahead = site.clock.now() - site.clock.wall();
    let mut late = Vec::new();
    for sequence in before + 1..=before + u64::from(count.unsigned_abs()) {
        let message = messages.get_raw_message(sequence).await?;
        let envelope: serde_json::Value = serde_json::from_slice(&message.payload)?;
        let due: chrono::DateTime<chrono::Utc> = envelope["data"]["release"].as_str().context("a release")?.parse()?;
        let waited = message.time + ahead - due;
        late.push(f64::from(i32::try_from(waited.num_milliseconds())?));
    }
    late.sort_by(f64::total_cmp);
    Ok(percentile(&late, 99))
}
