//! `leads doctor`: what is wrong, in an operator's words, and what to do.

use std::{process::ExitCode, time::Duration};

use limits::Limiter;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use stage::{Bus, Declared};
use store::Store;

use crate::Config;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    ok: bool,
    says: String,
    /// Only where something is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    to_do: Option<String>,
}

fn well(what: &'static str, says: impl Into<String>) -> Finding {
    Finding { what, ok: true, says: says.into(), to_do: None }
}

fn wrong(what: &'static str, says: impl Into<String>, to_do: impl Into<String>) -> Finding {
    Finding { what, ok: false, says: says.into(), to_do: Some(to_do.into()) }
}

/// Looks at everything a role needs; exits with 1 if anything is wrong.
pub async fn run(config: &Config, json: bool) -> anyhow::Result<ExitCode> {
    let store = Store::open(&config.store)?;
    let mut findings = vec![well("settings", "every setting can be used")];
    findings.push(postgres(&store).await);
    findings.push(migrations(config).await);
    findings.push(redis(config).await);
    findings.extend(nats(config).await);
    findings.push(dead_letters(&store).await);
    findings.push(safe_mode(config));

    if json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        for Finding { what, ok, says, to_do } in &findings {
            println!("{} {what:<14} {says}", if *ok { "ok   " } else { "WRONG" });
            if let Some(to_do) = to_do {
                println!("{:21}→ {to_do}", "");
            }
        }
    }
    Ok(if findings.iter().all(|finding| finding.ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chain(error: impl std::error::Error + Send + Sync + 'static) -> String {
    format!("{:#}", anyhow::Error::new(error))
}

async fn postgres(store: &Store) -> Finding {
    match store.ping().await {
        Ok(()) => well("postgres", "answers"),
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
    let Some(deploy) = config.buses.get("deploy") else {
        return vec![well("nats", "not looked at: nats.deploy_password is not set here")];
    };
    let to_do = "check that nats-server runs, nats.url, and that nats.deploy_password is the one the server has";
    let Ok(bus) = Bus::connect(deploy).await else {
        return vec![wrong("nats", format!("cannot use {}", deploy.url), to_do)];
    };
    for _ in 0..30 {
        if bus.is_connected() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    if !bus.is_connected() {
        return vec![wrong("nats", format!("no connection to {} within three seconds", deploy.url), to_do)];
    }
    let mut findings = vec![match stage::check_server(&bus) {
        Ok(()) => well("nats", "answers, and is new enough"),
        Err(error) => wrong("nats", chain(error), "install nats-server 2.14 or newer"),
    }];
    findings.push(match stage::diff(&bus, &Declared::new(config.replicas)).await {
        Ok(changes) if changes.is_empty() => well("streams", "as declared in nats/"),
        Ok(changes) => {
            let list = changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            wrong("streams", list, "run: leads nats apply")
        }
        Err(error) => wrong("streams", chain(error), "check that JetStream is on"),
    });
    bus.close().await;
    findings
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

fn safe_mode(config: &Config) -> Finding {
    match &config.notify.safe_mode {
        domain::SafeMode::Off => well("safe mode", "off: customers are written to"),
        domain::SafeMode::OnlyTo(list) => {
            well("safe mode", format!("on: only the {} patterns in notify.allow are written to", list.len()))
        }
    }
}
