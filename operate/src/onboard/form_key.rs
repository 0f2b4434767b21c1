//! Keys under which a website may fill in a form.

use domain::FormSchema;
use store::NewFormKey;
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

/// Makes a key, which is answered. It is public: it stands in a page's source.
pub async fn add_form_key(desk: &Desk, slug: &str, wanted: WantedForm) -> Result<String, Error> {
    let WantedForm { name, schema, location, origins } = wanted;
    let name = name.trim().to_owned();
    if name.is_empty() {
        return Err(Error::Form("it has no name; write for example --name quote".to_owned()));
    }
    if name == events::REHEARSAL {
        return Err(Error::Form(format!("{name:?} is what test leads come by; choose another name")));
    }
    if schema.as_ref().is_some_and(|schema| !schema.can_be_answered()) {
        let says = "it asks for no telephone and no address, under the names phone and email; docs/forms.md shows one";
        return Err(Error::Form(says.to_owned()));
    }
    let is_origin = |origin: &str| Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == origin);
    if let Some(origin) = origins.iter().find(|origin| !is_origin(origin)) {
        let says = format!("{origin:?} is no origin; write for example https://www.example.com, without a path");
        return Err(Error::Form(says));
    }
    let tenant = desk.find(slug).await?;
    let mut tx = desk.store.begin(tenant).await?;
    let location = match location {
        None => None,
        Some(wanted) => {
            let shops = tx.tenants().list_crm_locations().await?;
            let no_shop = || Error::Form(format!("{slug} has no shop {wanted:?}; see: leads tenant check {slug}"));
            Some(shops.get(&wanted).ok_or_else(no_shop)?.id)
        }
    };
    let prefix = if schema.is_some() { "form" } else { "pk" };
    let key = format!("{prefix}_{}", accounts::random_token());
    tx.forms().save_key(&NewFormKey { key: key.clone(), name, location, schema, origins }).await?;
    tx.commit().await?;
    Ok(key)
}
