//! Setting a tenant up: from its name to the day it goes live.

use std::{
    io::{IsTerminal as _, Read as _},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use crm::{shopmonkey, tekmetric};
use domain::{Channel, CrmName, FormSchema};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use notify::{sendgrid, twilio};
use operate::{Check, Desk, Imported, NewTenant, Preflight, RowOutcome, SavedCredentials, Vendor};
use serde::{Deserialize, de::DeserializeOwned};
use store::{NewFormKey, Store, TenantSettings, not_live_yet};
use url::Url;

use super::{
    say,
    tenant::{desk, operators_bus},
};
use crate::{Config, demo};

/// A spreadsheet of ten thousand shops is far smaller.
const LARGEST_FILE_BYTES: u64 = 20 << 20;

/// Whose credentials are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VendorName {
    Shopmonkey,
    Tekmetric,
    Twilio,
    Sendgrid,
}

/// Every tenant, by its name in commands.
pub async fn list(config: &Config, json: bool) -> anyhow::Result<()> {
    let tenants = operate::list_tenants(&Store::open(&config.store)?).await?;
    if json {
        let lines: Vec<_> = tenants
            .iter()
            .map(|line| {
                serde_json::json!({"tenant": line.slug, "name": line.name, "crm": line.crm, "locations": line.locations,
                    "is_live": line.live_since.is_none_or(|at| at < not_live_yet()),
                    "live_since": line.live_since.filter(|at| *at < not_live_yet())})
            })
            .collect();
        return Ok(say(&serde_json::to_string_pretty(&lines)?)?);
    }
    if tenants.is_empty() {
        say("no tenant yet; add one with: leads tenant add SLUG --name NAME")?;
    }
    for line in tenants {
        let live = match line.live_since {
            None => "answers whoever asked, however long ago".to_owned(),
            Some(at) if at >= not_live_yet() => "not live".to_owned(),
            Some(at) => format!("live since {}", at.format("%Y-%m-%d %H:%M")),
        };
        say(&format!("{:<24} {}, {}, {} locations, {live}", line.slug, line.name, line.crm, line.locations))?;
    }
    Ok(())
}

/// Adds a tenant with the default words.
pub async fn add(
    config: &Config,
    slug: &str,
    name: &str,
    crm: Option<CrmName>,
    settings: Option<&Path>,
    json: bool,
) -> anyhow::Result<()> {
    let settings = match settings {
        Some(file) => read_settings(file)?,
        None => TenantSettings::default(),
    };
    let crm = match crm {
        Some(crm) if settings.crm != CrmName::default() && settings.crm != crm => {
            bail!("--crm says {crm}, and the settings say {}; leave one out", settings.crm)
        }
        Some(crm) => crm,
        None => settings.crm,
    };
    let new = NewTenant { slug: slug.to_owned(), name: name.to_owned(), crm, settings, templates: demo::templates() };
    let key = operate::add_tenant(&desk(config)?, &new).await?;
    if json {
        return Ok(say(&serde_json::json!({"tenant": slug, "crm": crm, "publishable_key": key}).to_string())?);
    }
    Ok(say(&format!(
        "{slug} is there, and writes to nobody before it goes live. The publishable key of its website: {key}\n\nNext:\n  \
         leads tenant credentials {slug} {crm} < key.json    also: twilio, sendgrid\n  \
         leads tenant import {slug} locations.csv\n  \
         leads tenant webhook repair {slug}\n  \
         leads tenant check {slug}\n  \
         leads tenant go-live {slug}"
    ))?)
}

/// Shows what a tenant has chosen, or has it choose something else.
pub async fn settings(config: &Config, slug: &str, file: Option<&Path>) -> anyhow::Result<()> {
    let desk = desk(config)?;
    let Some(file) = file else {
        return Ok(say(&serde_json::to_string_pretty(&operate::read_settings(&desk, slug).await?)?)?);
    };
    operate::change_settings(&desk, slug, &read_settings(file)?).await?;
    Ok(say("changed; the roles read it within a minute, and what is planned already stays as it is")?)
}

fn read_settings(file: &Path) -> anyhow::Result<TenantSettings> {
    let settings: serde_json::Value =
        read_json(file).with_context(|| format!("the settings in {} are no JSON", file.display()))?;
    anyhow::ensure!(settings.is_object(), "the settings in {} are no object, such as {{}}", file.display());
    serde_json::from_value(settings).with_context(|| format!("the settings in {} cannot be used", file.display()))
}

fn read_json<T: DeserializeOwned>(file: &Path) -> anyhow::Result<T> {
    Ok(serde_json::from_slice(&read_file(file)?)?)
}

fn read_file(file: &Path) -> anyhow::Result<Vec<u8>> {
    let size = std::fs::metadata(file).with_context(|| format!("{} cannot be read", file.display()))?.len();
    anyhow::ensure!(size <= LARGEST_FILE_BYTES, "{} is larger than {LARGEST_FILE_BYTES} bytes", file.display());
    std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShopmonkeyKey {
    #[serde(default = "shopmonkey_url")]
    base_url: String,
    api_key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TekmetricKey {
    #[serde(default = "tekmetric_url")]
    base_url: String,
    client_id: String,
    client_secret: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TwilioKey {
    #[serde(default = "twilio_url")]
    base_url: String,
    account_sid: String,
    auth_token: String,
    messaging_service_sid: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendgridKey {
    #[serde(default = "sendgrid_url")]
    base_url: String,
    api_key: String,
    from_email: String,
    from_name: String,
    /// What its webhook is signed with: Settings > Mail Settings > Event Webhook.
    webhook_public_key: String,
}

fn shopmonkey_url() -> String {
    "https://api.shopmonkey.cloud".to_owned()
}

fn tekmetric_url() -> String {
    "https://shop.tekmetric.com".to_owned()
}

fn twilio_url() -> String {
    "https://api.twilio.com".to_owned()
}

fn sendgrid_url() -> String {
    "https://api.sendgrid.com".to_owned()
}

impl VendorName {
    /// What is to be given, as somebody would type it.
    fn example(self) -> &'static str {
        match self {
            Self::Shopmonkey => r#"{"api_key": "…"}"#,
            Self::Tekmetric => r#"{"client_id": "…", "client_secret": "…"}"#,
            Self::Twilio => r#"{"account_sid": "AC…", "auth_token": "…", "messaging_service_sid": "MG…"}"#,
            Self::Sendgrid => {
                r#"{"api_key": "SG.…", "from_email": "hello@…", "from_name": "…", "webhook_public_key": "…"}"#
            }
        }
    }

    /// From standard input, because what stands in a command line can be read by everybody on the machine.
    fn read<T: DeserializeOwned>(self) -> anyhow::Result<T> {
        let mut input = std::io::stdin();
        if input.is_terminal() {
            eprintln!("  Paste the credentials as {} and end with Ctrl-D.", self.example());
        }
        let mut text = Vec::new();
        input.by_ref().take(64 << 10).read_to_end(&mut text)?;
        // The parser's own words quote what it read.
        serde_json::from_slice(&text).map_err(|error| {
            let what = if error.is_data() { "are not complete, or have a field too many" } else { "are no JSON" };
            anyhow::anyhow!(
                "the credentials {what} (line {}, column {}); give {}",
                error.line(),
                error.column(),
                self.example()
            )
        })
    }
}

fn address(base_url: String) -> anyhow::Result<String> {
    let is_web = Url::parse(&base_url).is_ok_and(|url| url.has_host() && ["http", "https"].contains(&url.scheme()));
    anyhow::ensure!(is_web, "base_url {base_url:?} is no address; leave it out, or write for example {}", twilio_url());
    Ok(base_url)
}

/// Keeps a vendor's credentials, in place of those before.
pub async fn credentials(
    config: &Config,
    slug: &str,
    vendor: VendorName,
    anew: bool,
    json: bool,
) -> anyhow::Result<()> {
    let works = |found: Result<String, String>| {
        found.map_err(|why| anyhow::anyhow!("nothing is kept: with these credentials {why}"))
    };
    let (desk, public_url) = (desk(config)?, &config.ingest.public_url);
    let saved = match vendor {
        VendorName::Shopmonkey => {
            let ShopmonkeyKey { base_url, api_key } = vendor.read()?;
            let key = shopmonkey::Credentials { base_url: address(base_url)?, api_key };
            operate::save_credentials(&desk, slug, public_url, Vendor::Crm(CrmName::Shopmonkey, key)).await?
        }
        VendorName::Tekmetric => {
            let TekmetricKey { base_url, client_id, client_secret } = vendor.read()?;
            let key = tekmetric::Credentials { base_url: address(base_url)?, client_id, client_secret };
            operate::save_credentials(&desk, slug, public_url, Vendor::Crm(CrmName::Tekmetric, key)).await?
        }
        VendorName::Twilio => {
            let TwilioKey { base_url, account_sid, auth_token, messaging_service_sid } = vendor.read()?;
            let secret = auth_token.clone();
            let credentials = twilio::Credentials {
                base_url: address(base_url)?,
                account_sid,
                auth_token,
                messaging_service_sid,
                status_callback: String::new(),
            };
            works(notify::try_twilio(&config.notify, credentials.clone()).await)?;
            let make = |key, door: &str| twilio::Credentials { status_callback: format!("{door}/status"), ..key };
            let keep = |key, before: &twilio::Credentials| twilio::Credentials {
                status_callback: before.status_callback.clone(),
                ..key
            };
            let carrier = Vendor::Carrier { name: twilio::NAME, secret, make, keep, credentials, anew };
            operate::save_credentials(&desk, slug, public_url, carrier).await?
        }
        VendorName::Sendgrid => {
            let SendgridKey { base_url, api_key, from_email, from_name, webhook_public_key } = vendor.read()?;
            anyhow::ensure!(domain::Email::parse(&from_email).is_ok(), "from_email {from_email:?} is no email address");
            let credentials = sendgrid::Credentials { base_url: address(base_url)?, api_key, from_email, from_name };
            anyhow::ensure!(
                ingest::reads_sendgrid_key(&webhook_public_key),
                "nothing is kept: webhook_public_key is no key; copy it from Settings > Mail Settings > Event Webhook"
            );
            works(notify::try_sendgrid(&config.notify, credentials.clone()).await)?;
            let (name, secret) = (sendgrid::NAME, webhook_public_key);
            let carrier = Vendor::Carrier { name, secret, make: |key, _| key, keep: |key, _| key, credentials, anew };
            operate::save_credentials(&desk, slug, public_url, carrier).await?
        }
    };
    if json {
        return Ok(say(&serde_json::to_string(&saved)?)?);
    }
    tell_saved(slug, vendor, &saved)
}

fn tell_saved(slug: &str, vendor: VendorName, saved: &SavedCredentials) -> anyhow::Result<()> {
    if let Some(shops) = saved.shops {
        say(&format!("the CRM takes them and shows {shops} shops; next: leads tenant webhook repair {slug}"))?;
    }
    let Some(door) = &saved.door else {
        return if saved.shops.is_none() {
            Ok(say("the vendor takes them; our address there stays as it is")?)
        } else {
            Ok(())
        };
    };
    Ok(say(&match vendor {
        VendorName::Twilio => format!(
            "kept. In Twilio, under the messaging service's Integration > Send a webhook, set this address, shown this once:\n\n  {door}/reply#rc=5&rp=all"
        ),
        _ => format!(
            "kept. In SendGrid, under Settings > Mail Settings > Event Webhook, set this address, shown this once:\n\n  {door}"
        ),
    })?)
}

/// Takes in shops from a spreadsheet; exits with 1 if a row was refused.
pub async fn import(config: &Config, slug: &str, file: &Path, dry_run: bool, json: bool) -> anyhow::Result<ExitCode> {
    let imported = operate::import_locations(&desk(config)?, slug, &read_file(file)?, dry_run).await?;
    if json {
        say(&serde_json::to_string_pretty(&imported)?)?;
    } else {
        tell_imported(&imported, dry_run)?;
    }
    Ok(if imported.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell_imported(imported: &Imported, dry_run: bool) -> anyhow::Result<()> {
    for row in &imported.rows {
        let RowOutcome::Refused { problems } = &row.outcome else { continue };
        let said: Vec<_> = problems.iter().map(|problem| format!("{} {}", problem.column, problem.says)).collect();
        let name = if row.crm_location_id.is_empty() { "(no id)" } else { &row.crm_location_id };
        say(&format!("refused  line {:<5} {name}: {}", row.line, said.join("; ")))?;
    }
    let Imported { added, updated, unchanged, refused, .. } = imported;
    let word = if dry_run { "would be" } else { "are" };
    say(&format!("{added} {word} added, {updated} {word} changed, {unchanged} are as they were, {refused} refused"))?;
    if *refused > 0 {
        say("mend the refused rows and import the file again: what is taken in already stays as it is")?;
    }
    Ok(())
}

/// Looks whether a tenant can go live; exits with 1 if a shop cannot.
pub async fn check(config: &Config, slug: &str, test_leads: bool, json: bool) -> anyhow::Result<ExitCode> {
    let found = look(config, slug, test_leads, json).await?;
    if json {
        say(&serde_json::to_string_pretty(&found)?)?;
    } else {
        tell_preflight(&found)?;
    }
    Ok(if found.is_ready() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn look(config: &Config, slug: &str, test_leads: bool, quiet: bool) -> anyhow::Result<Preflight> {
    let desk = desk(config)?;
    let carriers = carriers(config, &desk, slug).await?;
    let bus = if test_leads { Some(operators_bus(config).await?) } else { None };
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(None, target);
    bar.set_style(ProgressStyle::with_template("  {bar:36.cyan/dim} {pos} of {len} locations")?.progress_chars("━╸─"));
    let show = |done, all| {
        bar.set_length(u64::try_from(all).unwrap_or_default());
        bar.set_position(u64::try_from(done).unwrap_or_default());
    };
    let found = operate::preflight(&desk, slug, carriers, bus.as_ref(), show).await;
    bar.finish_and_clear();
    if let Some(bus) = bus {
        bus.close().await;
    }
    Ok(found?)
}

async fn carriers(config: &Config, desk: &Desk, slug: &str) -> anyhow::Result<Vec<Check>> {
    let Some(tenant) = desk.store.everywhere().find_tenant(slug).await? else {
        bail!(operate::Error::NoSuchTenant(slug.to_owned()));
    };
    let standings = notify::look_at_carriers(&config.notify, &desk.store, tenant).await?;
    Ok(standings
        .into_iter()
        .map(|standing| {
            let (what, vendor) = match standing.channel {
                Channel::Sms => ("texts", "twilio"),
                Channel::Email => ("email", "sendgrid"),
            };
            match standing.says {
                Ok(says) => Check::well(what, says),
                Err(why) => Check::wrong(what, why, format!("run: leads tenant credentials {slug} {vendor}")),
            }
        })
        .collect())
}

fn tell_preflight(found: &Preflight) -> anyhow::Result<()> {
    let tell = |check: &Check| {
        say(&format!("{} {:<16} {}", if check.ok { "ok   " } else { "WRONG" }, check.what, check.says))?;
        match &check.to_do {
            Some(to_do) => say(&format!("{:23}→ {to_do}", "")),
            None => Ok(()),
        }
    };
    for check in &found.checks {
        tell(check)?;
    }
    for location in &found.locations {
        say(&format!("\n{:>3}  {} ({})", location.score, location.name, location.crm_location_id))?;
        // What is well with a shop needs no lines.
        for check in location.checks.iter().filter(|check| !check.ok) {
            tell(check)?;
        }
    }
    let ready = found.locations.iter().filter(|location| location.score == 100).count();
    say(&format!(
        "\n{} of {} locations are ready; go-live score {} of 100",
        ready,
        found.locations.len(),
        found.score
    ))?;
    Ok(())
}

/// Goes live, if everything is ready.
pub async fn go_live(config: &Config, slug: &str, anyway: bool, json: bool) -> anyhow::Result<ExitCode> {
    if !anyway {
        let found = look(config, slug, true, json).await?;
        if !found.is_ready() {
            if json {
                say(&serde_json::to_string_pretty(&found)?)?;
            } else {
                tell_preflight(&found)?;
                say("not live; mend what is wrong, or go live all the same with --anyway")?;
            }
            return Ok(ExitCode::FAILURE);
        }
    }
    operate::go_live(&desk(config)?, slug).await?;
    if json {
        say(&serde_json::json!({"tenant": slug, "live": true}).to_string())?;
    } else {
        say(&format!(
            "{slug} is live: whoever asks from now on is answered. What was asked before: leads tenant backfill {slug}"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What a form is called and asks, and where it may stand.
#[derive(Debug, clap::Args)]
pub struct FormKeyArguments {
    /// As `leads tenant list` names it
    tenant: String,
    /// What the form is called
    #[arg(long)]
    name: String,
    /// What it asks for, as JSON (docs/forms.md); without it, the key is one more of the tenant's publishable keys
    #[arg(long, value_name = "FILE")]
    schema: Option<std::path::PathBuf>,
    /// The CRM's id of the shop that is asked, where the form does not say
    #[arg(long)]
    location: Option<String>,
    /// A website that may use it, with its scheme and without a path; any, if left out
    #[arg(long = "origin")]
    origins: Vec<String>,
}

/// Makes a key for a website's form.
pub async fn form_key(config: &Config, wanted: FormKeyArguments, json: bool) -> anyhow::Result<()> {
    let FormKeyArguments { tenant: slug, name, schema, location, origins } = wanted;
    let schema: Option<FormSchema> = match &schema {
        Some(file) => Some(read_json(file).with_context(|| format!("the form in {} cannot be used", file.display()))?),
        None => None,
    };
    anyhow::ensure!(!name.trim().is_empty(), "the form has no name; write for example --name quote");
    anyhow::ensure!(
        schema.as_ref().is_none_or(|schema| !schema.fields.is_empty()),
        "the form asks for nothing; docs/forms.md shows one"
    );
    for origin in &origins {
        let is_origin = Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == *origin);
        anyhow::ensure!(
            is_origin,
            "{origin:?} is no origin; write for example https://www.example.com, without a path"
        );
    }
    let desk = desk(config)?;
    let tenant = desk.store.everywhere().find_tenant(&slug).await?;
    let tenant = tenant.with_context(|| operate::Error::NoSuchTenant(slug.clone()).to_string())?;
    let mut tx = desk.store.begin(tenant).await?;
    let location = match location {
        None => None,
        Some(wanted) => {
            let shops = tx.tenants().list_crm_locations().await?;
            let shop = shops.get(&wanted);
            Some(shop.with_context(|| format!("{slug} has no shop {wanted:?}; see: leads tenant check {slug}"))?.id)
        }
    };
    let prefix = if schema.is_some() { "form" } else { "pk" };
    let key = format!("{prefix}_{}", hex::encode(rand::random::<[u8; 16]>()));
    tx.forms().save_key(&NewFormKey { key: key.clone(), name: name.clone(), location, schema, origins }).await?;
    tx.commit().await?;
    if json {
        return Ok(say(&serde_json::json!({"tenant": slug, "form": name, "key": key}).to_string())?);
    }
    Ok(say(&format!("{key}\n\nIt is public: put it into the page's source. docs/forms.md says what the page sends."))?)
}

/// Makes a key for a machine that asks the operators' API.
pub async fn api_key(config: &Config, slug: &str, name: &str, scopes: &[String], json: bool) -> anyhow::Result<()> {
    let key = operate::add_api_key(&desk(config)?, slug, name, scopes).await?;
    if json {
        return Ok(say(&serde_json::json!({"tenant": slug, "name": name, "key": key}).to_string())?);
    }
    Ok(say(&format!("{key}\n\nIt is secret, and shown this once. Send it as: Authorization: Bearer {}…", &key[..6]))?)
}

/// The keys of a tenant, as far as anybody can see them.
pub async fn api_keys(config: &Config, slug: &str, json: bool) -> anyhow::Result<()> {
    let keys = operate::list_api_keys(&desk(config)?, slug).await?;
    if json {
        return Ok(say(&serde_json::to_string_pretty(&keys)?)?);
    }
    if keys.is_empty() {
        say(&format!("no key yet; make one with: leads tenant api-key {slug} NAME"))?;
    }
    for key in keys {
        let since = key.created_at.format("%Y-%m-%d");
        let end = key.revoked_at.map(|at| format!(", revoked {}", at.format("%Y-%m-%d"))).unwrap_or_default();
        say(&format!("{}  {}, since {since}{end}", key.name, key.scopes.join(" ")))?;
    }
    Ok(())
}

/// A key that is lost, or not needed any more.
pub async fn revoke_key(config: &Config, slug: &str, name: &str) -> anyhow::Result<()> {
    operate::revoke_api_key(&desk(config)?, slug, name).await?;
    Ok(say("from now on it opens nothing")?)
}

/// Seals everything anew with the newest key.
pub async fn reseal(config: &Config, json: bool) -> anyhow::Result<()> {
    let sealed = operate::reseal_all(&Store::open(&config.store)?, |_, _| {}).await?;
    if json {
        return Ok(say(&serde_json::json!({"resealed": sealed}).to_string())?);
    }
    Ok(say(&format!(
        "{sealed} values are sealed with the first key of seal.keys; the others can go, on every machine"
    ))?)
}
