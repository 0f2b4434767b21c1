//! Keys that a tenant hands out: to its website, and to machines that ask the operators' API.

use anyhow::Context as _;
use domain::FormSchema;
use operate::{MadeForm, WantedForm};
use store::FormKeyLine;

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
    let form = WantedForm { name: name.clone(), schema, location, origins };
    let MadeForm { key, notes } = operate::add_form_key(&desk(config)?, &slug, form).await?;
    if json {
        return Ok(say(&serde_json::json!({"tenant": slug, "form": name, "key": key, "notes": notes}).to_string())?);
    }
    say(&format!("{key}\n\nIt is public: put it into the page's source. docs/forms.md says what the page sends."))?;
    for note in notes {
        say(&format!("Note: {note}."))?;
    }
    Ok(())
}

/// The keys of a tenant's forms.
pub async fn form_keys(config: &Config, slug: &str, json: bool) -> anyhow::Result<()> {
    let keys = operate::list_form_keys(&desk(config)?, slug).await?;
    if json {
        return Ok(say(&serde_json::to_string_pretty(&keys)?)?);
    }
    if keys.is_empty() {
        say(&format!("no key yet; make one with: leads tenant form-key {slug} --name NAME"))?;
    }
    for FormKeyLine { key, name, shop, origins, has_schema, revoked_at } in keys {
        let shop = shop.unwrap_or_else(|| "the page says which shop".to_owned());
        let fields = if has_schema { "fields of its own" } else { "publishable" };
        let origins = if origins.is_empty() { "any website".to_owned() } else { origins.join(" ") };
        let end = revoked_at.map(|at| format!(", revoked {}", at.format("%Y-%m-%d"))).unwrap_or_default();
        say(&format!("{key}  {name}, {fields}, {shop}, {origins}{end}"))?;
    }
    Ok(())
}

/// A form that is not on a page any more.
pub async fn revoke_form_key(config: &Config, slug: &str, key: &str) -> anyhow::Result<()> {
    operate::revoke_form_key(&desk(config)?, slug, key).await?;
    Ok(say("within half a minute it opens nothing; what came by it stays")?)
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
