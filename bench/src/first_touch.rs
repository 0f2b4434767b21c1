//! (b) From webhook to "SMS accepted by the vendor", (d) memory, (e) time from start to ready.

use std::time::Duration;

use orchestrator::demo::{LOCATIONS, report};
use sim::play::Script;

use crate::{figures::Figures, pipeline::Pipeline, processor::Processor};

/// Longer than a receipt may give way (ADR 11), so that their handling is part of what is measured.
const SECONDS: usize = 20;

pub(crate) async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    let (site, _folder) = crate::site(&[("notify.safe_mode", "off")]).await?;
    let pipeline = Pipeline::start(&site).await?;
    figures.below("from start to ready", pipeline.ready_after.as_secs_f64() * 1_000.0, "ms", 1_000.0);
    tokio::time::sleep(Duration::from_secs(3)).await;
    figures.below("memory of all roles, idle", pipeline.memory_mb(), "MB", 80.0);
    let mut most_memory: f64 = 0.0;
    let mut first = 0;
    for per_second in [50_usize, 200] {
        let script = Script {
            webhooks: per_second * SECONDS,
            locations: LOCATIONS.iter().map(|location| location.0.to_owned()).collect(),
            rude: false,
            first,
            name: format!("at-{per_second}"),
        };
        first += script.webhooks;
        let scenes = script.scenes();
        let rate = f64::from(u32::try_from(per_second)?);
        let before = Processor::look();
        let latest = tokio::select! {
            latest = site.sim.world.play_all(&scenes, rate) => latest,
            () = async {
                loop {
                    most_memory = most_memory.max(pipeline.memory_mb());
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            } => Duration::ZERO,
        };
        let withheld = before.withheld_since();
        let mut result = report(&site, &scenes).await?;
        for _ in 0..60 {
            if result.lost.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            result = report(&site, &scenes).await?;
        }
        anyhow::ensure!(result.is_clean(), "at {per_second}/s: {} lost, {:?}", result.lost.len(), result.duplicates);
        most_memory = most_memory.max(pipeline.memory_mb());
        figures.below(
            &format!("first touch at {per_second} leads a second, p50"),
            result.first_touch.p50_ms,
            "ms",
            50.0,
        );
        figures.below(
            &format!("first touch at {per_second} leads a second, p99"),
            result.first_touch.p99_ms,
            "ms",
            250.0,
        );
        // What the load's own schedule was late by is missing above.
        figures.below("  a quote left late by at most", latest.as_secs_f64() * 1_000.0, "ms", 50.0);
        // Two cores are busy at 200: what the host takes from them the leads wait for.
        figures.below("  processor time that the host withheld meanwhile", withheld, "%", 5.0);
    }
    figures.below("memory of all roles, most under that load", most_memory, "MB", 200.0);
    Ok(())
}
