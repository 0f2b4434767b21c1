//! A place to run the product in: private servers, a simulator, a franchise, and the settings that fit them together. The
//! demo, the tests and the benchmarks all stand on one.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::Clock;
use secrecy::SecretString;
use service::config::Reader;
use sim::Sim;
use stage::{Bus, BusConfig, Declared};
use store::Store;

use crate::{
    Config, Program, Role,
    demo::{Franchise, seed},
    supervise::{Durability, SETTINGS_MARK, Stack, free_port},
};

#[derive(Debug, Clone)]
pub struct SiteOptions {
    pub folder: PathBuf,
    pub durability: Durability,
    pub nats_nodes: usize,
    pub sim: sim::Settings,
    /// How long a consumer waits for an ack. Tests that kill workers wait for it too.
    pub ack_wait: Duration,
    /// Settings on top of the site's own.
    pub settings: Vec<(String, String)>,
}

impl SiteOptions {
    pub fn new(folder: impl Into<PathBuf>, durability: Durability) -> Self {
        Self {
            folder: folder.into(),
            durability,
            nats_nodes: 1,
            sim: sim::Settings::default(),
            ack_wait: Duration::from_secs(30),
            settings: Vec::new(),
        }
    }
}

pub struct Site {
    pub franchise: Franchise,
    pub sim: Sim,
    pub store: Store,
    pub clock: Clock,
    /// Where the simulator reaches the pipeline.
    pub public_url: String,
    pub settings: BTreeMap<String, String>,
    pub stack: Stack,
}

impl Site {
    /// Starts servers and simulator, applies migrations and streams, seeds the franchise. Nothing of the pipeline runs yet.
    pub async fn start(options: SiteOptions) -> anyhow::Result<Self> {
        service::http::install_tls();
        let stack = Stack::start(&options.folder, options.durability, options.nats_nodes)?;
        let sim = Sim::start(options.sim.clone()).await.context("the simulator cannot start")?;
        let port = free_port()?;
        let public_url = format!("http://127.0.0.1:{port}");
        let clock = options.sim.clock.clone();

        let owner = stack.postgres.url("owner", "leads");
        store::create_database(&stack.postgres.url("owner", "postgres"), "leads").await?;
        store::migrate(&owner).await?;
        let replicas = if options.nats_nodes >= 3 { 3 } else { 1 };
        let settings = settings(&stack, &owner, port, &public_url, replicas, &options.settings);

        let bus = Bus::connect(&bus_config(&stack, "deploy")).await?;
        let declared = Declared::new(replicas).with_ack_wait(options.ack_wait);
        apply(&bus, &declared).await?;
        bus.close().await;

        let mut site = Self {
            franchise: Franchise::random("sample-tint"),
            store: Store::open(&read(&settings, &[])?.store)?,
            sim,
            clock,
            public_url,
            settings,
            stack,
        };
        site.settle_in().await?;
        Ok(site)
    }

    async fn settle_in(&mut self) -> anyhow::Result<()> {
        seed(&self.store, &self.franchise, &self.sim.url, &self.public_url, self.clock.now()).await?;
        self.franchise.introduce(&self.sim.world, &self.public_url);
        Ok(())
    }

    /// The settings for these roles, with some changed.
    pub fn config(&self, roles: &[Role], changes: &[(&str, &str)]) -> anyhow::Result<Config> {
        let mut settings = self.settings.clone();
        settings.extend(changes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let mut config = read(&settings, roles)?;
        config.clock = self.clock.clone();
        Ok(config)
    }

    /// Runs all roles in this process.
    pub async fn run(&self) -> anyhow::Result<Program> {
        Program::start(&self.config(&Role::ALL, &[])?, &Role::ALL, None).await
    }

    /// The settings as a file that `leads --config` reads.
    pub fn settings_file(&self) -> String {
        let mut text = format!("{SETTINGS_MARK} for its own processes; gone with its data.\n");
        for (key, value) in &self.settings {
            text.push_str(&format!("{key} = {}\n", serde_json::Value::from(value.as_str())));
        }
        text
    }

    pub fn bus_config(&self, user: &str) -> BusConfig {
        bus_config(&self.stack, user)
    }
}

/// A cluster that has just met may still be choosing its leader.
pub(super) async fn apply(bus: &Bus, declared: &Declared) -> anyhow::Result<()> {
    let mut last = None;
    for _ in 0..60 {
        match stage::apply(bus, declared).await {
            Ok(_) => return Ok(()),
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Err(last.map_or_else(|| anyhow::anyhow!("no try"), anyhow::Error::new).context("streams could not be applied"))
}

fn bus_config(stack: &Stack, user: &str) -> BusConfig {
    BusConfig { url: stack.nats_url(), user: user.to_owned(), password: SecretString::from(stack.users.password(user)) }
}

fn read(settings: &BTreeMap<String, String>, roles: &[Role]) -> anyhow::Result<Config> {
    let mut reader = Reader::from_pairs(settings.clone());
    let config = Config::read(&mut reader, roles);
    reader.finish()?;
    Ok(config)
}

fn settings(
    stack: &Stack,
    owner: &str,
    port: u16,
    public_url: &str,
    replicas: u8,
    more: &[(String, String)],
) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    let mut set = |key: &str, value: &str| settings.insert(key.to_owned(), value.to_owned());
    set("http.listen", &format!("127.0.0.1:{port}"));
    set("ingest.public_url", public_url);
    set("postgres.url", &stack.postgres.url("leads_app", "leads"));
    set("postgres.owner_url", owner);
    set("redis.url", &stack.redis.url());
    set("nats.url", &stack.nats_url());
    set("nats.replicas", &replicas.to_string());
    for role in Role::ALL {
        set(&format!("nats.{role}_password"), &stack.users.password(role.as_str()));
    }
    set("nats.deploy_password", &stack.users.password("deploy"));
    set("seal.keys", &STANDARD.encode(rand::random::<[u8; 32]>()));
    // The simulator answers quickly and its list lags by nothing: a lost answer need not be waited for as at a real vendor.
    set("notify.vendor_timeout", "3s");
    set("notify.claim_lease", "8s");
    // What was released and lost with a killed process is released again while somebody is watching.
    set("schedule.lease", "20s");
    for (number, wait) in ["300ms", "500ms", "1s", "2s"].into_iter().enumerate() {
        set(&format!("notify.lookup_{}", number + 1), wait);
    }
    for (key, value) in more {
        set(key, value);
    }
    settings
}
