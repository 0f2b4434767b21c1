//! What a tenant chose and holds, remembered for a short while: its legal window, its words, its vendors. Consent is never
//! remembered: it is read with each message.

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::{
    Channel, Channels, Language, LegalWindow, LinkBase, Look, OwnRules, SenderLimits, StaffChannel, TenantId,
};
use moka::future::Cache;
use store::{Template, Transaction, Wordings};
use templates::{Design, Designs};
use tracing::warn;

use crate::{
    appointment_words,
    carrier::{Answer, Carrier, Letter},
    sendgrid::{self, Sendgrid},
    slack::{self, Slack},
    telegram::{self, Telegram},
    twilio::{self, Twilio},
    whatsapp::{self, Whatsapp},
};

pub(crate) struct Tenants {
    http: reqwest::Client,
    designs: Arc<Designs>,
    known: Cache<TenantId, Arc<Tenant>>,
    read: Cache<(TenantId, String, Language), ReadDesign>,
}

/// Of this MJML. `None`: it cannot be read.
type ReadDesign = (String, Option<Arc<Design>>);

pub(crate) struct Tenant {
    pub(crate) channels: Channels,
    pub(crate) legal_window: LegalWindow,
    pub(crate) sending: OwnRules,
    pub(crate) senders: SenderLimits,
    pub(crate) link_base: Option<LinkBase>,
    pub(crate) look: Look,
    templates: Wordings,
    /// Of emails that have one of their own.
    designs: HashMap<(String, Language), Arc<Design>>,
    sms: Option<Box<dyn Carrier>>,
    email: Option<Box<dyn Carrier>>,
    whatsapp: Option<Box<dyn Carrier>>,
    slack: Option<Slack>,
    telegram: Option<Telegram>,
}

impl Tenants {
    pub(crate) fn new(http: reqwest::Client, designs: Arc<Designs>, ttl: Duration) -> Self {
        let known = Cache::builder().max_capacity(10_000).time_to_live(ttl).build();
        Self { http, designs, known, read: Cache::builder().max_capacity(1_000).build() }
    }

    pub(crate) async fn find(&self, tx: &mut Transaction) -> Result<Arc<Tenant>, store::Error> {
        let id = tx.tenant();
        if let Some(tenant) = self.known.get(&id).await {
            return Ok(tenant);
        }
        let settings = tx.tenants().settings().await?;
        let mut templates = tx.tenants().list_templates().await?;
        templates.extend(appointment_words::beside(&templates));
        let account: Option<twilio::Credentials> = tx.tenants().find_credentials(twilio::NAME).await?;
        let mailer: Option<sendgrid::Credentials> = tx.tenants().find_credentials(sendgrid::NAME).await?;
        let chats: Option<whatsapp::Credentials> = tx.tenants().find_credentials(whatsapp::NAME).await?;
        let slack: Option<slack::Credentials> = tx.tenants().find_credentials(slack::NAME).await?;
        let telegram: Option<telegram::Credentials> = tx.tenants().find_credentials(telegram::NAME).await?;
        let tenant = Arc::new(Tenant {
            channels: settings.channels,
            legal_window: settings.legal_window,
            sending: settings.sending,
            senders: settings.senders,
            link_base: settings.link_base,
            look: settings.look,
            designs: self.read_designs(id, &templates).await,
            templates: Wordings::new(templates, settings.language),
            sms: account.map(|account| Box::new(Twilio::new(self.http.clone(), account)) as Box<dyn Carrier>),
            email: mailer.map(|mailer| Box::new(Sendgrid::new(self.http.clone(), mailer)) as Box<dyn Carrier>),
            whatsapp: chats.map(|chats| Box::new(Whatsapp::new(self.http.clone(), chats)) as Box<dyn Carrier>),
            slack: slack.map(|bot| Slack::new(self.http.clone(), bot)),
            telegram: telegram.map(|bot| Telegram::new(self.http.clone(), bot)),
        });
        self.known.insert(id, tenant.clone()).await;
        Ok(tenant)
    }

    /// One that cannot be read, which came in by another way than `leads template save`, gives way to the design that all have.
    async fn read_designs(&self, tenant: TenantId, templates: &[Template]) -> HashMap<(String, Language), Arc<Design>> {
        let mut own = HashMap::new();
        for template in templates {
            let Some(mjml) = &template.mjml else { continue };
            if let Some(design) = self.read_design(tenant, template, mjml).await {
                own.insert((template.name.clone(), template.language), design);
            }
        }
        own
    }

    /// Read once for as long as it stays the same: that takes a while, and a thread of its own.
    async fn read_design(&self, tenant: TenantId, template: &Template, mjml: &str) -> Option<Arc<Design>> {
        let place = (tenant, template.name.clone(), template.language);
        if let Some((_, design)) = self.read.get(&place).await.filter(|(of, _)| of == mjml) {
            return design;
        }
        let (designs, name, own) = (self.designs.clone(), template.name.clone(), mjml.to_owned());
        let read = tokio::task::spawn_blocking(move || designs.read(&name, &own)).await.ok()?;
        let read =
            read.inspect_err(|error| warn!(template = template.name, "its own design is not used: {}", error.says()));
        let design = read.ok().map(Arc::new);
        self.read.insert(place, (mjml.to_owned(), design.clone())).await;
        design
    }
}

impl Tenant {
    pub(crate) fn template(&self, name: &str, channel: Channel, spoken: Option<Language>) -> Option<&Template> {
        self.templates.find(name, channel, spoken)
    }

    /// `None`: the one that all emails have.
    pub(crate) fn design(&self, template: &Template) -> Option<&Design> {
        self.designs.get(&(template.name.clone(), template.language)).map(Arc::as_ref)
    }

    /// `None`: the tenant has no credentials for this channel.
    pub(crate) fn carrier(&self, channel: Channel) -> Option<&dyn Carrier> {
        match channel {
            Channel::Sms => self.sms.as_deref(),
            Channel::Email => self.email.as_deref(),
            Channel::Whatsapp => self.whatsapp.as_deref(),
        }
    }

    /// Has one of the staff told. `None`: the tenant has no credentials for this.
    pub(crate) async fn tell(&self, by: StaffChannel, letter: &Letter) -> Option<Answer> {
        Some(match by {
            StaffChannel::Slack => self.slack.as_ref()?.send(letter).await,
            StaffChannel::Telegram => self.telegram.as_ref()?.send(letter).await,
            StaffChannel::Sms => self.sms.as_ref()?.send(letter).await,
            StaffChannel::Email => self.email.as_ref()?.send(letter).await,
        })
    }
}
