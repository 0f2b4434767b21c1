//! A franchise to show things with: three shops in three time zones, whose vendors are the simulator.

use chrono_tz::{America, Tz};
use crm::{shopmonkey, tekmetric};
use domain::{CrmName, LocationId, TenantId};
use notify::{sendgrid, slack, telegram, twilio, whatsapp};
use sim::shopmonkey::WebhookTarget;
use store::{CrmLimit, Location, NewFormKey, Store, TenantSettings};
use uuid::Uuid;

/// A tenant and the ways into it.
#[derive(Debug, Clone)]
pub struct Franchise {
    pub tenant: TenantId,
    pub slug: String,
    pub crm: CrmName,
    /// What the CRM signs its webhooks with.
    pub webhook_secret: String,
    pub crm_token: String,
    pub twilio_token: String,
    pub sendgrid_token: String,
    pub slack_token: String,
    pub telegram_token: String,
    pub whatsapp_token: String,
    /// The public key of its website.
    pub publishable_key: String,
}

/// What the words "Monday to Saturday, 9 to 6" say.
const OPENING: &str = r#"[{"days":["mon","tue","wed","thu","fri","sat"],"opens":"09:00","closes":"18:00"}]"#;

/// The front desk hears of everything, the owner of what nobody there has taken.
const STAFF: &str = r#"[{"name":"front desk","by":"slack","to":"C0DESK"},
    {"name":"owner","by":"telegram","to":"-1001234567890","level":1}]"#;

/// The CRM's id, name, time zone, telephone, address.
pub const LOCATIONS: [(&str, &str, Tz, &str, &str); 3] = [
    ("6123456789abcdef01234568", "Sample Tint Tampa", America::New_York, "+18135550100", "1 Main St, Tampa, FL 33602"),
    ("6123456789abcdef0123456a", "Sample Tint Austin", America::Chicago, "+15125550100", "2 Main St, Austin, TX 78701"),
    ("6123456789abcdef0123456c", "Sample Tint Denver", America::Denver, "+13035550100", "3 Main St, Denver, CO 80202"),
];

impl Franchise {
    /// Tokens and secrets that nobody else has.
    pub fn random(slug: &str) -> Self {
        let secret = || hex::encode(rand::random::<[u8; 16]>());
        Self {
            tenant: TenantId::new(Uuid::new_v4()),
            slug: slug.to_owned(),
            crm: CrmName::Shopmonkey,
            webhook_secret: secret(),
            crm_token: secret(),
            twilio_token: secret(),
            sendgrid_token: secret(),
            slack_token: secret(),
            telegram_token: secret(),
            whatsapp_token: secret(),
            publishable_key: format!("pk_{}", secret()),
        }
    }

    /// The address at which a source reaches this tenant.
    pub fn door(&self, public_url: &str, path: &str) -> String {
        let path = path
            .replace("{crm}", &self.crm_token)
            .replace("{twilio}", &self.twilio_token)
            .replace("{sendgrid}", &self.sendgrid_token)
            .replace("{slack}", &self.slack_token)
            .replace("{telegram}", &self.telegram_token)
            .replace("{whatsapp}", &self.whatsapp_token);
        format!("{public_url}/webhooks/{path}")
    }

    /// Tells the simulator where this tenant's callbacks go.
    pub fn introduce(&self, world: &sim::World, public_url: &str) {
        let url = self.door(public_url, &format!("{}/{{crm}}", self.crm));
        match self.crm {
            CrmName::Shopmonkey => {
                world.set_webhook_target(&WebhookTarget { url, secret: self.webhook_secret.clone() });
                for (crm_location_id, ..) in LOCATIONS {
                    world.stock(crm_location_id);
                }
            }
            CrmName::Tekmetric => {
                world.tekmetric.add_webhook(&url);
                for shop in sim::tekmetric::SHOPS {
                    world.stock_jobs(shop, 0);
                }
            }
        }
        let replies = self.door(public_url, "twilio/{twilio}/reply");
        world.twilio.set_reply_url(format!("{replies}#rc=5&rp=all"));
        world.sendgrid.set_event_url(self.door(public_url, "sendgrid/{sendgrid}"));
        world.slack.set_interaction_url(self.door(public_url, "slack/{slack}"));
        world.telegram.set_webhook_url(self.door(public_url, "telegram/{telegram}"));
        world.whatsapp.set_webhook_url(self.door(public_url, "whatsapp/{whatsapp}"));
    }
}

/// Sets the franchise up, all of it in one transaction.
pub async fn seed(
    store: &Store,
    franchise: &Franchise,
    sim_url: &str,
    public_url: &str,
    now: chrono::DateTime<chrono::Utc>,
) -> anyhow::Result<()> {
    let settings =
        // The simulator sets no limit of its own.
        TenantSettings {
            crm: franchise.crm,
            crm_limit: CrmLimit { per_second: 5_000.0, burst: 5_000 },
            staff: serde_json::from_str(STAFF)?,
            ..TenantSettings::default()
        };
    let mut tx = store.begin(franchise.tenant).await?;
    tx.tenants().save(&franchise.slug, "Sample Tint", &settings, now).await?;
    for (index, (crm_location_id, name, time_zone, phone, postal_address)) in LOCATIONS.into_iter().enumerate() {
        let crm_location_id = match franchise.crm {
            CrmName::Shopmonkey => crm_location_id.to_owned(),
            CrmName::Tekmetric => sim::tekmetric::SHOPS[index].to_string(),
        };
        let id = Uuid::new_v5(&franchise.tenant.uuid(), crm_location_id.as_bytes());
        let location = Location {
            id: LocationId::new(id),
            crm_location_id,
            name: name.to_owned(),
            time_zone,
            phone: phone.to_owned(),
            postal_address: postal_address.to_owned(),
            hours: "Monday to Saturday, 9 to 6".to_owned(),
            region: None,
            opening: serde_json::from_str(OPENING).ok(),
            closed_on: Vec::new(),
            text_sender: None,
        };
        tx.locations().save(&location).await?;
    }
    for template in super::templates() {
        tx.tenants().save_template(&template).await?;
    }
    let base_url = sim_url.to_owned();
    let crm = franchise.crm.as_str();
    match franchise.crm {
        CrmName::Shopmonkey => {
            let key = shopmonkey::Credentials { base_url, api_key: sim::shopmonkey::API_KEY.to_owned() };
            tx.tenants().save_credentials(crm, &key).await?;
        }
        CrmName::Tekmetric => {
            let client_id = sim::tekmetric::CLIENT_ID.to_owned();
            let client_secret = sim::tekmetric::CLIENT_SECRET.to_owned();
            let key = tekmetric::Credentials { base_url, client_id, client_secret };
            tx.tenants().save_credentials(crm, &key).await?;
        }
    }
    #[expect(clippy::disallowed_methods, reason = "the edge; leases follow the wall")]
    tx.polls().go_live(crm, chrono::Utc::now(), now).await?;
    let account = twilio::Credentials {
        base_url: sim_url.to_owned(),
        account_sid: sim::twilio::ACCOUNT_SID.to_owned(),
        auth_token: sim::twilio::AUTH_TOKEN.to_owned(),
        messaging_service_sid: sim::twilio::MESSAGING_SERVICE_SID.to_owned(),
        status_callback: franchise.door(public_url, "twilio/{twilio}/status"),
    };
    tx.tenants().save_credentials(twilio::NAME, &account).await?;
    let mailer = sendgrid::Credentials {
        base_url: sim_url.to_owned(),
        api_key: sim::sendgrid::API_KEY.to_owned(),
        from_email: "hello@mail.sample-tint.example".to_owned(),
        from_name: "Sample Tint".to_owned(),
    };
    tx.tenants().save_credentials(sendgrid::NAME, &mailer).await?;
    let bot = slack::Credentials { base_url: sim_url.to_owned(), bot_token: sim::slack::BOT_TOKEN.to_owned() };
    tx.tenants().save_credentials(slack::NAME, &bot).await?;
    let bot = telegram::Credentials { base_url: sim_url.to_owned(), bot_token: sim::telegram::BOT_TOKEN.to_owned() };
    tx.tenants().save_credentials(telegram::NAME, &bot).await?;
    let number = whatsapp::Credentials {
        base_url: sim_url.to_owned(),
        phone_number_id: sim::whatsapp::PHONE_NUMBER_ID.to_owned(),
        access_token: sim::whatsapp::ACCESS_TOKEN.to_owned(),
    };
    tx.tenants().save_credentials(whatsapp::NAME, &number).await?;
    let secret = ingest::whatsapp_secret(&number.phone_number_id, sim::whatsapp::APP_SECRET);
    tx.tenants().save_door("whatsapp", &franchise.whatsapp_token, &secret, None).await?;
    tx.tenants().save_door(crm, &franchise.crm_token, &franchise.webhook_secret, None).await?;
    tx.tenants().save_door("twilio", &franchise.twilio_token, sim::twilio::AUTH_TOKEN, None).await?;
    tx.tenants().save_door("slack", &franchise.slack_token, sim::slack::SIGNING_SECRET, None).await?;
    tx.tenants().save_door("telegram", &franchise.telegram_token, sim::telegram::SECRET_TOKEN, None).await?;
    tx.tenants().save_door("sendgrid", &franchise.sendgrid_token, &sim::sendgrid::public_key(), None).await?;
    let key = NewFormKey {
        key: franchise.publishable_key.clone(),
        name: "website".to_owned(),
        location: None,
        schema: None,
        origins: Vec::new(),
    };
    tx.forms().save_key(&key).await?;
    tx.commit().await?;
    Ok(())
}
