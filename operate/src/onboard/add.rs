use domain::{Channel, CrmName, Step, TenantId};
use store::{CrmLimit, NewFormKey, Store, Template, TenantLine, TenantSettings, not_live_yet};
use uuid::Uuid;

use crate::{Desk, Error};

/// A tenant as somebody asks for it.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Its name in commands.
    pub slug: String,
    pub name: String,
    pub crm: CrmName,
    /// What it chose; everything left out is the default.
    pub settings: TenantSettings,
    /// The words of its messages.
    pub templates: Vec<Template>,
}

/// Of the ten that it takes; its sandbox takes five.
const TEKMETRIC_PER_SECOND: f64 = 5.0;
/// Slower than this nothing would ever be read.
const LEAST_PER_SECOND: f64 = 0.05;
/// No CRM takes more; the simulator does.
const MOST_PER_SECOND: f64 = 10_000.0;
const MOST_MINUTES_APART: u32 = 7 * 24 * 60;
const LONGEST_SLUG: usize = 63;
const LONGEST_NAME: usize = 200;

/// Adds a tenant with its words and the publishable key of its website, which is answered. Nobody is written to before it goes live.
pub async fn add_tenant(desk: &Desk, new: &NewTenant) -> Result<String, Error> {
    let NewTenant { slug, name, crm, settings, templates } = new;
    let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if slug.is_empty() || slug.len() > LONGEST_SLUG || slug.starts_with('-') || !slug.chars().all(is_plain) {
        return Err(Error::Slug(slug.clone()));
    }
    let name = name.trim();
    if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(Error::Name);
    }
    if desk.store.everywhere().find_tenant(slug).await?.is_some() {
        return Err(Error::SlugTaken(slug.clone()));
    }
    check(settings, templates)?;
    let mut tx = desk.store.begin(TenantId::new(Uuid::new_v4())).await?;
    let mut settings = TenantSettings { crm: *crm, ..settings.clone() };
    if *crm == CrmName::Tekmetric && settings.crm_limit == CrmLimit::default() {
        settings.crm_limit.per_second = TEKMETRIC_PER_SECOND;
    }
    tx.tenants().save(slug, name, &settings, desk.clock.now()).await?;
    // Nobody has asked after this.
    tx.tenants().contact_since(not_live_yet()).await?;
    for template in templates {
        tx.tenants().save_template(template).await?;
    }
    let key = format!("pk_{}", accounts::random_token());
    let website =
        NewFormKey { key: key.clone(), name: "website".to_owned(), location: None, schema: None, origins: Vec::new() };
    tx.forms().save_key(&website).await?;
    tx.commit().await?;
    Ok(key)
}

/// What cannot work, in words.
fn check(settings: &TenantSettings, templates: &[Template]) -> Result<(), Error> {
    let CrmLimit { per_second, burst } = settings.crm_limit;
    let wrong = |says: String| Err(Error::Settings(says));
    let text = serde_json::to_string(settings).unwrap_or_default();
    if text.contains("\\u0000") {
        return wrong("there is a character in them that nobody can write (\\u0000)".to_owned());
    }
    if !(LEAST_PER_SECOND..=MOST_PER_SECOND).contains(&per_second) || burst == 0 {
        return wrong(format!(
            "crm_limit is {per_second} a second with a burst of {burst}; write for example 2.0 and 30"
        ));
    }
    if settings.sending.most_in_24h == 0 {
        return wrong("sending.most_in_24h is 0, and nobody would ever be written to; write for example 3".to_owned());
    }
    if settings.sending.apart_minutes > MOST_MINUTES_APART {
        return wrong(format!(
            "sending.apart_minutes is {}; the most is {MOST_MINUTES_APART}, which is a week",
            settings.sending.apart_minutes
        ));
    }
    if settings.heat.hot_from < settings.heat.warm_from {
        return wrong("heat.hot_from is below heat.warm_from; nothing would be warm".to_owned());
    }
    settings.sla.check().or_else(wrong)?;
    settings.staff.check().or_else(wrong)?;
    if let Some(says) = settings.booking.mistake() {
        return wrong(format!("booking.{says}"));
    }
    match without_words(settings.cadence.steps(), templates) {
        Some((step, channel)) => {
            let (name, channel) = (&step.template, channel.as_str());
            wrong(format!("the cadence goes by {channel} with a template {name:?}, and there is none for {channel}"))
        }
        None => Ok(()),
    }
}

/// A step that has nothing to say by one of its channels.
pub(crate) fn without_words<'s>(steps: &'s [Step], templates: &[Template]) -> Option<(&'s Step, Channel)> {
    let has = |step: &Step, channel: Channel| {
        templates.iter().any(|words| words.name == step.template && words.channel == channel)
    };
    let all = steps.iter().flat_map(|step| step.channels.iter().map(move |channel| (step, *channel)));
    all.into_iter().find(|(step, channel)| !has(step, *channel))
}

/// What a tenant has chosen.
pub async fn read_settings(desk: &Desk, slug: &str) -> Result<TenantSettings, Error> {
    let tenant = desk.find(slug).await?;
    let mut tx = desk.store.begin(tenant).await?;
    Ok(tx.tenants().settings().await?)
}

/// Gives a tenant other settings. Its CRM stays: its leads and orders are stored under its name.
pub async fn change_settings(desk: &Desk, slug: &str, settings: &TenantSettings) -> Result<(), Error> {
    let tenant = desk.find(slug).await?;
    let mut tx = desk.store.begin(tenant).await?;
    let before = tx.tenants().settings().await?;
    if before.crm != settings.crm {
        return Err(Error::CrmStays { slug: slug.to_owned(), has: before.crm });
    }
    let templates = tx.tenants().list_templates().await?;
    check(settings, &templates)?;
    tx.tenants().change_settings(settings).await?;
    Ok(tx.commit().await?)
}

/// Every tenant, by its name in commands.
pub async fn list_tenants(store: &Store) -> Result<Vec<TenantLine>, Error> {
    Ok(store.everywhere().list_tenants().await?)
}
