//! A tenant, its credentials and its doors.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::{
    BookingRules, Cadence, Channel, Channels, ChosenModel, CrmName, DuplicateRules, HeatRules, Language, LegalWindow,
    LinkBase, Look, OwnRules, SenderLimits, SlaRules, Staff, TenantId, WebsiteLeadRules,
};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Error, Transaction};

/// What a tenant chose. Everything left out is the default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TenantSettings {
    pub crm: CrmName,
    pub website_lead: WebsiteLeadRules,
    pub cadence: Cadence,
    /// How its shops take appointments that customers make by themselves.
    pub booking: BookingRules,
    /// Whose words customers read in the conversation. `None`: the built-in concierge's.
    pub assistant: Option<ChosenModel>,
    pub channels: Channels,
    /// In which customers are written to of whom nobody knows better.
    pub language: Language,
    /// How its emails look.
    pub look: Look,
    pub legal_window: LegalWindow,
    pub sending: OwnRules,
    /// What carriers take of its senders, shared by all replicas.
    pub senders: SenderLimits,
    pub heat: HeatRules,
    pub duplicates: DuplicateRules,
    pub sla: SlaRules,
    /// Who is told when a lead needs a person.
    pub staff: Staff,
    pub prices: Prices,
    /// What links in messages begin with. `None`: our own address.
    pub link_base: Option<LinkBase>,
    /// What the CRM takes from us, shared by all replicas.
    pub crm_limit: CrmLimit,
}

/// What vendors charge, in millionths of a dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prices {
    pub text_segment_micros: u32,
    pub email_micros: u32,
    pub whatsapp_micros: u32,
}

impl Default for Prices {
    /// About what is charged in the United States, the carriers' own fees included; a bill knows better.
    fn default() -> Self {
        Self { text_segment_micros: 12_000, email_micros: 900, whatsapp_micros: 25_000 }
    }
}

impl Prices {
    /// Of one message, in millionths of a dollar. `segments`: of a text.
    pub fn of(&self, channel: Channel, segments: u16) -> u64 {
        match channel {
            Channel::Sms => u64::from(segments) * u64::from(self.text_segment_micros),
            Channel::Email => self.email_micros.into(),
            Channel::Whatsapp => self.whatsapp_micros.into(),
        }
    }
}

/// Requests to the CRM: a sustained rate and a burst on top of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrmLimit {
    pub per_second: f64,
    pub burst: u32,
}

impl Default for CrmLimit {
    /// What is known to work with Shopmonkey, with room for a few quotes at once.
    fn default() -> Self {
        Self { per_second: 2.0, burst: 30 }
    }
}

/// Since when a tenant's leads are written to that has not gone live: nobody asks after this.
pub fn not_live_yet() -> DateTime<Utc> {
    const YEAR_9999: i64 = 253_370_764_800;
    DateTime::from_timestamp(YEAR_9999, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The only form in which a door's token is kept.
pub fn token_hash(token: &str) -> Vec<u8> {
    digest(&SHA256, token.as_bytes()).as_ref().to_vec()
}

#[derive(Debug)]
pub struct Tenants<'t>(pub(crate) &'t mut Transaction);

impl Tenants<'_> {
    /// Adds the transaction's own tenant, or gives it new settings.
    pub async fn save(
        self,
        slug: &str,
        name: &str,
        settings: &TenantSettings,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let settings = serde_json::to_value(settings).map_err(|error| Error::corrupt("settings", error))?;
        sqlx::query!(
            "insert into tenants (id, slug, name, settings, created_at) values ($1, $2, $3, $4, $5)
             on conflict (id) do update set slug = excluded.slug, name = excluded.name, settings = excluded.settings",
            self.0.tenant.uuid(),
            slug,
            name,
            settings,
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("save a tenant"))
    }

    pub async fn change_settings(self, settings: &TenantSettings) -> Result<(), Error> {
        let settings = serde_json::to_value(settings).map_err(|error| Error::corrupt("settings", error))?;
        sqlx::query!("update tenants set settings = $2 where id = $1", self.0.tenant.uuid(), settings)
            .execute(&mut *self.0.inner)
            .await
            .map(drop)
            .map_err(Error::doing("change a tenant's settings"))
    }

    pub async fn settings(self) -> Result<TenantSettings, Error> {
        let row = sqlx::query!("select settings from tenants where id = $1", self.0.tenant.uuid())
            .fetch_one(&mut *self.0.inner)
            .await
            .map_err(Error::doing("read a tenant's settings"))?;
        serde_json::from_value(row.settings).map_err(|error| Error::Settings(self.0.tenant, error))
    }

    /// From when on whoever asked is written to. `None`: however long ago it was.
    pub async fn contacts_since(self) -> Result<Option<DateTime<Utc>>, Error> {
        sqlx::query_scalar!("select contacts_since from tenants where id = $1", self.0.tenant.uuid())
            .fetch_one(&mut *self.0.inner)
            .await
            .map_err(Error::doing("read since when a tenant's leads are written to"))
    }

    /// Nobody is written to about an order made before `since`. What is being followed up already goes on.
    pub async fn contact_since(self, since: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!("update tenants set contacts_since = $2 where id = $1", self.0.tenant.uuid(), since)
            .execute(&mut *self.0.inner)
            .await
            .map(drop)
            .map_err(Error::doing("set since when a tenant's leads are written to"))
    }

    pub async fn save_credentials<T: Serialize>(self, vendor: &str, credentials: &T) -> Result<(), Error> {
        let plain = serde_json::to_vec(credentials).map_err(|error| Error::corrupt("credentials", error))?;
        let sealed = self.0.sealer.seal(&owner(self.0.tenant, vendor), &plain)?;
        sqlx::query!(
            "insert into credentials (tenant_id, vendor, sealed) values ($1, $2, $3)
             on conflict (tenant_id, vendor) do update set sealed = excluded.sealed",
            self.0.tenant.uuid(),
            vendor,
            sealed
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("save credentials"))
    }

    pub async fn find_credentials<T: DeserializeOwned>(self, vendor: &str) -> Result<Option<T>, Error> {
        let sealed = sqlx::query_scalar!(
            "select sealed from credentials where tenant_id = $1 and vendor = $2",
            self.0.tenant.uuid(),
            vendor
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("read credentials"))?;
        let Some(sealed) = sealed else { return Ok(None) };
        let plain = self.0.sealer.open(&owner(self.0.tenant, vendor), &sealed)?;
        serde_json::from_slice(&plain).map(Some).map_err(|error| Error::set_up("credentials", error))
    }

    /// Opens a door: `token` is the last part of the address, `secret` what the source signs with. `old_until`: until when the one
    /// before it stays open, with the new secret; `None`: it is closed.
    pub async fn save_door(
        self,
        source: &str,
        token: &str,
        secret: &str,
        old_until: Option<DateTime<Utc>>,
    ) -> Result<(), Error> {
        let sealed = self.0.sealer.seal(&owner(self.0.tenant, source), secret.as_bytes())?;
        sqlx::query!(
            "insert into doors (tenant_id, source, token_hash, sealed_secret) values ($1, $2, $3, $4)
             on conflict (tenant_id, source) do update
             set old_token_hash = case when $5::timestamptz is not null then doors.token_hash end, old_until = $5,
                 token_hash = excluded.token_hash, sealed_secret = excluded.sealed_secret",
            self.0.tenant.uuid(),
            source,
            token_hash(token),
            sealed,
            old_until
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("save a door"))
    }

    /// The same address, with another secret.
    pub async fn change_door_secret(self, source: &str, secret: &str) -> Result<(), Error> {
        let sealed = self.0.sealer.seal(&owner(self.0.tenant, source), secret.as_bytes())?;
        sqlx::query!(
            "update doors set sealed_secret = $3 where tenant_id = $1 and source = $2",
            self.0.tenant.uuid(),
            source,
            sealed
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("change a door's secret"))
    }

    /// Whether this token opens this tenant's door for the source.
    pub async fn has_door(self, source: &str, token: &str) -> Result<bool, Error> {
        sqlx::query_scalar!(
            r#"select exists (
                   select from doors where tenant_id = $1 and source = $2 and token_hash = $3) as "has_door!""#,
            self.0.tenant.uuid(),
            source,
            token_hash(token)
        )
        .fetch_one(&mut *self.0.inner)
        .await
        .map_err(Error::doing("look whether a door is a tenant's"))
    }

    /// The vendors of which credentials are kept.
    pub async fn list_credentials(self) -> Result<Vec<String>, Error> {
        sqlx::query_scalar!("select vendor from credentials where tenant_id = $1 order by 1", self.0.tenant.uuid())
            .fetch_all(&mut *self.0.inner)
            .await
            .map_err(Error::doing("list credentials"))
    }

    /// The sources that have a door.
    pub async fn list_doors(self) -> Result<Vec<String>, Error> {
        sqlx::query_scalar!("select source from doors where tenant_id = $1 order by 1", self.0.tenant.uuid())
            .fetch_all(&mut *self.0.inner)
            .await
            .map_err(Error::doing("list doors"))
    }

    /// Seals everything of this tenant's anew, with the first of the keys. Answers how much that was.
    pub async fn reseal(self) -> Result<usize, Error> {
        let tenant = self.0.tenant;
        let credentials =
            sqlx::query!("select vendor, sealed from credentials where tenant_id = $1 for update", tenant.uuid())
                .fetch_all(&mut *self.0.inner)
                .await
                .map_err(Error::doing("read credentials"))?;
        for row in &credentials {
            let sealed = self.0.sealer.reseal(&owner(tenant, &row.vendor), &row.sealed)?;
            sqlx::query!(
                "update credentials set sealed = $3 where tenant_id = $1 and vendor = $2",
                tenant.uuid(),
                row.vendor,
                sealed
            )
            .execute(&mut *self.0.inner)
            .await
            .map_err(Error::doing("seal credentials anew"))?;
        }
        let doors =
            sqlx::query!("select source, sealed_secret from doors where tenant_id = $1 for update", tenant.uuid())
                .fetch_all(&mut *self.0.inner)
                .await
                .map_err(Error::doing("read doors"))?;
        for row in &doors {
            let sealed = self.0.sealer.reseal(&owner(tenant, &row.source), &row.sealed_secret)?;
            sqlx::query!(
                "update doors set sealed_secret = $3 where tenant_id = $1 and source = $2",
                tenant.uuid(),
                row.source,
                sealed
            )
            .execute(&mut *self.0.inner)
            .await
            .map_err(Error::doing("seal a door anew"))?;
        }
        Ok(credentials.len() + doors.len())
    }
}

pub(crate) fn owner(tenant: TenantId, vendor: &str) -> String {
    format!("{tenant}:{vendor}")
}

pub(crate) fn parse_zone(name: &str) -> Result<Tz, Error> {
    name.parse().map_err(|error| Error::set_up("time zone", error))
}
