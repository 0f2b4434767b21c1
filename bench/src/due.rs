//! (c) Due touches released and sent per second, with a million planned touches in the table and with ten thousand.

use std::time::{Duration, Instant};

use orchestrator::demo::Site;
use sim::Event;
use sqlx::{Connection as _, PgConnection};

use crate::{figures::Figures, pipeline::Pipeline};

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
        let tenant = site.franchise.tenant.uuid();
        let now = site.clock.now();
        sqlx::query(
            "insert into leads (tenant_id, id, location_id, crm, crm_order_id, crm_version, status, first_name, phone,
                                texts_allowed, vehicle, service, total_cents, created_at, first_seen_at, planned_at)
             select $1, gen_random_uuid(), (select id from locations where tenant_id = $1 limit 1), 'bench', n::text, 1, 'new',
                    'Dana', '+1' || (201 + n / 100 % 700) || '55501' || lpad((n % 100)::text, 2, '0'), true, 'a car', 'Window Tint', 0, $2, $2, $2
             from generate_series(1, $3) n",
        )
        .bind(tenant)
        .bind(now)
        .bind(planned / 13 + ROUNDS * WAVE)
        .execute(&mut owner)
        .await?;
        // Thirteen touches a lead, as the cadence plans them.
        sqlx::query(
            "insert into messages (tenant_id, id, lead_id, step, channel, template, state, due_at, release_at)
             select $1, gen_random_uuid(), l.id, s, 'sms', 'day_' || s, 'planned', at, at
             from leads l, generate_series(1, 13) s, lateral (select $2 + s * interval '2 days' + random() * interval '1 day') t (at)
             where l.crm = 'bench' and l.crm_order_id::int > $3",
        )
        .bind(tenant)
        .bind(now)
        .bind(ROUNDS * WAVE)
        .execute(&mut owner)
        .await?;
        sqlx::query("vacuum analyze messages").execute(&mut owner).await?;
        // What loading left to write is not what is measured.
        sqlx::query("checkpoint").execute(&mut owner).await?;
        Ok(Self { _pipeline: Pipeline::start(&site).await?, owner, site, _folder: folder })
    }

    /// How long it takes until a wave that falls due at once is sent.
    async fn send_wave(&mut self, round: i32) -> anyhow::Result<Duration> {
        let sent = || self.site.sim.world.journal.count(|event| matches!(event, Event::Text { .. }));
        let wanted = usize::try_from((round + 1) * WAVE)?;
        sqlx::query(
            "insert into messages (tenant_id, id, lead_id, step, channel, template, state, due_at, release_at)
             select $1, gen_random_uuid(), l.id, 1, 'sms', 'day_0', 'planned', $2, $2
             from leads l where l.crm = 'bench' and l.crm_order_id::int > $3 and l.crm_order_id::int <= $4",
        )
        .bind(self.site.franchise.tenant.uuid())
        .bind(self.site.clock.now())
        .bind(round * WAVE)
        .bind((round + 1) * WAVE)
        .execute(&mut self.owner)
        .await?;
        let started = Instant::now();
        let deadline = started + Duration::from_secs(60);
        while sent() < wanted {
            anyhow::ensure!(Instant::now() < deadline, "{} of {wanted} sent", sent());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(started.elapsed())
    }
}
