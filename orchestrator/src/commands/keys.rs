//! Keys that a tenant hands out: to its website, and to machines that ask the operators' API.

use anyhow::Context as _;
use domain::FormSchema;
use store::NewFormKey;
use url::Url;

use super::{onboard::read_json, say, tenant::desk};
use crate::Config;

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
        schema.as_ref().is_none_or(FormSchema::can_be_answered),
        "the form asks for no telephone and no address, under the names phone and email; docs/forms.md shows one"
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
