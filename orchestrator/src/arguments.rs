//! The command line: every command with its arguments, and what `--help` says of them.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Parser, Subcommand};
use domain::{Channel, CrmName, DeadLetterId, Language, LeadId, TaskId};
use orchestrator::{
    commands::{
        cadence::{PreviewArguments, SaveArguments, UseArguments},
        credentials::VendorName,
        keys::FormKeyArguments,
        pauses::PauseArguments,
        person, reason,
        task::TaskArguments,
        words,
    },
    demo,
};

/// From a quote request to an appointment: answers every lead at once, follows up for thirty days, loses none.
#[derive(Debug, Parser)]
#[command(name = "leads", version, about)]
pub(crate) struct Arguments {
    /// The settings file; LEADS__SECTION__KEY in the environment goes before it
    #[arg(long, global = true, env = "LEADS_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON where there is a choice
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
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
    /// What each step says
    #[command(subcommand)]
    Template(Template),
    /// Have follow-ups stand still. When they are resumed, all that is left of them is so much later
    Pause {
        #[command(flatten)]
        what: PauseArguments,
        /// Why, for whoever wonders later
        #[arg(long, value_parser = reason)]
        why: String,
    },
    /// Have what was paused go on
    Resume {
        #[command(flatten)]
        what: PauseArguments,
    },
    /// What is paused, and what was
    Pauses {
        /// As `leads tenant list` names it
        tenant: String,
    },
    /// One lead, and leads that are one
    #[command(subcommand)]
    Lead(Lead),
    /// Conversations with customers
    #[command(subcommand)]
    Chat(Chat),
    /// What is left for a person to do
    #[command(subcommand)]
    Task(Task),
    /// What is done for one tenant
    #[command(subcommand)]
    Tenant(Tenant),
    /// Say what is wrong and what to do
    Doctor,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tenant {
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
        /// With a new address for what the vendor tells us
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
pub(crate) enum Chat {
    /// What was said
    Show {
        /// As `leads tenant list` names it
        tenant: String,
        lead: LeadId,
    },
    /// Say something, as somebody of the shop; the assistant is silent from then on
    Say {
        /// As `leads tenant list` names it
        tenant: String,
        lead: LeadId,
        words: String,
        /// Who
        #[arg(long, value_parser = person)]
        by: String,
    },
    /// Have the assistant answer again
    GiveBack {
        /// As `leads tenant list` names it
        tenant: String,
        lead: LeadId,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Cadence {
    /// Every version that is saved, and where which is used
    List {
        /// As `leads tenant list` names it
        tenant: String,
    },
    /// Save the next version of a cadence; nobody is written to by it before it is used
    Save(SaveArguments),
    /// Show what using a cadence would do to live leads; with --apply do it
    Use(UseArguments),
    /// How far changes have come, the newest first
    Changes {
        /// As `leads tenant list` names it
        tenant: String,
    },
    /// What the arms of an experiment have come to
    Results {
        /// As `leads tenant list` names it
        tenant: String,
        /// As `leads cadence list` names it
        experiment: String,
    },
    /// Play a follow-up to its end: each message, when it leaves, and why then. Nothing is sent
    Preview(PreviewArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Lead {
    /// Everything that is known about it
    Show {
        /// As `leads tenant list` names it
        tenant: String,
        lead: LeadId,
    },
    /// What happened to it, from the first word to the last
    Timeline {
        /// As `leads tenant list` names it
        tenant: String,
        lead: LeadId,
    },
    /// Somebody of the shop's has talked to the customer: the follow-up ends
    Called {
        /// As `leads tenant list` names it
        tenant: String,
        lead: LeadId,
        /// Who
        #[arg(long, value_parser = person)]
        by: String,
    },
    /// Somebody of the shop's writes to the customer from now on: the follow-up ends
    TakeOver {
        /// As `leads tenant list` names it
        tenant: String,
        lead: LeadId,
        /// Who
        #[arg(long, value_parser = person)]
        by: String,
    },
    /// Write to them in this language
    Language {
        /// As `leads tenant list` names it
        tenant: String,
        lead: LeadId,
        /// en or es
        language: Language,
        /// Who says so
        #[arg(long, value_parser = person)]
        by: String,
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
pub(crate) enum Template {
    /// All of them
    List {
        /// As `leads tenant list` names it
        tenant: String,
    },
    /// Save one, if it can be filled for everybody; shown as a customer of nobody's would read it
    Save(words::SaveArguments),
    /// What one would say to a lead
    Preview {
        /// As `leads tenant list` names it
        tenant: String,
        /// As `leads template list` names it
        name: String,
        /// sms, email or whatsapp
        channel: Channel,
        lead: LeadId,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Those that are not done, the most urgent first
    List {
        /// As `leads tenant list` names it
        tenant: String,
    },
    /// Leave something about a lead for a person to do
    Add(TaskArguments),
    /// It is done
    Done {
        /// As `leads tenant list` names it
        tenant: String,
        /// As `leads task list` prints it
        id: TaskId,
        /// Who did it
        #[arg(long, default_value = "operator", value_parser = person)]
        by: String,
    },
    /// Have somebody do it
    Assign {
        /// As `leads tenant list` names it
        tenant: String,
        /// As `leads task list` prints it
        id: TaskId,
        /// Who does it
        #[arg(value_parser = person)]
        to: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Webhook {
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
pub(crate) enum Nats {
    /// Make them what nats/ says
    Apply,
    /// Say what differs
    Diff,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Dead {
    /// The open ones, newest first
    List,
    /// Give one another chance
    Redrive {
        /// As `leads dead list` prints it
        id: DeadLetterId,
    },
}
