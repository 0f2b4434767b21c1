//! The pipeline as a process of its own, so that its memory and its start can be measured.

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use orchestrator::demo::Site;

pub(crate) struct Pipeline {
    child: Child,
    /// From the start of the process to its first "ready".
    pub(crate) ready_after: Duration,
}

impl Pipeline {
    pub(crate) async fn start(site: &Site) -> anyhow::Result<Self> {
        let file = site.stack.folder.join("leads.toml");
        fs::write(&file, site.settings_file())?;
        let log = fs::File::create(site.stack.folder.join("logs/pipeline.log"))?;
        let program = std::env::current_exe()?.with_file_name("leads");
        let started = Instant::now();
        let child = Command::new(&program)
            .args(["run", "all", "--config"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut pipeline = Self { child, ready_after: Duration::ZERO };
        let client = service::http::client(Duration::from_millis(500), Duration::from_secs(2));
        let url = format!("{}/ready", site.public_url);
        let deadline = started + Duration::from_secs(20);
        while !client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
            anyhow::ensure!(Instant::now() < deadline, "the pipeline did not become ready");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        pipeline.ready_after = started.elapsed();
        Ok(pipeline)
    }

    /// What the process has used of the processors, in hundredths of a second.
    pub(crate) fn processor_time(&self) -> anyhow::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Behind the name, which may have blanks: state, then eleven fields, then user and system time.
        let fields = stat.rsplit_once(')').context("no name in /proc")?.1;
        let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Resident memory in megabytes.
    pub(crate) fn memory_mb(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().unwrap_or_default();
        kilobytes / 1024.0
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "the edge, where a benchmark's clock is set")]
fn anchor() -> chrono::DateTime<chrono::Utc> {
    use std::sync::OnceLock;
    static ANCHOR: OnceLock<chrono::DateTime<chrono::Utc>> = OnceLock::new();
    *ANCHOR.get_or_init(chrono::Utc::now)
}

pub(crate) fn clock(start: &str) -> anyhow::Result<orchestrator::Clock> {
    Ok(orchestrator::Clock::virtual_from(start.parse()?, anchor(), 1.0))
}

pub(crate) fn clock_settings(start: &str) -> Vec<(String, String)> {
    vec![
        ("clock.start".into(), start.into()),
        ("clock.anchor".into(), anchor().to_rfc3339()),
        ("clock.speed".into(), "1".into()),
    ]
}
