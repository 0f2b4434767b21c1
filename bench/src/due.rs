//! (c) Due touches released and sent per second, with a million planned touches in the table and with ten thousand.

use std::time::{Duration, Instant};

use orchestrator::demo::Site;
use sim::Event;
use sqlx::{Connection as _, PgConnection};

use crate::{figures::Figures, pipeline::Pipeline, planned};

/// The two tables take turns, because the mood of a shared machine changes within seconds.
const ROUNDS: i32 = 6;
/// Touches that fall due at once in each round.
const WAVE: i32 = 1_000;

pub(crate) async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    let mut few = Table::with(10_000).await?;
    let mut many = Table::with(1_000_000).await?;
    let (mut time_of_few, mut time_of_many) = (Duration::ZERO, Duration::ZERO);
    for round in 0..ROUNDS {
        time_of_few += few.send_wave(round).await?;
        time_of_many += many.send_wave(round).await?;
    }
    let rate = |time: Duration| f64::from(ROUNDS * WAVE) / time.as_secs_f64();
    let limit = rate(time_of_few);
    let name = "due touches sent, 1,000,000 planned (limit: 10,000)";
    figures.at_least(name, rate(time_of_many), "/s", limit, 1.0 / 1.3);
    Ok(())
}

struct Table {
    // In this order: the pipeline ends before its servers do.
    _pipeline: Pipeline,
    owner: PgConnection,
    site: Site,
    _folder: tempfile::TempDir,
}

impl Table {
    /// A site of its own, with as many touches planned over the coming month, and leads that have none yet.
    async fn with(planned: i32) -> anyhow::Result<Self> {
        let (site, folder) = crate::site(&[("notify.safe_mode", "off")]).await?;
        let mut owner = PgConnection::connect(&site.settings["postgres.owner_url"]).await?;
        planned::fill(&site, &mut owner, planned, ROUNDS * WAVE).await?;
        Ok(Self { _pipeline: Pipeline::start(&site).await?, owner, site, _folder: folder })
    }

    /// How long it takes until a wave that falls due at once is sent.
    async fn send_wave(&mut self, round: i32) -> anyhow::Result<Duration> {
        let sent = || self.site.sim.world.journal.count(|event| matches!(event, Event::Text { .. }));
        let wanted = usize::try_from((round + 1) * WAVE)?;
        planned::fall_due(&self.site, &mut self.owner, round * WAVE, WAVE, None).await?;
        let started = Instant::now();
        let deadline = started + Duration::from_secs(60);
        while sent() < wanted {
            anyhow::ensure!(Instant::now() < deadline, "{} of {wanted} sent", sent());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(started.elapsed())
    }
}
