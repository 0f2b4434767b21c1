//! Whether the machine was ours: on a virtual one the host takes processor time away, and then latencies are the host's.

use std::fs;

/// Ticks since the machine started, as `/proc/stat` counts them over all processors.
pub(crate) struct Processor {
    withheld: u64,
    all: u64,
}

impl Processor {
    /// Zeros where there is no `/proc/stat`.
    pub(crate) fn look() -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = stat.lines().next().unwrap_or_default();
        // user, nice, system, idle, iowait, irq, softirq, steal; guests are in user already.
        let ticks: Vec<u64> = line.split_whitespace().skip(1).take(8).map(|tick| tick.parse().unwrap_or(0)).collect();
        Self { withheld: ticks.get(7).copied().unwrap_or(0), all: ticks.iter().sum() }
    }

    /// The share of the processors' time, in percent, that the host gave to others since then.
    #[expect(clippy::cast_precision_loss, reason = "ticks of one benchmark")]
    pub(crate) fn withheld_since(&self) -> f64 {
        let now = Self::look();
        let all = now.all.saturating_sub(self.all).max(1);
        100.0 * now.withheld.saturating_sub(self.withheld) as f64 / all as f64
    }
}
