//! `leads`: reads the command line and the settings, and hands over.

mod arguments;

use std::process::ExitCode;

use clap::Parser as _;
use domain::ServiceSearch;
use operate::Answered;
use orchestrator::{
    Config, Role,
    commands::{self, credentials, keys, onboard},
    demo,
};
use service::telemetry;

use crate::arguments::{Arguments, Cadence, Chat, Command, Dead, Lead, Nats, Task, Template, Tenant, Webhook};

/// Many small allocations on several threads: the system's allocator took about a tenth of a busy pipeline's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
        Command::Cadence(command) => {
            let config = load_for(&["postgres", "redis"])?;
            runtime.block_on(run_cadence(command, &config, json)).map(|()| ExitCode::SUCCESS)
        }
        Command::Template(command) => {
            let config = load_for(&["postgres", "redis"])?;
            runtime.block_on(run_template(command, &config, json)).map(|()| ExitCode::SUCCESS)
        }
        Command::Pause { what, why } => {
            let config = load_for(&["postgres", "redis"])?;
            runtime.block_on(commands::pauses::pause(&config, what, &why, json)).map(|()| ExitCode::SUCCESS)
        }
        Command::Resume { what } => {
            let config = load_for(&["postgres", "redis"])?;
            runtime.block_on(commands::pauses::resume(&config, what, json)).map(|()| ExitCode::SUCCESS)
        }
        Command::Pauses { tenant } => {
            let config = load_for(&["postgres", "redis"])?;
            runtime.block_on(commands::pauses::list(&config, &tenant, json)).map(|()| ExitCode::SUCCESS)
        }
        Command::Lead(command) => runtime.block_on(run_lead(command, load_for, json)).map(|()| ExitCode::SUCCESS),
        Command::Chat(command) => {
            let sections: &[_] = if matches!(command, Chat::Show { .. }) {
                &["postgres", "redis"]
            } else {
                &["postgres", "redis", "nats"]
            };
            runtime.block_on(run_chat(command, &load_for(sections)?, json)).map(|()| ExitCode::SUCCESS)
        }
        Command::Task(command) => {
            runtime.block_on(run_task(command, &load_for(&["postgres", "redis"])?, json)).map(|()| ExitCode::SUCCESS)
        }
        Command::Tenant(command) => run_tenant(command, &runtime, load_for, json),
        Command::Doctor => {
            let (config, mistakes) = Config::look(file.as_deref())?;
            runtime.block_on(commands::doctor::run(&config, &mistakes, json))
        }
    }
}

async fn run_cadence(command: Cadence, config: &Config, json: bool) -> anyhow::Result<()> {
    match command {
        Cadence::List { tenant } => commands::cadence::list(config, &tenant, json).await,
        Cadence::Save(wanted) => commands::cadence::save(config, wanted, json).await,
        Cadence::Use(wanted) => commands::cadence::set_use(config, wanted, json).await,
        Cadence::Changes { tenant } => commands::cadence::changes(config, &tenant, json).await,
        Cadence::Results { tenant, experiment } => commands::cadence::results(config, &tenant, &experiment, json).await,
        Cadence::Preview(wanted) => commands::cadence::preview(config, wanted, json).await,
    }
}

async fn run_template(command: Template, config: &Config, json: bool) -> anyhow::Result<()> {
    match command {
        Template::List { tenant } => commands::words::list(config, &tenant, json).await,
        Template::Save(wanted) => commands::words::save(config, wanted, json).await,
        Template::Preview { tenant, name, channel, lead } => {
            commands::words::preview(config, &tenant, &name, channel, lead, json).await
        }
    }
}

async fn run_lead(
    command: Lead,
    load_for: impl Fn(&[&str]) -> Result<Config, service::config::Error>,
    json: bool,
) -> anyhow::Result<()> {
    let sections: &[_] =
        if matches!(command, Lead::Unmerge { .. }) { &["postgres", "redis", "nats"] } else { &["postgres", "redis"] };
    let config = load_for(sections)?;
    match command {
        Lead::Show { tenant, lead } => commands::lead::show(&config, &tenant, lead, json).await,
        Lead::Timeline { tenant, lead } => commands::lead::timeline(&config, &tenant, lead, json).await,
        Lead::Called { tenant, lead, by } => {
            commands::task::answer(&config, &tenant, lead, Answered::Called, &by).await
        }
        Lead::TakeOver { tenant, lead, by } => {
            commands::task::answer(&config, &tenant, lead, Answered::TakenOver, &by).await
        }
        Lead::Language { tenant, lead, language, by } => {
            commands::lead::language(&config, &tenant, lead, language, &by, json).await
        }
        Lead::Merges { tenant } => commands::lead::merges(&config, &tenant, json).await,
        Lead::Unmerge { tenant, lead } => commands::lead::unmerge(&config, &tenant, lead, json).await,
    }
}

async fn run_chat(command: Chat, config: &Config, json: bool) -> anyhow::Result<()> {
    match command {
        Chat::Show { tenant, lead } => commands::chat::show(config, &tenant, lead, json).await,
        Chat::Say { tenant, lead, words, by } => commands::chat::speak(config, &tenant, lead, &words, &by).await,
        Chat::GiveBack { tenant, lead } => commands::chat::give_back(config, &tenant, lead).await,
    }
}

async fn run_task(command: Task, config: &Config, json: bool) -> anyhow::Result<()> {
    match command {
        Task::List { tenant } => commands::task::list(config, &tenant, json).await,
        Task::Add(wanted) => commands::task::add(config, wanted, json).await,
        Task::Done { tenant, id, by } => commands::task::done(config, &tenant, id, &by).await,
        Task::Assign { tenant, id, to } => commands::task::assign(config, &tenant, id, &to).await,
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
