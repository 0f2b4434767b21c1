//! Cancelling a lead's whole plan, and previewing one.

use std::{sync::Arc, time::Instant};

use accounts::Accounts;
use domain::{E164, Email, LeadId, StopReason};
use limits::Limiter;
use operate::{Desk, Sample, preview_sample};
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::{
    figures::{Figures, percentile},
    planned,
};

const LEADS: i32 = 2_000;

pub(crate) async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    let (site, _folder) = crate::site(&[]).await?;
    let mut owner = PgConnection::connect(&site.settings["postgres.owner_url"]).await?;
    planned::fill(&site, &mut owner, LEADS * 13, 0).await?;
    let leads: Vec<Uuid> = sqlx::query_scalar("select id from leads where crm = 'bench'").fetch_all(&mut owner).await?;
    let now = site.clock.now();
    let mut waits = Vec::with_capacity(leads.len());
    for lead in leads {
        let started = Instant::now();
        let mut tx = site.store.begin(site.franchise.tenant).await?;
        tx.leads().stop(LeadId::new(lead), StopReason::Replied, now).await?;
        tx.commit().await?;
        waits.push(started.elapsed().as_secs_f64() * 1_000.0);
    }
    let left: i64 =
        sqlx::query_scalar("select count(*) from messages where state = 'planned'").fetch_one(&mut owner).await?;
    anyhow::ensure!(left == 0, "{left} touches were not cancelled");
    waits.sort_by(f64::total_cmp);
    figures.below("a lead's whole plan cancelled, p99", percentile(&waits, 99), "ms", 5.0);

    let config = site.config(&[], &[])?;
    let desk = Desk {
        store: site.store.clone(),
        accounts: Accounts::new(&config.accounts, Arc::new(Limiter::new(&config.limits)?)),
        clock: site.clock.clone(),
        public_url: site.public_url.parse()?,
    };
    let sample = Sample {
        first_name: Some("Dana".into()),
        phone: E164::parse("+15125550142").ok(),
        email: Email::parse("dana@example.com").ok(),
        language: None,
        location: None,
        vehicle: "2021 Honda Civic".into(),
        service: "Window Tint".into(),
        total_cents: 45_999,
        asked_at: now,
    };
    let mut waits = Vec::with_capacity(1_000);
    for _ in 0..1_000 {
        let started = Instant::now();
        let shown = preview_sample(&desk, &site.franchise.slug, &sample).await?;
        waits.push(started.elapsed().as_secs_f64() * 1_000.0);
        anyhow::ensure!(shown.touches.len() == 13, "{} touches", shown.touches.len());
    }
    waits.sort_by(f64::total_cmp);
    figures.below("a preview of thirteen touches, p99", percentile(&waits, 99), "ms", 5.0);
    Ok(())
}
