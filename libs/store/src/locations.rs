//! A tenant's shops.

use std::collections::HashMap;

use chrono::NaiveDate;
use chrono_tz::Tz;
use domain::{LocationId, ShopCalendar, TextSender, WeekHours};

use crate::{Error, Transaction, tenants::parse_zone};

/// One shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub id: LocationId,
    pub crm_location_id: String,
    pub name: String,
    pub time_zone: Tz,
    pub phone: String,
    pub postal_address: String,
    /// As people read them in a message.
    pub hours: String,
    /// Several shops that are led together.
    pub region: Option<String>,
    /// As rules read them. `None`: nobody has said.
    pub opening: Option<WeekHours>,
    pub closed_on: Vec<NaiveDate>,
    /// Who its texts are from. `None`: the tenant's own sender.
    pub text_sender: Option<TextSender>,
}

impl Location {
    pub fn calendar(&self) -> ShopCalendar {
        ShopCalendar { zone: self.time_zone, hours: self.opening.clone(), closed_on: self.closed_on.clone() }
    }
}

/// What whoever reads a shop's orders has to know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrmLocation {
    pub id: LocationId,
    pub time_zone: Tz,
}

#[derive(Debug)]
pub struct Locations<'t>(pub(crate) &'t mut Transaction);

impl Locations<'_> {
    pub async fn save(self, location: &Location) -> Result<(), Error> {
        let opening = location.opening.as_ref().map(serde_json::to_value).transpose();
        let opening = opening.map_err(|error| Error::corrupt("opening hours", error))?;
        sqlx::query!(
            "insert into locations
                 (tenant_id, id, crm_location_id, name, time_zone, phone, postal_address, hours, region, opening, closed_on,
                  text_sender)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             on conflict (tenant_id, crm_location_id) do update
             set name = excluded.name, time_zone = excluded.time_zone, phone = excluded.phone,
                 postal_address = excluded.postal_address, hours = excluded.hours, region = excluded.region,
                 opening = excluded.opening, closed_on = excluded.closed_on, text_sender = excluded.text_sender",
            self.0.tenant.uuid(),
            location.id.uuid(),
            location.crm_location_id,
            location.name,
            location.time_zone.name(),
            location.phone,
            location.postal_address,
            location.hours,
            location.region,
            opening,
            &location.closed_on,
            location.text_sender.as_ref().map(TextSender::to_string)
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("save a location"))
    }

    pub async fn list(self) -> Result<Vec<Location>, Error> {
        let rows = sqlx::query!(
            "select id, crm_location_id, name, time_zone, phone, postal_address, hours, region, opening, closed_on,
                    text_sender
             from locations where tenant_id = $1 order by name, id",
            self.0.tenant.uuid()
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list locations"))?;
        rows.into_iter()
            .map(|row| {
                Ok(Location {
                    id: LocationId::new(row.id),
                    crm_location_id: row.crm_location_id,
                    name: row.name,
                    time_zone: parse_zone(&row.time_zone)?,
                    phone: row.phone,
                    postal_address: row.postal_address,
                    hours: row.hours,
                    region: row.region,
                    opening: opening(row.opening)?,
                    closed_on: row.closed_on,
                    text_sender: text_sender(row.text_sender.as_deref())?,
                })
            })
            .collect()
    }

    /// Each location by the CRM's id of it.
    pub async fn list_by_crm_id(self) -> Result<HashMap<String, CrmLocation>, Error> {
        let rows = sqlx::query!(
            "select crm_location_id, id, time_zone from locations where tenant_id = $1",
            self.0.tenant.uuid()
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list locations"))?;
        rows.into_iter()
            .map(|row| {
                let location = CrmLocation { id: LocationId::new(row.id), time_zone: parse_zone(&row.time_zone)? };
                Ok((row.crm_location_id, location))
            })
            .collect()
    }
}

fn opening(hours: Option<serde_json::Value>) -> Result<Option<WeekHours>, Error> {
    hours.map(serde_json::from_value).transpose().map_err(|error| Error::set_up("opening hours", error))
}

pub(crate) fn text_sender(text: Option<&str>) -> Result<Option<TextSender>, Error> {
    text.map(str::parse).transpose().map_err(|error| Error::corrupt("sender of texts", error))
}

pub(crate) fn calendar(
    zone: &str,
    hours: Option<serde_json::Value>,
    closed_on: Vec<NaiveDate>,
) -> Result<ShopCalendar, Error> {
    Ok(ShopCalendar { zone: parse_zone(zone)?, hours: opening(hours)?, closed_on })
}
