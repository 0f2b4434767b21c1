//! Keys under which a website may fill in a form.

use domain::FormSchema;
use serde::Serialize;
use store::{FormKeyLine, NewFormKey};
use url::Url;

use crate::{Desk, Error};

/// A form as somebody asks for it.
#[derive(Debug, Clone)]
pub struct WantedForm {
    pub name: String,
    /// What it asks for. `None`: it is one more of the tenant's publishable keys, for the forms that are described already.
    pub schema: Option<FormSchema>,
    /// The CRM's id of the shop that is asked, where the form does not say.
    pub location: Option<String>,
    /// The websites that may use it. Empty: any.
    pub origins: Vec<String>,
}

/// A key that was made, and what whoever builds the page has to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MadeForm {
    /// Public: it stands in a page's source.
    pub key: String,
    pub notes: Vec<String>,
}

pub async fn add_form_key(desk: &Desk, slug: &str, wanted: WantedForm) -> Result<MadeForm, Error> {
    let WantedForm { name, schema, location, origins } = wanted;
    let name = name.trim().to_owned();
    if name.is_empty() {
        return Err(Error::Form("it has no name; write for example --name quote".to_owned()));
    }
    if name == events::REHEARSAL {
        return Err(Error::Form(format!("{name:?} is what test leads come by; choose another name")));
    }
    if let Some(schema) = &schema {
        schema.check().map_err(|error| Error::Form(error.to_string()))?;
    }
    let is_origin = |origin: &str| Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == origin);
    if let Some(origin) = origins.iter().find(|origin| !is_origin(origin)) {
        let says = format!("{origin:?} is no origin; write for example https://www.example.com, without a path");
        return Err(Error::Form(says));
    }
    let tenant = desk.find(slug).await?;
    let mut tx = desk.store.begin(tenant).await?;
    let shops = tx.locations().list_by_crm_id().await?;
    let mut notes = Vec::new();
    if schema.as_ref().is_some_and(|schema| schema.consent_words.is_none()) {
        notes.push("it has no consent_words: nobody who fills it in is texted, only emailed".to_owned());
    }
    let location = match location {
        None if shops.len() > 1 => {
            notes.push("the page has to send \"location\", the CRM's id of the shop that is asked".to_owned());
            None
        }
        // The only one that could be meant.
        None => shops.values().next().map(|shop| shop.id),
        Some(wanted) => {
            let no_shop = || Error::Form(format!("{slug} has no shop {wanted:?}; see: leads tenant check {slug}"));
            Some(shops.get(&wanted).ok_or_else(no_shop)?.id)
        }
    };
    let prefix = if schema.is_some() { "form" } else { "pk" };
    let key = format!("{prefix}_{}", accounts::random_token());
    tx.forms().save_key(&NewFormKey { key: key.clone(), name, location, schema, origins }).await?;
    tx.commit().await?;
    Ok(MadeForm { key, notes })
}

/// Every form's key.
pub async fn list_form_keys(desk: &Desk, slug: &str) -> Result<Vec<FormKeyLine>, Error> {
    let tenant = desk.find(slug).await?;
    let mut tx = desk.store.begin(tenant).await?;
    Ok(tx.forms().list_keys().await?)
}

/// Takes a key back: within half a minute what a page sends under it is refused. What came by it stays.
pub async fn revoke_form_key(desk: &Desk, slug: &str, key: &str) -> Result<(), Error> {
    let tenant = desk.find(slug).await?;
    let mut tx = desk.store.begin(tenant).await?;
    if !tx.forms().revoke_key(key, desk.clock.wall()).await? {
        return Err(Error::NoSuchFormKey(key.to_owned()));
    }
    Ok(tx.commit().await?)
}
