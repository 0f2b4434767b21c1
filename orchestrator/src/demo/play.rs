use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    process::{Command, ExitCode},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::America;
use domain::{Clock, federal_holiday};
use sim::{
    Fault, FaultKind, Vendor,
    play::{Scene, Script},
};
use stage::{Bus, BusConfig, Declared};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::broadcast::Receiver,
    time::sleep,
};

use super::{Options, Report, Site, SiteOptions, check, progress::Progress, walk};
use crate::supervise::{Durability, Seen, Server, Signal};

/// Runs the demo until it is done (`--check`) or told to stop.
pub async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        ended = play(&options) => ended,
        _ = interrupt.recv() => Ok(say_goodbye(&options)),
        _ = terminate.recv() => Ok(say_goodbye(&options)),
        _ = hang_up.recv() => Ok(interrupted(&options)),
    }
    // The site is dropped by now: every server has ended, the last one started first.
}

fn say_goodbye(options: &Options) -> ExitCode {
    if !options.json {
        eprintln!("\n  Everything has ended.");
    }
    interrupted(options)
}

/// As a shell calls an end by Ctrl-C; only a demo without an end of its own is done then.
const INTERRUPTED: u8 = 130;

fn interrupted(options: &Options) -> ExitCode {
    if !options.check {
        return ExitCode::SUCCESS;
    }
    // Nobody may be there to read it.
    let _ = writeln!(std::io::stderr(), "leads: interrupted; nothing was verified");
    ExitCode::from(INTERRUPTED)
}

async fn play(options: &Options) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let script = Script {
        webhooks: options.webhooks as usize,
        locations: super::LOCATIONS.iter().map(|location| location.0.to_owned()).collect(),
        rude: true,
        first: 0,
        name: "demo".into(),
    };
    let scenes = script.scenes();
    let clock = clock(options.speed.unwrap_or(1.0))?;
    let progress = Progress::new(u64::from(options.webhooks), options.json);
    if !options.json {
        progress.say("\n  Starting a private PostgreSQL, Redis and nats-server …");
    }
    let mut site_options = SiteOptions::new(&options.data, Durability::Full);
    site_options.sim.clock = clock.business.clone();
    site_options.settings = clock.settings;
    // What no webhook told is found while somebody is watching.
    site_options.settings.push(("ingest.poll_interval".into(), "5s".into()));
    site_options.settings.push(("notify.allow".into(), script.allowed().join(",")));
    let site = Site::start(site_options).await?;
    start_pipeline(&site).await?;
    if !options.json {
        progress.say(&addresses(&site, started.elapsed()));
    }
    let told = tokio::spawn(tell_of_deaths(site.stack.supervisor.watch(), progress.clone(), site.bus_config("deploy")));

    for fault in VENDOR_FAULTS {
        site.sim.world.faults.add(fault);
    }
    let world = Arc::clone(&site.sim.world);
    let per_second = if options.check { 100.0 } else { 10.0 };
    tokio::select! {
        _ = world.play_all(&scenes, per_second) => {}
        () = progress.follow(&world, &site.store) => {}
    }
    let report = tokio::select! {
        report = settle(&site, &scenes) => report?,
        () = progress.follow(&world, &site.store) => unreachable!("following has no end"),
    };
    progress.look(&world, &site.store).await?;

    if options.json {
        // Whoever reads this may have gone.
        let _ = writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&report)?);
    } else {
        progress.say(&walk::tell(&site, &scenes, report.first_touch.p50_ms).await?);
        progress.say(&summary(&report));
    }
    if !options.check {
        if !options.json {
            progress.say(if options.speed.is_some() {
                "  Thirty days pass in about a minute: watch the phone and the inbox. Ctrl-C ends it all."
            } else {
                "  Everything keeps running. Write back as a customer on the page above. Ctrl-C ends it all."
            });
        }
        if options.speed.is_some() {
            tokio::select! {
                () = thirty_days(&site.clock, clock.business_start) => {}
                () = progress.follow(&world, &site.store) => {}
            }
            if !options.json {
                progress.say("  The thirty days are over. Ctrl-C ends it all.");
            }
        }
        progress.follow(&world, &site.store).await;
    }
    told.abort();
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the vendors do wrong while the demo plays: every kind of lost, late and refused answer.
const VENDOR_FAULTS: [Fault; 12] = {
    use FaultKind::{CutAfter, CutBefore, EdgePage, FailAfter, FailBefore, LateReceipts, LoseReceipts, Slow, TooMany};
    const fn fault(vendor: Vendor, times: u32, kind: FaultKind) -> Fault {
        Fault { vendor, kind, times }
    }
    [
        fault(Vendor::Shopmonkey, 1, TooMany { retry_after_s: Some(1) }),
        fault(Vendor::Shopmonkey, 2, EdgePage),
        fault(Vendor::Shopmonkey, 2, CutBefore),
        fault(Vendor::Twilio, 3, TooMany { retry_after_s: None }),
        fault(Vendor::Twilio, 2, CutAfter),
        fault(Vendor::Twilio, 2, FailAfter),
        fault(Vendor::Twilio, 1, FailBefore),
        fault(Vendor::Twilio, 2, LateReceipts { ms: 1_500 }),
        fault(Vendor::Twilio, 2, LoseReceipts),
        fault(Vendor::Twilio, 1, Slow { ms: 800 }),
        fault(Vendor::Sendgrid, 1, TooMany { retry_after_s: Some(1) }),
        fault(Vendor::Sendgrid, 1, CutAfter),
    ]
};

/// A day longer, for the last touch and for looking whether it was answered.
async fn thirty_days(clock: &Clock, start: DateTime<Utc>) {
    while clock.now() < start + TimeDelta::days(32) {
        sleep(Duration::from_millis(200)).await;
    }
}

struct DemoClock {
    business: Clock,
    business_start: DateTime<Utc>,
    settings: Vec<(String, String)>,
}

/// Ten in the morning in the westernmost shop, so that it is day in all of them, on the last day of work: on Sundays and holidays
/// texts would wait, and a demo is looked at on any day.
#[expect(clippy::disallowed_methods, reason = "the edge, where a demo's clock is set")]
fn clock(speed: f64) -> anyhow::Result<DemoClock> {
    anyhow::ensure!(Clock::takes(speed), "--speed takes a number above zero and up to a million, such as 43200");
    let anchor = Utc::now();
    let today = anchor.with_timezone(&America::Denver).date_naive();
    let is_work = |day: &NaiveDate| day.weekday().num_days_from_monday() < 5 && federal_holiday(*day).is_none();
    let day = today.iter_days().rev().take(10).find(is_work).unwrap_or(today);
    let ten = day.and_time(NaiveTime::from_hms_opt(10, 0, 0).unwrap_or_default());
    let start: DateTime<Utc> =
        America::Denver.from_local_datetime(&ten).earliest().map_or(anchor, |local| local.to_utc());
    Ok(DemoClock {
        business: Clock::virtual_from(start, anchor, speed),
        business_start: start,
        settings: vec![
            ("clock.start".into(), start.to_rfc3339()),
            ("clock.anchor".into(), anchor.to_rfc3339()),
            ("clock.speed".into(), speed.to_string()),
        ],
    })
}

/// The pipeline is a process of its own, so that it can be killed and is started again.
async fn start_pipeline(site: &Site) -> anyhow::Result<()> {
    let file = site.stack.folder.join("leads.toml");
    // Passwords are in it, if only of private servers.
    let mut written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&file)?;
    written.write_all(site.settings_file().as_bytes())?;
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let address = site.settings["http.listen"].clone();
    site.stack.supervisor.start(Server {
        name: "pipeline",
        command: Box::new(move || {
            let mut command = Command::new(&program);
            command.args(["run", "all", "--config"]).arg(&file);
            // The settings of the operator's own shell are for another database than this private one.
            for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LEADS_")) {
                command.env_remove(name);
            }
            command
        }),
        ready: Box::new(move || std::net::TcpStream::connect(&address).is_ok()),
        stop: Signal::SIGTERM,
        user: None,
        log: site.stack.folder.join("logs/pipeline.log"),
        patience: Duration::from_secs(15),
    })?;
    // It listens before its connections stand; the door answers 503 until then.
    let url = format!("{}/ready", site.public_url);
    let client = service::http::client(Duration::from_secs(1), Duration::from_secs(3));
    for _ in 0..200 {
        if client.get(&url).send().await.is_ok_and(|response| response.status().is_success()) {
            return Ok(());
        }
        sleep(Duration::from_millis(25)).await;
    }
    anyhow::bail!("the pipeline did not become ready; see {}", site.stack.folder.join("logs/pipeline.log").display())
}

fn addresses(site: &Site, after: Duration) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "leads".into());
    let mut text = format!("  Ready after {:.1} s.\n\n", after.as_secs_f64());
    for (what, address) in [
        ("What the customers see", site.sim.url.clone()),
        ("Make a vendor fail", format!("{}/sim", site.sim.url)),
        ("Is it well", format!("{}/ready", site.public_url)),
        ("Numbers for Prometheus", format!("{}/metrics", site.public_url)),
        ("Logs and settings", site.stack.folder.display().to_string()),
        ("Ask what is wrong", format!("{program} doctor --config {}", site.stack.folder.join("leads.toml").display())),
    ] {
        text.push_str(&format!("  {what:<26}{address}\n"));
    }
    text
}

async fn tell_of_deaths(mut seen: Receiver<Seen>, progress: Progress, deploy: BusConfig) {
    while let Ok(event) = seen.recv().await {
        match event {
            Seen::Died { name, how } => progress.say(&format!("  ! {name} died ({how}); starting it again")),
            Seen::Restarted { name, pid } => {
                progress.say(&format!("  ! {name} is back (process {pid})"));
                if name == "nats" {
                    tokio::spawn(declare_again(deploy.clone()));
                }
            }
        }
    }
}

/// A stream in memory is gone with its server.
async fn declare_again(deploy: BusConfig) {
    let Ok(bus) = Bus::connect(&deploy).await else { return };
    // If this fails, the doctor says which stream is missing and what to run.
    let _ = super::site::apply(&bus, &Declared::new(1)).await;
    bus.close().await;
}

/// Waits until every quote has what it should have and the streams hold nothing that is still to be done, or it is plain that
/// this will not be. What a killed process had in hand comes again after half a minute: until then nobody knows what it does.
async fn settle(site: &Site, scenes: &[Scene]) -> anyhow::Result<Report> {
    let deadline = Instant::now() + Duration::from_secs(180);
    let bus = Bus::connect(&site.bus_config("operate")).await?;
    loop {
        // Before the look at what became of them.
        let in_streams = stage::count_unsettled(&bus).await.unwrap_or(1);
        let report = check::report(site, scenes).await.map(|mut report| {
            report.unsettled += in_streams;
            report
        });
        match report {
            Ok(report) if (report.unsettled == 0 && report.lost.is_empty()) || Instant::now() > deadline => {
                bus.close().await;
                return Ok(report);
            }
            // A server is being restarted; look again.
            Err(error) if Instant::now() > deadline => return Err(error),
            _ => sleep(Duration::from_millis(250)).await,
        }
    }
}

fn summary(report: &Report) -> String {
    let clean = if report.is_clean() { "Nothing was lost and nothing was sent twice." } else { "SOMETHING IS WRONG:" };
    let Report { webhooks, leads, refused_at_the_door, found_by_poll, nobody_to_write_to, .. } = report;
    let withheld: i64 = report.messages.values().filter_map(|states| states.get("withheld")).sum();
    let mut text = format!(
        "\n  {clean}\n  {webhooks} webhooks: {refused_at_the_door} refused at the door ({found_by_poll} of their orders were found in the CRM),\n  \
         the others about {leads} leads and orders that are none, many of them twice. {nobody_to_write_to} leads have no number or address, {withheld} messages were withheld (safe mode).\n  \
         First touch p50 {} ms, p99 {} ms, vendor faults included.\n",
        report.first_touch.p50_ms, report.first_touch.p99_ms
    );
    for line in report.lost.iter().chain(&report.duplicates) {
        text.push_str(&format!("  - {line}\n"));
    }
    text
}
