//! (c, doors) Looking through the CRMs of 200 tenants in which nothing is new.

use std::time::Duration;

use orchestrator::demo::{Franchise, seed};

use crate::{figures::Figures, pipeline::Pipeline};

const TENANTS: usize = 200;
/// Two rounds of looks.
const MEASURED: Duration = Duration::from_secs(60);

pub(crate) async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    // What the idle pipeline costs by itself is not the poller's.
    let idle = share_of_a_core("false").await?;
    let polling = share_of_a_core("true").await?;
    figures.below("looking through 200 tenants' CRMs, nothing new", polling - idle, "%", 2.0);
    Ok(())
}

/// Of all roles in one process, in percent.
async fn share_of_a_core(poll: &str) -> anyhow::Result<f64> {
    let (site, _folder) = crate::site(&[("ingest.poll", poll)]).await?;
    for number in 1..TENANTS {
        let franchise = Franchise::random(&format!("tenant-{number}"));
        seed(&site.store, &franchise, &site.sim.url, &site.public_url, site.clock.now()).await?;
    }
    let pipeline = Pipeline::start(&site).await?;
    // The first round opens every account; later ones find most of them open.
    tokio::time::sleep(Duration::from_secs(35)).await;
    let before = pipeline.processor_time()?;
    tokio::time::sleep(MEASURED).await;
    let used = pipeline.processor_time()?.saturating_sub(before);
    if poll == "true" {
        let health = site.store.everywhere().list_crm_health().await?;
        let looked =
            health.iter().filter(|crm| crm.outcome.as_deref() == Some("quiet") && crm.problem.is_none()).count();
        anyhow::ensure!(looked == TENANTS, "only {looked} of {TENANTS} CRMs were looked through");
    }
    Ok(100.0 * used.as_secs_f64() / MEASURED.as_secs_f64())
}
