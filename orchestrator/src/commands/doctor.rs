//! `leads doctor`: what is wrong, in an operator's words, and what to do.

use std::{borrow::Cow, process::ExitCode, time::Duration};

use futures::future::join_all;
use limits::Limiter;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use service::config::Mistake;
use stage::{Bus, BusConfig, Declared};
use store::Store;
use tokio::time::{sleep, timeout};

use super::say;
use crate::Config;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: Cow<'static, str>,
    ok: bool,
    says: String,
    /// Only where something is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    to_do: Option<String>,
}

fn well(what: impl Into<Cow<'static, str>>, says: impl Into<String>) -> Finding {
    Finding { what: what.into(), ok: true, says: says.into(), to_do: None }
}

fn wrong(what: impl Into<Cow<'static, str>>, says: impl Into<String>, to_do: impl Into<String>) -> Finding {
    Finding { what: what.into(), ok: false, says: says.into(), to_do: Some(to_do.into()) }
}

/// No question to a server takes longer; one that hangs is wrong.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks at everything a role needs; exits with 1 if anything is wrong.
pub async fn run(config: &Config, mistakes: &[Mistake], json: bool) -> anyhow::Result<ExitCode> {
    let mut findings = vec![settings(mistakes)];
    match Store::open(&config.store) {
        Ok(store) => {
            let answers = within("postgres", postgres(&store)).await;
            let is_well = answers.ok;
            findings.push(answers);
            findings.push(within("migrations", migrations(config)).await);
            if is_well {
                findings.push(within("seal keys", seal_keys(&store)).await);
                findings.push(within("dead letters", dead_letters(&store)).await);
                findings.push(within("waiting", waiting(&store, config)).await);
                findings.push(within("CRM webhooks", crm_webhooks(&store, config)).await);
                findings.push(within("CRM polls", crm_polls(&store, config)).await);
            }
        }
        Err(error) => findings.push(wrong("postgres", chain(error), "mend postgres.url")),
    }
    findings.push(within("redis", redis(config)).await);
    findings.extend(nats(config).await);
    findings.push(safe_mode(config));

    if json {
        say(&serde_json::to_string_pretty(&findings)?)?;
    } else {
        for Finding { what, ok, says, to_do } in &findings {
            say(&format!("{} {what:<16} {says}", if *ok { "ok   " } else { "WRONG" }))?;
            if let Some(to_do) = to_do {
                say(&format!("{:23}→ {to_do}", ""))?;
            }
        }
    }
    Ok(if findings.iter().all(|finding| finding.ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The same question, which ends in any case.
async fn within(what: &'static str, question: impl Future<Output = Finding>) -> Finding {
    let hangs = |_| {
        wrong(what, format!("no answer within {PATIENCE:?}"), "look at the server: it takes calls and does not answer")
    };
    timeout(PATIENCE, question).await.unwrap_or_else(hangs)
}

fn settings(mistakes: &[Mistake]) -> Finding {
    if mistakes.is_empty() {
        return well("settings", "every setting can be used");
    }
    let list = mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    wrong("settings", list, "mend them first; what else is wrong may follow from them")
}

async fn seal_keys(store: &Store) -> Finding {
    match store.everywhere().count_closed(500).await {
        Ok((0, sealed)) => well("seal keys", format!("open all of the {sealed} sealed values looked at")),
        Ok((closed, sealed)) => wrong(
            "seal keys",
            format!("none of the keys in seal.keys opens {closed} of {sealed} sealed values"),
            "add the key they were sealed with to seal.keys, behind the newest one",
        ),
        Err(error) => wrong("seal keys", chain(error), "run: leads migrate"),
    }
}

fn chain(error: impl std::error::Error + Send + Sync + 'static) -> String {
    format!("{:#}", anyhow::Error::new(error))
}

async fn postgres(store: &Store) -> Finding {
    match store.ping().await {
        Ok(()) => well("postgres", "answers"),
        Err(error @ store::Error::SeesEveryTenant) => {
            wrong("postgres", chain(error), "change the user in postgres.url; the owner belongs in postgres.owner_url")
        }
        Err(error) => {
            wrong("postgres", chain(error), "check that the server runs, and host, user and password in postgres.url")
        }
    }
}

async fn migrations(config: &Config) -> Finding {
    let Some(owner) = &config.owner_url else {
        return well("migrations", "not looked at: postgres.owner_url is not set here");
    };
    match store::pending_migrations(owner.expose_secret()).await {
        Ok(0) => well("migrations", "all applied"),
        Ok(pending) => wrong("migrations", format!("{pending} are missing"), "run: leads migrate"),
        Err(error @ (store::Error::NewerDatabase { .. } | store::Error::OtherDatabase { .. })) => {
            wrong("migrations", chain(error), "run the version of leads that fits the database")
        }
        Err(error) => wrong("migrations", chain(error), "check postgres.owner_url"),
    }
}

async fn redis(config: &Config) -> Finding {
    let to_do = "check that the server runs and redis.url; until then vendors' limits are not shared between replicas";
    let ping = async { Limiter::new(&config.limits)?.ping().await };
    match ping.await {
        Ok(()) => well("redis", "answers"),
        Err(error) => wrong("redis", chain(error), to_do),
    }
}

async fn nats(config: &Config) -> Vec<Finding> {
    // What is wrong with the address was said, without showing it.
    if config.buses.values().any(|settings| settings.url.contains('@')) {
        return Vec::new();
    }
    let mut findings: Vec<_> = join_all(config.buses.values().map(enter)).await;
    let Some(deploy) = config.buses.get("deploy") else {
        findings.push(well("streams", "not looked at: nats.deploy_password is not set here"));
        return findings;
    };
    let Ok(bus) = Bus::connect(deploy).await else { return findings };
    let compare = async {
        match stage::diff(&bus, &Declared::new(config.replicas)).await {
            Ok(changes) if changes.is_empty() => well("streams", "as declared in nats/"),
            Ok(changes) => {
                let list = changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                wrong("streams", list, "run: leads nats apply")
            }
            Err(error) => wrong("streams", chain(error), "check that JetStream is on"),
        }
    };
    if findings.iter().any(|finding| finding.ok) {
        findings.push(within("streams", compare).await);
    }
    bus.close().await;
    findings
}

/// Whether a user of NATS gets in.
async fn enter(settings: &BusConfig) -> Finding {
    let what = format!("nats ({})", settings.user);
    let to_do = format!(
        "check that nats-server runs, nats.url, and that nats.{}_password is the one the server has",
        settings.user
    );
    let Ok(bus) = Bus::connect(settings).await else {
        return wrong(what, format!("cannot use {}", settings.url), to_do);
    };
    let connected = async {
        while !bus.is_connected() {
            sleep(Duration::from_millis(50)).await;
        }
        stage::check_server(&bus)
    };
    let finding = match timeout(Duration::from_secs(3), connected).await {
        Ok(Ok(())) => well(what, "gets in, and the server is new enough"),
        Ok(Err(error)) => wrong(what, chain(error), "install nats-server 2.14 or newer"),
        Err(_) => wrong(what, format!("no connection to {} within three seconds", settings.url), to_do),
    };
    bus.close().await;
    finding
}

async fn dead_letters(store: &Store) -> Finding {
    match store.everywhere().list_open_dead_letters(1_000).await {
        Ok(letters) if letters.is_empty() => well("dead letters", "none"),
        Ok(letters) => wrong(
            "dead letters",
            format!("{} open, the newest in {}", letters.len(), letters[0].stage),
            "look at them with: leads dead list; mend the cause, then: leads dead redrive ID",
        ),
        Err(error) => wrong("dead letters", chain(error), "mend Postgres first"),
    }
}

/// Who waits longer than that is somebody's to look at.
const LONG: chrono::TimeDelta = chrono::TimeDelta::hours(1);

async fn waiting(store: &Store, config: &Config) -> Finding {
    let lines = match store.everywhere().list_parked().await {
        Ok(lines) => lines,
        Err(error) => return wrong("waiting", chain(error), "run: leads migrate"),
    };
    let since = config.clock.wall() - LONG;
    let says = |line: &store::ParkedLine| {
        format!("{}: {} at {} since {:.16}Z ({})", line.slug, line.messages, line.stage, line.since, line.reason)
    };
    let long: Vec<_> = lines.iter().filter(|line| line.since < since).map(says).collect();
    match (lines.len(), long.is_empty()) {
        (0, _) => well("waiting", "nobody"),
        (_, true) => well("waiting", some_of(&lines.iter().map(says).collect::<Vec<_>>())),
        (_, false) => wrong(
            "waiting",
            some_of(&long),
            "nothing is lost and each goes on by itself; mend what it waits for: a key, a limit, or a vendor",
        ),
    }
}

async fn crm_webhooks(store: &Store, config: &Config) -> Finding {
    let health = match store.everywhere().list_crm_health().await {
        Ok(health) => health,
        Err(error) => return wrong("CRM webhooks", chain(error), "run: leads migrate"),
    };
    let oldest = config.clock.wall() - 4 * config.ingest.poll.others_interval;
    let bad: Vec<_> = health
        .iter()
        .filter_map(|crm| match (&crm.state, &crm.says) {
            (Some(state), Some(says)) if state != "ok" => Some(format!("{}: {says}", crm.slug)),
            (None, _) if crm.outcome.is_some() => Some(format!("{}: nobody has looked at it", crm.slug)),
            _ if crm.checked_at.is_some_and(|at| at < oldest) => Some(format!("{}: nobody looks any more", crm.slug)),
            _ => None,
        })
        .collect();
    if bad.is_empty() {
        let looked = health.iter().filter(|crm| crm.checked_at.is_some()).count();
        return well("CRM webhooks", format!("{looked} of {} looked at, all work", health.len()));
    }
    wrong(
        "CRM webhooks",
        some_of(&bad),
        "see: leads tenant webhook list; mend with: leads tenant webhook repair TENANT",
    )
}

async fn crm_polls(store: &Store, config: &Config) -> Finding {
    let health = match store.everywhere().list_crm_health().await {
        Ok(health) => health,
        Err(error) => return wrong("CRM polls", chain(error), "run: leads migrate"),
    };
    let late = config.clock.wall() - 4 * config.ingest.poll.interval;
    let bad: Vec<_> = health
        .iter()
        .filter_map(|crm| match &crm.problem {
            _ if crm.due_at < late => {
                Some(format!("{}: not looked through since {}", crm.slug, crm.due_at.format("%H:%M")))
            }
            Some(problem) => Some(format!("{}: {problem}", crm.slug)),
            None => None,
        })
        .collect();
    if bad.is_empty() {
        return well("CRM polls", format!("{} CRMs are looked through", health.len()));
    }
    wrong(
        "CRM polls",
        some_of(&bad),
        "check that ingest runs with ingest.poll on, and the tenant's key and its permissions; what a CRM does not look for, leads ledger finds",
    )
}

/// The first few of many.
fn some_of(all: &[String]) -> String {
    let more = if all.len() > 3 { format!("; and {} more", all.len() - 3) } else { String::new() };
    format!("{}{more}", all[..all.len().min(3)].join("; "))
}

fn safe_mode(config: &Config) -> Finding {
    match &config.notify.safe_mode {
        domain::SafeMode::Off => well("safe mode", "off: customers are written to"),
        domain::SafeMode::OnlyTo(list) => well(
            "safe mode",
            match list.len() {
                0 => "on, and notify.allow is empty: nobody is written to".to_owned(),
                1 => "on: only who fits the one pattern in notify.allow is written to".to_owned(),
                many => format!("on: only who fits one of the {many} patterns in notify.allow is written to"),
            },
        ),
    }
}
