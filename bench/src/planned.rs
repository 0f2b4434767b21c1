//! Leads with planned touches, put there by hand: what the pipeline would need days for.

use domain::E164;
use orchestrator::demo::Site;
use sqlx::PgConnection;

/// So many touches planned over the coming month, thirteen a lead, and `free` leads that have none yet.
pub(crate) async fn fill(site: &Site, owner: &mut PgConnection, touches: i32, free: i32) -> anyhow::Result<()> {
    let tenant = site.franchise.tenant.uuid();
    let now = site.clock.now();
    sqlx::query(
        "insert into leads (tenant_id, id, location_id, crm, crm_order_id, crm_version, status, first_name, phone,
                            texts_allowed, vehicle, service, total_cents, created_at, first_seen_at, planned_at)
         select $1, gen_random_uuid(), (select id from locations where tenant_id = $1 limit 1), 'bench', n::text, 1, 'new',
                'Dana', '+1' || ($4::text[])[1 + n / 100 % cardinality($4::text[])] || '55501' || lpad((n % 100)::text, 2, '0'), true, 'a car', 'Window Tint', 0, $2, $2, $2
         from generate_series(1, $3) n",
    )
    .bind(tenant)
    .bind(now)
    .bind(touches / 13 + free)
    .bind(areas())
    .execute(&mut *owner)
    .await?;
    sqlx::query(
        "insert into messages (tenant_id, id, lead_id, step, channel, template, state, due_at, release_at)
         select $1, gen_random_uuid(), l.id, s, 'sms', 'day_' || s, 'planned', at, at
         from leads l, generate_series(1, 13) s, lateral (select $2 + s * interval '2 days' + random() * interval '1 day') t (at)
         where l.crm = 'bench' and l.crm_order_id::int > $3",
    )
    .bind(tenant)
    .bind(now)
    .bind(free)
    .execute(&mut *owner)
    .await?;
    sqlx::query("vacuum analyze messages").execute(&mut *owner).await?;
    sqlx::query("vacuum analyze leads").execute(&mut *owner).await?;
    // What loading left to write is not what is measured.
    sqlx::query("checkpoint").execute(owner).await?;
    Ok(())
}

/// Has a touch of each of `count` free leads after the first `skip` fall due: at once, or so many a second from a moment on.
pub(crate) async fn fall_due(
    site: &Site,
    owner: &mut PgConnection,
    skip: i32,
    count: i32,
    per_second: Option<i32>,
) -> anyhow::Result<()> {
    let from = site.clock.now() + chrono::TimeDelta::seconds(per_second.map_or(0, |_| 2));
    sqlx::query(
        "insert into messages (tenant_id, id, lead_id, step, channel, template, state, due_at, release_at)
         select $1, gen_random_uuid(), l.id, 1, 'sms', 'day_0', 'planned', at, at
         from leads l,
              lateral (select $2 + coalesce((l.crm_order_id::int - $3) * interval '1 second' / $5, interval '0')) t (at)
         where l.crm = 'bench' and l.crm_order_id::int > $3 and l.crm_order_id::int <= $4",
    )
    .bind(site.franchise.tenant.uuid())
    .bind(from)
    .bind(skip)
    .bind(skip + count)
    .bind(per_second)
    .execute(owner)
    .await?;
    Ok(())
}

/// Of customers who are texted.
fn areas() -> Vec<String> {
    let is_ours = |area: &u16| E164::parse(&format!("+1{area}5550100")).is_ok_and(|number| number.is_north_american());
    (201_u16..901).filter(is_ours).map(|area| area.to_string()).collect()
}
