//! Whether a tenant's vendors would carry a message, asked of them without sending one.

use std::{sync::Arc, time::Duration};

use domain::{Channel, TenantId};
use store::Store;

use crate::{
    Config,
    carrier::Carrier as _,
    sendgrid::{self, Sendgrid},
    slack::{self, Slack},
    telegram::{self, Telegram},
    tenants::Tenants,
    twilio::{self, Twilio},
    whatsapp::{self, Whatsapp},
};

/// What a vendor says of a tenant's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub channel: Channel,
    /// What is well, or what is wrong.
    pub says: Result<String, String>,
}

/// Whether Twilio would carry texts with these.
pub async fn try_twilio(config: &Config, credentials: twilio::Credentials) -> Result<String, String> {
    Twilio::new(client(config), credentials).standing().await
}

/// Whether SendGrid would carry emails with these.
pub async fn try_sendgrid(config: &Config, credentials: sendgrid::Credentials) -> Result<String, String> {
    Sendgrid::new(client(config), credentials).standing().await
}

/// Whether WhatsApp would carry messages with these.
pub async fn try_whatsapp(config: &Config, credentials: whatsapp::Credentials) -> Result<String, String> {
    Whatsapp::new(client(config), credentials).standing().await
}

/// Whether Slack would show the staff messages with these.
pub async fn try_slack(config: &Config, credentials: slack::Credentials) -> Result<String, String> {
    Slack::new(client(config), credentials).standing().await
}

/// Whether Telegram would.
pub async fn try_telegram(config: &Config, credentials: telegram::Credentials) -> Result<String, String> {
    Telegram::new(client(config), credentials).standing().await
}

fn client(config: &Config) -> reqwest::Client {
    service::http::client(Duration::from_secs(3), config.vendor_timeout)
}

/// Asks every vendor that a tenant needs.
pub async fn look_at_carriers(config: &Config, store: &Store, tenant: TenantId) -> Result<Vec<Standing>, store::Error> {
    let http = client(config);
    let mut tx = store.begin(tenant).await?;
    let known = Tenants::new(http, Arc::default(), config.tenant_ttl).find(&mut tx).await?;
    let settings = tx.tenants().settings().await?;
    let steps = tx.cadences().list_steps_in_use(&settings.cadence).await?;
    drop(tx);
    // What is off needs nothing, and WhatsApp only those whose cadence goes by it.
    let is_used = |channel: &Channel| {
        let goes_by_it = steps.iter().any(|step| step.channels.contains(channel));
        settings.channels.has(*channel) && (*channel != Channel::Whatsapp || goes_by_it)
    };
    let mut standings = Vec::new();
    for channel in Channel::ALL.into_iter().filter(is_used) {
        let says = match known.carrier(channel) {
            None => Err("there are no credentials for it".to_owned()),
            Some(carrier) => carrier.standing().await,
        };
        standings.push(Standing { channel, says });
    }
    Ok(standings)
}
