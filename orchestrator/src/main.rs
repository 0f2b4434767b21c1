//! `leads`: reads the command line and the settings, and hands over.

use std::{path::PathBuf, process::ExitCode};

use chrono::NaiveDate;
use clap::{Parser, Subcommand};
use domain::{CrmName, DeadLetterId, LeadId, ServiceSearch};
use orchestrator::{
    Config, Role,
    commands::{
        self,
        cadence::PreviewArguments,
        credentials::{self, VendorName},
        keys::{self, FormKeyArguments},
        onboard,
    },
    demo,
};
use service::telemetry;

/// Many small allocations on several threads: the system's allocator took about a tenth of a busy pipeline's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// From a quote request to an appointment: answers every lead at once, follows up for thirty days, loses none.
#[derive(Debug, Parser)]
#[command(name = "leads", version, about)]
struct Arguments {
    /// The settings file; LEADS__SECTION__KEY in the environment goes before it
    #[arg(long, global = true, env = "LEADS_CONFIG")]
    config: Option<PathBuf>,
    /// Print JSON where there is a choice
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run roles: ingest, enrich, schedule, notify, operate, or all of them
    Run {
        /// ingest, enrich, schedule, notify, operate, or all
        #[arg(required = true, value_name = "ROLE")]
        roles: Vec<String>,
    },
    /// Show the whole product on this machine, on private servers, with simulated vendors
    Demo(demo::Options),
    /// Apply what is missing in Postgres
    Migrate,
    /// Streams and consumers
    #[command(subcommand)]
    Nats(Nats),
    /// What stages gave up on
    #[command(subcommand)]
    Dead(Dead),
    /// What was turned away at the doors, newest first
    Refused,
    /// Compare what a tenant's CRM knows with what we received: "0 missing", or the list
    Ledger {
        /// As `leads tenant list` names it
        tenant: String,
        /// The first day, such as 2026-03-02; the day before the last one if left out
        #[arg(long)]
        from: Option<NaiveDate>,
        /// The last day; today if left out
        #[arg(long)]
        to: Option<NaiveDate>,
        /// Take in what is missing
        #[arg(long)]
        recover: bool,
    },
    /// What a tenant's shops sell, as a customer would be told
    Catalog {
        /// As `leads tenant list` names it
        tenant: String,
        /// As people say it: ceramic, full sedan
        words: Vec<String>,
        /// Only what costs at most so many dollars
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        at_most: Option<u32>,
        /// Only what customers may book by themselves
        #[arg(long)]
        bookable: bool,
    },
    /// What a follow-up says, and when
    #[command(subcommand)]
    Cadence(Cadence),
    /// One lead, and leads that are one
    #[command(subcommand)]
    Lead(Lead),
    /// What is done for one tenant
    #[command(subcommand)]
    Tenant(Tenant),
    /// Say what is wrong and what to do
    Doctor,
}

#[derive(Debug, Subcommand)]
enum Tenant {
    /// Every tenant
    List,
    /// Add one; nobody is written to before it goes live
    Add {
        /// Its name in commands, such as sample-tint
        tenant: String,
        /// As people call it
        #[arg(long)]
        name: String,
        /// shopmonkey or tekmetric; what the settings say, or else shopmonkey
        #[arg(long)]
        crm: Option<CrmName>,
        /// What it chose, as JSON; everything left out is the default
        #[arg(long, value_name = "FILE")]
        settings: Option<PathBuf>,
    },
    /// Show what it has chosen, or have it choose what a JSON file says (docs/settings.md)
    Settings {
        /// As `leads tenant list` names it
        tenant: String,
        file: Option<PathBuf>,
    },
    /// Keep a vendor's credentials, read as JSON from standard input, in place of those before
    Credentials {
        /// As `leads tenant list` names it
        tenant: String,
        vendor: VendorName,
        /// With a new address for what Twilio or SendGrid tells us
        #[arg(long)]
        anew: bool,
    },
    /// Take in shops from a CSV file, with a result for each row
    Import {
        /// As `leads tenant list` names it
        tenant: String,
        file: PathBuf,
        /// Say what would become of each row, and keep nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Look whether it can go live, shop by shop
    Check {
        /// As `leads tenant list` names it
        tenant: String,
        /// Send no lead of nobody's through the pipeline
        #[arg(long)]
        without_test_leads: bool,
    },
    /// From now on look through its CRM and answer whoever asks
    GoLive {
        /// As `leads tenant list` names it
        tenant: String,
        /// Also if something is wrong
        #[arg(long)]
        anyway: bool,
    },
    /// Make a key for a website's form
    FormKey(FormKeyArguments),
    /// The keys of a tenant's forms
    FormKeys {
        /// As `leads tenant list` names it
        tenant: String,
    },
    /// Take a form's key back
    RevokeFormKey {
        /// As `leads tenant list` names it
        tenant: String,
        /// As it stands in the page
        key: String,
    },
    /// Make a key for a machine that asks the operators' API
    ApiKey {
        /// As `leads tenant list` names it
        tenant: String,
        /// What the key is for
        name: String,
        /// What it may do: ledger:read, ledger:recover; all of it, if left out
        #[arg(long = "scope")]
        scopes: Vec<String>,
    },
    /// The keys for the operators' API
    ApiKeys {
        /// As `leads tenant list` names it
        tenant: String,
    },
    /// Have a key open nothing any more
    RevokeKey {
        /// As `leads tenant list` names it
        tenant: String,
        /// As `leads tenant api-keys` names it
        name: String,
    },
    /// Seal every tenant's credentials anew, with the first of seal.keys
    Reseal,
    /// Whether CRMs still tell us what happens there
    #[command(subcommand)]
    Webhook(Webhook),
    /// Take in what was asked for before the tenant went live; nobody is written to about it
    Backfill {
        /// As `leads tenant list` names it
        tenant: String,
        /// How far back
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
        /// Write to whoever asked, as if they had asked today
        #[arg(long)]
        contact: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Cadence {
    /// Play a follow-up to its end: each message, when it leaves, and why then. Nothing is sent
    Preview(PreviewArguments),
}

#[derive(Debug, Subcommand)]
enum Lead {
    /// Everything that is known about it
    Show {
        /// As `leads tenant list` names it
        tenant: String,
        lead: LeadId,
    },
    /// Which leads are one with which, the newest first
    Merges {
        /// As `leads tenant list` names it
        tenant: String,
    },
    /// Take a lead apart from the one it was merged into
    Unmerge {
        /// As `leads tenant list` names it
        tenant: String,
        lead: LeadId,
    },
}

#[derive(Debug, Subcommand)]
enum Webhook {
    /// Each tenant's, and what is wrong with it
    List,
    /// Switch it on again, or register it anew
    Repair {
        /// As `leads tenant list` names it
        tenant: String,
        /// With a new address and a new secret, also if the CRM has one
        #[arg(long)]
        anew: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Nats {
    /// Make them what nats/ says
    Apply,
    /// Say what differs
    Diff,
}

#[derive(Debug, Subcommand)]
enum Dead {
    /// The open ones, newest first
    List,
    /// Give one another chance
    Redrive {
        /// As `leads dead list` prints it
        id: DeadLetterId,
    },
}

fn main() -> ExitCode {
    service::http::install_tls();
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("leads: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { config: file, json, command } = arguments;
    // The exporter of traces is made and ended outside the async runtime (see telemetry).
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let load_for = |sections: &[&str]| Config::load_for(file.as_deref(), sections);
    match command {
        Command::Run { roles } => {
            let roles = parse_roles(&roles)?;
            let config = Config::load(file.as_deref(), &roles)?;
            let name = if roles.len() == Role::ALL.len() { "all" } else { roles[0].as_str() };
            let _telemetry = telemetry::init(&config.telemetry, name);
            let code = runtime.block_on(commands::run::run(&config, &roles));
            drop(runtime);
            code
        }
        Command::Demo(mut options) => {
            anyhow::ensure!(
                file.is_none() || std::env::var_os("LEADS_CONFIG").is_some(),
                "the demo makes its own settings, in the folder that --data names; leave --config out"
            );
            options.json |= json;
            runtime.block_on(demo::run(options))
        }
        Command::Migrate => {
            runtime.block_on(commands::migrate::run(&load_for(&["postgres"])?)).map(|()| ExitCode::SUCCESS)
        }
        Command::Nats(Nats::Apply) => {
            runtime.block_on(commands::nats::apply(&load_for(&["nats"])?)).map(|()| ExitCode::SUCCESS)
        }
        Command::Nats(Nats::Diff) => runtime.block_on(commands::nats::diff(&load_for(&["nats"])?)),
        Command::Dead(Dead::List) => {
            runtime.block_on(commands::dead::list(&load_for(&["postgres"])?, json)).map(|()| ExitCode::SUCCESS)
        }
        Command::Dead(Dead::Redrive { id }) => {
            let config = load_for(&["postgres", "nats"])?;
            runtime.block_on(commands::dead::redrive(&config, id)).map(|()| ExitCode::SUCCESS)
        }
        Command::Refused => {
            runtime.block_on(commands::refused::list(&load_for(&["postgres"])?, json)).map(|()| ExitCode::SUCCESS)
        }
        Command::Ledger { tenant, from, to, recover } => {
            let sections: &[_] = if recover { &["postgres", "redis", "nats"] } else { &["postgres", "redis"] };
            runtime.block_on(commands::ledger::run(&load_for(sections)?, &tenant, from, to, recover, json))
        }
        Command::Catalog { tenant, words, at_most, bookable } => {
            let search = ServiceSearch {
                words: words.join(" "),
                most_cents: at_most.map(|dollars| i64::from(dollars) * 100),
                bookable_only: bookable,
            };
            let config = load_for(&["postgres", "redis", "catalog"])?;
            runtime.block_on(commands::catalog::run(&config, &tenant, &search, json))
        }
        Command::Cadence(Cadence::Preview(wanted)) => {
            let config = load_for(&["postgres", "redis"])?;
            runtime.block_on(commands::cadence::preview(&config, wanted, json)).map(|()| ExitCode::SUCCESS)
        }
        Command::Lead(Lead::Show { tenant, lead }) => {
            let config = load_for(&["postgres", "redis"])?;
            runtime.block_on(commands::lead::show(&config, &tenant, lead, json)).map(|()| ExitCode::SUCCESS)
        }
        Command::Lead(Lead::Merges { tenant }) => {
            let config = load_for(&["postgres", "redis"])?;
            runtime.block_on(commands::lead::merges(&config, &tenant, json)).map(|()| ExitCode::SUCCESS)
        }
        Command::Lead(Lead::Unmerge { tenant, lead }) => {
            let config = load_for(&["postgres", "redis", "nats"])?;
            runtime.block_on(commands::lead::unmerge(&config, &tenant, lead, json)).map(|()| ExitCode::SUCCESS)
        }
        Command::Tenant(command) => run_tenant(command, &runtime, load_for, json),
        Command::Doctor => {
            let (config, mistakes) = Config::look(file.as_deref())?;
            runtime.block_on(commands::doctor::run(&config, &mistakes, json))
        }
    }
}

fn run_tenant(
    command: Tenant,
    runtime: &tokio::runtime::Runtime,
    load_for: impl Fn(&[&str]) -> Result<Config, service::config::Error>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    match command {
        Tenant::Webhook(Webhook::List) => runtime.block_on(commands::tenant::webhooks(&load_for(&["postgres"])?, json)),
        Tenant::Webhook(Webhook::Repair { tenant, anew }) => {
            let config = load_for(&["postgres", "redis", "ingest"])?;
            runtime.block_on(commands::tenant::repair_webhook(&config, &tenant, anew, json)).map(|()| ExitCode::SUCCESS)
        }
        Tenant::Backfill { tenant, days, contact } => {
            let config = load_for(&["postgres", "redis", "nats"])?;
            runtime
                .block_on(commands::tenant::backfill(&config, &tenant, days, contact, json))
                .map(|()| ExitCode::SUCCESS)
        }
        Tenant::List => runtime.block_on(onboard::list(&load_for(&["postgres"])?, json)).map(|()| ExitCode::SUCCESS),
        Tenant::Add { tenant, name, crm, settings } => {
            let config = load_for(&["postgres", "redis"])?;
            runtime
                .block_on(onboard::add(&config, &tenant, &name, crm, settings.as_deref(), json))
                .map(|()| ExitCode::SUCCESS)
        }
        Tenant::Settings { tenant, file } => {
            let config = load_for(&["postgres", "redis"])?;
            runtime.block_on(onboard::settings(&config, &tenant, file.as_deref())).map(|()| ExitCode::SUCCESS)
        }
        Tenant::Credentials { tenant, vendor, anew } => {
            let config = load_for(&["postgres", "redis", "ingest"])?;
            runtime.block_on(credentials::save(&config, &tenant, vendor, anew, json)).map(|()| ExitCode::SUCCESS)
        }
        Tenant::Import { tenant, file, dry_run } => {
            let config = load_for(&["postgres", "redis"])?;
            runtime.block_on(onboard::import(&config, &tenant, &file, dry_run, json))
        }
        Tenant::Check { tenant, without_test_leads } => {
            let sections: &[_] =
                if without_test_leads { &["postgres", "redis"] } else { &["postgres", "redis", "nats"] };
            runtime.block_on(onboard::check(&load_for(sections)?, &tenant, !without_test_leads, json))
        }
        Tenant::GoLive { tenant, anyway } => {
            let config = load_for(&["postgres", "redis", "nats"])?;
            runtime.block_on(onboard::go_live(&config, &tenant, anyway, json))
        }
        Tenant::FormKey(wanted) => {
            let config = load_for(&["postgres", "redis"])?;
            runtime.block_on(keys::form_key(&config, wanted, json)).map(|()| ExitCode::SUCCESS)
        }
        Tenant::FormKeys { tenant } => {
            let config = load_for(&["postgres", "redis"])?;
            runtime.block_on(keys::form_keys(&config, &tenant, json)).map(|()| ExitCode::SUCCESS)
        }
        Tenant::RevokeFormKey { tenant, key } => {
            let config = load_for(&["postgres", "redis"])?;
            runtime.block_on(keys::revoke_form_key(&config, &tenant, &key)).map(|()| ExitCode::SUCCESS)
        }
        Tenant::ApiKey { tenant, name, scopes } => {
            let config = load_for(&["postgres", "redis"])?;
            runtime.block_on(keys::api_key(&config, &tenant, &name, &scopes, json)).map(|()| ExitCode::SUCCESS)
        }
        Tenant::ApiKeys { tenant } => {
            let config = load_for(&["postgres", "redis"])?;
            runtime.block_on(keys::api_keys(&config, &tenant, json)).map(|()| ExitCode::SUCCESS)
        }
        Tenant::RevokeKey { tenant, name } => {
            let config = load_for(&["postgres", "redis"])?;
            runtime.block_on(keys::revoke_key(&config, &tenant, &name)).map(|()| ExitCode::SUCCESS)
        }
        Tenant::Reseal => {
            runtime.block_on(onboard::reseal(&load_for(&["postgres"])?, json)).map(|()| ExitCode::SUCCESS)
        }
    }
}

fn parse_roles(words: &[String]) -> anyhow::Result<Vec<Role>> {
    if words.iter().any(|word| word == "all") {
        return Ok(Role::ALL.to_vec());
    }
    let mut roles =
        words.iter().map(|word| word.parse().map_err(anyhow::Error::msg)).collect::<Result<Vec<Role>, _>>()?;
    roles.sort();
    roles.dedup();
    Ok(roles)
}
