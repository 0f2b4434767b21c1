use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    /// What it is held against: a rate measured in the same run, or a bound.
    limit: f64,
    /// Value over limit.
    ratio: f64,
    ok: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) all: Vec<Figure>,
}

impl Figures {
    /// A figure that should reach `share` of its limit.
    pub(crate) fn at_least(&mut self, name: &str, value: f64, unit: &'static str, limit: f64, share: f64) {
        self.add(name, value, unit, limit, value >= limit * share);
    }

    /// A figure that should stay below its limit.
    pub(crate) fn below(&mut self, name: &str, value: f64, unit: &'static str, limit: f64) {
        self.add(name, value, unit, limit, value < limit);
    }

    fn add(&mut self, name: &str, value: f64, unit: &'static str, limit: f64, ok: bool) {
        if self.all.is_empty() {
            println!("\n  {:<58}{:>10} {:<6}{:>10}{:>8}", "figure", "value", "unit", "limit", "ratio");
        }
        let ratio = value / limit;
        let mark = if ok { "" } else { "  ← not met" };
        println!("  {name:<58}{value:>10.1} {unit:<6}{limit:>10.1}{ratio:>8.2}{mark}");
        self.all.push(Figure { name: name.to_owned(), value, unit, limit, ratio, ok });
    }
}

/// Of sorted values.
pub(crate) fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(rank).copied().unwrap_or_default()
}
