//! The demo as a person starts it: one process, its children, and what it prints.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(150);

fn folder() -> tempfile::TempDir {
    let open = fs::Permissions::from_mode(0o755);
    tempfile::Builder::new().prefix("leads-demo-").permissions(open).tempdir_in("/tmp").expect("a folder")
}

fn demo(data: &tempfile::TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leads"));
    command.args(["demo", "--data"]).arg(data.path()).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn end_of(child: Child) -> Output {
    child.wait_with_output().expect("an end")
}

fn report(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error} in {text:?}; it said {:?}", String::from_utf8_lossy(&output.stderr)))
}

/// The running child of a process, by name. Between its fork and its exec every child looks like its parent, and is not yet
/// the one that is sought.
fn child_named(parent: u32, name: &str) -> Option<i32> {
    let command_line = |pid: &str| fs::read(format!("/proc/{pid}/cmdline")).ok();
    let parents_own = command_line(&parent.to_string())?;
    fs::read_dir("/proc").ok()?.filter_map(Result::ok).find_map(|entry| {
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let (before, after) = stat.rsplit_once(") ")?;
        let (pid, command) = before.split_once(" (")?;
        let mut fields = after.split(' ');
        let (state, ppid) = (fields.next()?, fields.next()?);
        let is_sought = command == name && state != "Z" && ppid == parent.to_string();
        (is_sought && command_line(pid)? != parents_own).then(|| pid.parse().ok())?
    })
}

fn is_alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn two_hundred_rude_webhooks_lose_nothing_and_send_nothing_twice() {
    let data = folder();
    let output = end_of(demo(&data, &["--check", "--json"]).spawn().expect("the demo starts"));
    let report = report(&output);
    assert!(output.status.success(), "{report:#}");
    assert_eq!(report["webhooks"], 200);
    assert_eq!(report["lost"], serde_json::json!([]));
    assert_eq!(report["duplicates"], serde_json::json!([]));
    assert_eq!(report["to_strangers"], 0);
    assert!(report["leads"].as_i64() > Some(100) && report["not_leads"]["other_name"].as_i64() > Some(0));
    assert!(report["messages"]["sms"]["delivered"].as_i64() > Some(100));
    assert!(report["first_touch"]["p50_ms"].as_f64() > Some(0.0));
}

#[test]
fn a_server_or_the_pipeline_killed_in_the_middle_loses_nothing_and_sends_nothing_twice() {
    let data = folder();
    let running = demo(&data, &["--check", "--json", "--webhooks", "400"]).spawn().expect("the demo starts");
    let parent = running.id();
    until("the pipeline runs", || child_named(parent, "leads"));
    for victim in ["leads", "nats-server", "postgres", "redis-server", "leads"] {
        let pid = until(victim, || child_named(parent, victim));
        kill(Pid::from_raw(pid), Signal::SIGKILL).expect("a kill");
        until("it is started again", || child_named(parent, victim).filter(|new| *new != pid));
    }
    let output = end_of(running);
    let report = report(&output);
    assert!(output.status.success(), "{report:#}");
    assert_eq!(report["webhooks"], 400);
}

#[test]
fn a_demo_that_is_killed_takes_every_child_with_it() {
    let data = folder();
    let mut running = demo(&data, &["--json", "--webhooks", "1"]).spawn().expect("the demo starts");
    let parent = running.id();
    let children =
        ["leads", "nats-server", "redis-server", "postgres"].map(|name| until(name, || child_named(parent, name)));
    running.kill().expect("a kill");
    running.wait().expect("an end");
    for child in children {
        until("the child has ended", || (!is_alive(child)).then_some(()));
    }
}

#[test]
fn control_c_ends_the_demo_and_its_children_in_good_order() {
    let data = folder();
    let running = demo(&data, &["--json", "--webhooks", "1"]).spawn().expect("the demo starts");
    let pipeline = until("the pipeline runs", || child_named(running.id(), "leads"));
    until("it is ready", || {
        fs::read_to_string(data.path().join("logs/pipeline.log")).ok().filter(|log| log.contains("running"))
    });
    kill(Pid::from_raw(i32::try_from(running.id()).expect("a pid")), Signal::SIGINT).expect("a signal");
    assert!(end_of(running).status.success());
    assert!(!is_alive(pipeline));
    let log = fs::read_to_string(data.path().join("logs/pipeline.log")).expect("a log");
    assert!(log.contains("all tasks have ended"), "the pipeline finished what was in hand:\n{log}");
}

#[test]
fn every_mistake_in_the_settings_is_named_at_once() {
    let data = folder();
    let file = data.path().join("leads.toml");
    fs::write(&file, "nats.url = \"localhost\"\nhttp.lisen = \"x\"\nnotify.claim_lease = \"1s\"\n").expect("a file");
    let output =
        Command::new(env!("CARGO_BIN_EXE_leads")).args(["run", "all", "--config"]).arg(&file).output().expect("an end");
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    for expected in [
        "nats.url: \"localhost\" is not a server's address",
        "http.lisen: is not a setting; did you mean http.listen?",
        "notify.claim_lease: must be at least twice notify.vendor_timeout",
        "postgres.url: is missing",
        "redis.url: is missing",
        "seal.keys: is missing",
        "nats.notify_password: is missing",
        "nats.chat_password: is missing",
        "ingest.public_url: is missing",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
    }
}

#[test]
fn the_doctor_says_what_is_wrong_and_what_to_do() {
    let data = folder();
    let running = demo(&data, &["--json", "--webhooks", "1"]).spawn().expect("the demo starts");
    let settings = data.path().join("leads.toml");
    until("the pipeline runs", || child_named(running.id(), "leads"));
    let doctor = |change: &dyn Fn(String) -> String| {
        let file = data.path().join("doctor.toml");
        fs::write(&file, change(fs::read_to_string(&settings).expect("settings"))).expect("a file");
        Command::new(env!("CARGO_BIN_EXE_leads")).args(["doctor", "--config"]).arg(&file).output().expect("an end")
    };
    let well = doctor(&|settings| settings);
    let said = String::from_utf8_lossy(&well.stdout).into_owned();
    assert!(well.status.success(), "{said}");
    assert!(said.contains("streams          as declared in nats/"), "{said}");

    let ill = doctor(&|settings| settings.replace("redis.sock", "nobody.sock").replace("5432/leads", "5432/nowhere"));
    let said = String::from_utf8_lossy(&ill.stdout).into_owned();
    assert_eq!(ill.status.code(), Some(1), "{said}");
    assert!(said.contains("WRONG redis") && said.contains("WRONG postgres"), "{said}");
    assert!(said.contains("check that the server runs, and host, user and password in postgres.url"), "{said}");

    let ill = doctor(&|settings| {
        let owner =
            settings.lines().find_map(|line| line.strip_prefix("postgres.owner_url = ")).expect("an owner").to_owned();
        let own = |line: &str| {
            if line.starts_with("postgres.url = ") { format!("postgres.url = {owner}") } else { line.into() }
        };
        settings.lines().map(own).collect::<Vec<_>>().join("\n")
    });
    let said = String::from_utf8_lossy(&ill.stdout).into_owned();
    assert!(said.contains("WRONG postgres") && said.contains("sees the rows of every tenant"), "{said}");
    assert!(said.contains("change the user in postgres.url"), "{said}");

    let ill = doctor(&|settings| {
        let dropped = ["nats.deploy_password", "nats.replicas"];
        let kept = settings.lines().filter(|line| !dropped.iter().any(|name| line.starts_with(name)));
        let settings = kept.map(|line| match line.split_once(" = ") {
            Some(("seal.keys", _)) => format!("seal.keys = \"{}=\"", "A".repeat(43)),
            Some(("nats.ingest_password", _)) => "nats.ingest_password = \"wrong\"".into(),
            _ => line.to_owned(),
        });
        settings.chain(["nats.replicas = \"9\"".to_owned()]).collect::<Vec<_>>().join("\n")
    });
    let said = String::from_utf8_lossy(&ill.stdout).into_owned();
    for expected in [
        "WRONG seal keys        none of the keys in seal.keys opens 12 of 12",
        "WRONG nats (ingest)",
        "WRONG settings         nats.replicas: 9 is not 1, 3 or 5",
        "ok    streams          not looked at: nats.deploy_password is not set here",
    ] {
        assert!(said.contains(expected), "{expected:?} is not in:\n{said}");
    }

    kill(Pid::from_raw(i32::try_from(running.id()).expect("a pid")), Signal::SIGINT).expect("a signal");
    end_of(running);
}

#[test]
fn a_check_that_is_interrupted_has_verified_nothing_and_says_so() {
    let data = folder();
    let running = demo(&data, &["--check", "--json"]).spawn().expect("the demo starts");
    until("the pipeline runs", || child_named(running.id(), "leads"));
    kill(Pid::from_raw(i32::try_from(running.id()).expect("a pid")), Signal::SIGTERM).expect("a signal");
    let ended = end_of(running);
    assert_eq!(ended.status.code(), Some(130));
    assert!(ended.stdout.is_empty());
}

#[test]
fn a_folder_that_holds_something_else_is_left_alone() {
    let data = folder();
    fs::create_dir(data.path().join("logs")).expect("a folder");
    fs::write(data.path().join("logs/mine.log"), "mine").expect("a file");
    let output = demo(&data, &["--check"]).output().expect("an end");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("name an empty folder"));
    assert_eq!(fs::read_to_string(data.path().join("logs/mine.log")).expect("still there"), "mine");
}

#[test]
fn the_settings_of_the_operators_shell_stay_out_of_the_demo() {
    let data = folder();
    let mut command = demo(&data, &["--check", "--json", "--webhooks", "10"]);
    command.env("LEADS__POSTGRES__URL", "postgres://somebody@127.0.0.1:1/production");
    command.env("LEADS__NOTIFY__SAFE_MODE", "off");
    let output = command.output().expect("an end");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn passwords_stay_out_of_what_is_said_about_settings() {
    let data = folder();
    let file = data.path().join("leads.toml");
    for text in [
        "nats.url = \"nats://someone:hunter2@127.0.0.1:1\"",
        "postgres.url = postgres://someone:hunter2@db/leads",
        "postgres.url = \"mysql://someone:hunter2@db/leads\"",
        "redis.url = \"http://someone:hunter2@redis\"",
    ] {
        fs::write(&file, text).expect("a file");
        let output = Command::new(env!("CARGO_BIN_EXE_leads")).args(["doctor", "--config"]).arg(&file).output();
        let output = output.expect("an end");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let setting = text.split_once(" = ").expect("a setting").0;
        assert!(!said.contains("hunter2"), "{said}");
        assert!(said.contains(setting) || said.contains("line 1"), "{said}");
    }
}
