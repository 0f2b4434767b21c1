//! (c) Due touches released and sent per second, with a million planned touches in the table and with ten thousand.

use std::time::{Duration, Instant};

use sim::Event;
use sqlx::{Connection as _, PgConnection};

use crate::{figures::Figures, pipeline::Pipeline};

const DUE: i64 = 3_000;

pub(crate) async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    let few = rate_with(10_000).await?;
    let many = rate_with(1_000_000).await?;
    figures.at_least("due touches sent, 1,000,000 planned (limit: 10,000)", many, "/s", few, 1.0 / 1.3);
    Ok(())
}

async fn rate_with(planned: i64) -> anyhow::Result<f64> {
    let (site, _folder) = crate::site(&[("notify.safe_mode", "off")]).await?;
    let mut owner = PgConnection::connect(&site.settings["postgres.owner_url"]).await?;
    let tenant = site.franchise.tenant.uuid();
    let now = site.clock.now();
    // Thirteen touches a lead, as the cadence plans them, spread over the coming month.
    sqlx::query(
        "insert into leads (tenant_id, id, location_id, crm, crm_order_id, crm_version, status, first_name, phone,
                            texts_allowed, vehicle, service, total_cents, created_at, first_seen_at, planned_at)
         select $1, gen_random_uuid(), (select id from locations where tenant_id = $1 limit 1), 'bench', n::text, 1, 'new',
                'Dana', '+1' || (201 + n / 100 % 700) || '55501' || lpad((n % 100)::text, 2, '0'), true, 'a car', 'Window Tint', 0, $2, $2, $2
         from generate_series(1, $3) n",
    )
    .bind(tenant)
    .bind(now)
    .bind(planned / 13 + DUE)
    .execute(&mut owner)
    .await?;
    sqlx::query(
        "insert into messages (tenant_id, id, lead_id, step, channel, template, state, due_at, release_at)
         select $1, gen_random_uuid(), l.id, s, 'sms', 'day_' || s, 'planned', at, at
         from leads l, generate_series(1, 13) s, lateral (select $2 + s * interval '2 days' + random() * interval '1 day') t (at)
         where l.crm = 'bench' and l.crm_order_id::bigint > $3",
    )
    .bind(tenant)
    .bind(now)
    .bind(DUE)
    .execute(&mut owner)
    .await?;
    sqlx::query("vacuum analyze messages").execute(&mut owner).await?;
    // What loading left to write is not what is measured.
    sqlx::query("checkpoint").execute(&mut owner).await?;
    let pipeline = Pipeline::start(&site).await?;

    // All of them fall due at once.
    let started = Instant::now();
    sqlx::query(
        "insert into messages (tenant_id, id, lead_id, step, channel, template, state, due_at, release_at)
         select $1, gen_random_uuid(), l.id, 1, 'sms', 'day_0', 'planned', $2, $2
         from leads l where l.crm = 'bench' and l.crm_order_id::bigint <= $3",
    )
    .bind(tenant)
    .bind(site.clock.now())
    .bind(DUE)
    .execute(&mut owner)
    .await?;
    let wanted = usize::try_from(DUE)?;
    let deadline = started + Duration::from_secs(120);
    let sent = || site.sim.world.journal.count(|event| matches!(event, Event::Text { .. }));
    while sent() < wanted {
        anyhow::ensure!(Instant::now() < deadline, "{} of {wanted} sent", sent());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let elapsed = started.elapsed();
    drop(pipeline);
    Ok(f64::from(u32::try_from(wanted)?) / elapsed.as_secs_f64())
}
