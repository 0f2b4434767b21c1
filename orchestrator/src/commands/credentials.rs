//! What a tenant's vendors are asked with.

use std::io::{IsTerminal as _, Read as _};

use clap::ValueEnum;
use crm::{shopmonkey, tekmetric};
use domain::CrmName;
use notify::{sendgrid, slack, telegram, twilio, whatsapp};
use operate::{SavedCredentials, Vendor};
use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

use super::{say, tenant::desk};
use crate::Config;

/// Whose credentials are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VendorName {
    Shopmonkey,
    Tekmetric,
    Twilio,
    Sendgrid,
    Whatsapp,
    Slack,
    Telegram,
    Anthropic,
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
struct AnthropicKey {
    #[serde(default = "anthropic_url")]
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WhatsappKey {
    #[serde(default = "whatsapp_url")]
    base_url: String,
    /// Of the number that messages come from: WhatsApp > API Setup.
    phone_number_id: String,
    access_token: String,
    /// What its webhooks are signed with: App Settings > Basic.
    app_secret: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SlackKey {
    #[serde(default = "slack_url")]
    base_url: String,
    bot_token: String,
    /// What presses of buttons are signed with: Basic Information > App Credentials.
    signing_secret: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TelegramKey {
    #[serde(default = "telegram_url")]
    base_url: String,
    bot_token: String,
    /// What updates come with: whatever you give `setWebhook` as its `secret_token`.
    secret_token: String,
}

fn whatsapp_url() -> String {
    "https://graph.facebook.com".to_owned()
}

fn slack_url() -> String {
    "https://slack.com".to_owned()
}

fn telegram_url() -> String {
    "https://api.telegram.org".to_owned()
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

fn anthropic_url() -> String {
    "https://api.anthropic.com".to_owned()
}

impl VendorName {
    /// What is to be given, as somebody would type it.
    fn example(self) -> &'static str {
        match self {
            Self::Shopmonkey => r#"{"api_key": "…"}"#,
            Self::Tekmetric => r#"{"client_id": "…", "client_secret": "…"}"#,
            Self::Twilio => r#"{"account_sid": "AC…", "auth_token": "…", "messaging_service_sid": "MG…"}"#,
            Self::Whatsapp => r#"{"phone_number_id": "…", "access_token": "…", "app_secret": "…"}"#,
            Self::Slack => r#"{"bot_token": "xoxb-…", "signing_secret": "…"}"#,
            Self::Anthropic => r#"{"api_key": "sk-ant-…"}"#,
            Self::Telegram => r#"{"bot_token": "…", "secret_token": "…"}"#,
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
    anyhow::ensure!(is_web, "base_url {base_url:?} is no address; leave it out, unless it is a simulator's");
    Ok(base_url)
}

/// Keeps a vendor's credentials, in place of those before.
pub async fn save(config: &Config, slug: &str, vendor: VendorName, anew: bool, json: bool) -> anyhow::Result<()> {
    let works = |found: Result<String, String>| {
        found.map_err(|why| anyhow::anyhow!("nothing is kept: with these credentials {why}"))
    };
    let desk = desk(config)?;
    let saved = match vendor {
        VendorName::Anthropic => save_model_key(&desk, slug, vendor).await?,
        VendorName::Shopmonkey => {
            let ShopmonkeyKey { base_url, api_key } = vendor.read()?;
            let key = shopmonkey::Credentials { base_url: address(base_url)?, api_key };
            operate::save_credentials(&desk, slug, Vendor::Crm(CrmName::Shopmonkey, key)).await?
        }
        VendorName::Tekmetric => {
            let TekmetricKey { base_url, client_id, client_secret } = vendor.read()?;
            let key = tekmetric::Credentials { base_url: address(base_url)?, client_id, client_secret };
            operate::save_credentials(&desk, slug, Vendor::Crm(CrmName::Tekmetric, key)).await?
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
            operate::save_credentials(&desk, slug, carrier).await?
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
            operate::save_credentials(&desk, slug, carrier).await?
        }
        VendorName::Whatsapp => {
            let WhatsappKey { base_url, phone_number_id, access_token, app_secret } = vendor.read()?;
            anyhow::ensure!(
                !app_secret.trim().is_empty(),
                "nothing is kept: app_secret is empty, and anybody could sign"
            );
            anyhow::ensure!(
                !phone_number_id.is_empty() && phone_number_id.chars().all(|digit| digit.is_ascii_digit()),
                "nothing is kept: phone_number_id is the number's id, of digits alone, and not the number"
            );
            let secret = ingest::whatsapp_secret(&phone_number_id, &app_secret);
            let credentials = whatsapp::Credentials { base_url: address(base_url)?, phone_number_id, access_token };
            works(notify::try_whatsapp(&config.notify, credentials.clone()).await)?;
            let (name, make, keep) = (whatsapp::NAME, |key, _: &str| key, |key, _: &whatsapp::Credentials| key);
            operate::save_credentials(&desk, slug, Vendor::Carrier { name, secret, make, keep, credentials, anew })
                .await?
        }
        VendorName::Slack => {
            let SlackKey { base_url, bot_token, signing_secret: secret } = vendor.read()?;
            anyhow::ensure!(
                !secret.trim().is_empty(),
                "nothing is kept: signing_secret is empty, and anybody could sign"
            );
            let credentials = slack::Credentials { base_url: address(base_url)?, bot_token };
            works(notify::try_slack(&config.notify, credentials.clone()).await)?;
            let (name, make, keep) = (slack::NAME, |key, _: &str| key, |key, _: &slack::Credentials| key);
            operate::save_credentials(&desk, slug, Vendor::Carrier { name, secret, make, keep, credentials, anew })
                .await?
        }
        VendorName::Telegram => {
            let TelegramKey { base_url, bot_token, secret_token: secret } = vendor.read()?;
            let is_writable = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            anyhow::ensure!(
                (16..=256).contains(&secret.len()) && secret.chars().all(is_writable),
                "nothing is kept: secret_token takes 16 to 256 letters, digits, _ and -"
            );
            let credentials = telegram::Credentials { base_url: address(base_url)?, bot_token };
            works(notify::try_telegram(&config.notify, credentials.clone()).await)?;
            let (name, make, keep) = (telegram::NAME, |key, _: &str| key, |key, _: &telegram::Credentials| key);
            operate::save_credentials(&desk, slug, Vendor::Carrier { name, secret, make, keep, credentials, anew })
                .await?
        }
    };
    if json {
        return Ok(say(&serde_json::to_string(&saved)?)?);
    }
    tell_saved(slug, vendor, &saved)
}

async fn save_model_key(desk: &operate::Desk, slug: &str, vendor: VendorName) -> anyhow::Result<SavedCredentials> {
    let AnthropicKey { base_url, api_key } = vendor.read()?;
    let credentials = model::Credentials { base_url: address(base_url)?, api_key };
    let tried = model::Anthropic::try_key(&credentials).await;
    tried.map_err(|why| anyhow::anyhow!("nothing is kept: with these credentials {why}"))?;
    Ok(operate::save_credentials(desk, slug, Vendor::Asked { name: model::ANTHROPIC, credentials }).await?)
}

fn tell_saved(slug: &str, vendor: VendorName, saved: &SavedCredentials) -> anyhow::Result<()> {
    if let Some(shops) = saved.shops {
        say(&format!("the CRM takes them and shows {shops} shops; next: leads tenant webhook repair {slug}"))?;
    }
    let Some(door) = &saved.door else {
        return if saved.shops.is_none() {
            Ok(say(match vendor {
                VendorName::Anthropic => {
                    "the vendor takes the key; choose a model: \"assistant\" in leads tenant settings"
                }
                _ => "the vendor takes them; our address there stays as it is",
            })?)
        } else {
            Ok(())
        };
    };
    Ok(say(&match vendor {
        VendorName::Twilio => format!(
            "kept. In Twilio, under the messaging service's Integration > Send a webhook, set this address, shown this once:\n\n  {door}/reply#rc=5&rp=all"
        ),
        VendorName::Whatsapp => format!(
            "kept. In your Meta app, under WhatsApp > Configuration, set this Callback URL, with its last part as the verify token, and subscribe to messages; shown this once:\n\n  {door}"
        ),
        VendorName::Slack => format!(
            "kept. In your Slack app, under Interactivity & Shortcuts, set this Request URL, shown this once:\n\n  {door}"
        ),
        VendorName::Telegram => format!(
            "kept. Give setWebhook of your bot this url, with the secret_token you gave here and allowed_updates [\"callback_query\"], shown this once:\n\n  {door}"
        ),
        _ => format!(
            "kept. In SendGrid, under Settings > Mail Settings > Event Webhook, set this address, shown this once:\n\n  {door}"
        ),
    })?)
}
