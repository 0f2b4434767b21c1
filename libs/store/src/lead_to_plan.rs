//! A lead with what its plan follows from.

use chrono::{DateTime, Utc};
use domain::{
    AddressKind, Cadence, Departure, E164, Heat, Law, LeadId, PlannedTouch, Planning, Rules, Sending, ShopCalendar,
    State, TenantId, Whereabouts,
};
use sqlx::PgConnection;

use crate::{
    Error, Lead, TenantSettings,
    leads::{LeadRow, phone},
    locations::calendar,
};

/// A lead whose touches are to be planned.
#[derive(Debug, Clone)]
pub struct LeadToPlan {
    pub lead: Lead,
    pub heat: Option<Heat>,
    pub total_cents: i64,
    pub has_vehicle: bool,
    pub shop: ShopCalendar,
    pub whereabouts: Whereabouts,
    pub settings: TenantSettings,
    pub chosen: ChosenCadence,
}

/// The cadence that counts for a lead.
#[derive(Debug, Clone, Default)]
pub struct ChosenCadence {
    /// As in `summer@3`. `None`: it is the one in the tenant's settings.
    pub name: Option<String>,
    pub steps: Cadence,
    /// The experiment that the lead is in, and its arm: the cadence's name.
    pub experiment: Option<(String, String)>,
}

impl LeadToPlan {
    /// The touches of its follow-up as seen now, those that are late in one.
    pub fn plan(&self, now: DateTime<Utc>) -> Vec<PlannedTouch> {
        self.with_planning(now, |planning| self.chosen.steps.plan(planning))
    }

    /// Every step of its follow-up, also those whose time is over.
    pub fn lay_out(&self, now: DateTime<Utc>) -> Vec<PlannedTouch> {
        self.with_planning(now, |planning| self.chosen.steps.lay_out(planning))
    }

    /// Whether no rule would let it leave within two months of its time.
    pub(crate) fn can_never_leave(&self, touch: &PlannedTouch) -> bool {
        let Self { shop, whereabouts, settings, .. } = self;
        let rules = Rules { law: Law::ours(), window: settings.legal_window, own: &settings.sending, shop };
        let sending = Sending { channel: touch.channel, at: touch.due_at, is_first: false, whereabouts, sent: &[] };
        matches!(rules.decide(&sending), Departure::Never(_))
    }

    fn with_planning<T>(&self, now: DateTime<Utc>, plan: impl FnOnce(&Planning<'_>) -> T) -> T {
        let Self { lead, heat, total_cents, has_vehicle, shop, whereabouts, settings, .. } = self;
        let rules = Rules { law: Law::ours(), window: settings.legal_window, own: &settings.sending, shop };
        plan(&Planning {
            created_at: lead.created_at,
            now,
            can: &|channel| {
                settings.channels.has(channel)
                    && match channel.writes_to() {
                        AddressKind::Phone => lead.has_phone && lead.texts_allowed,
                        AddressKind::Email => lead.has_email,
                    }
            },
            heat: *heat,
            total_cents: *total_cents,
            has_vehicle: *has_vehicle,
            rules: &rules,
            whereabouts,
        })
    }
}

pub(crate) async fn find(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: LeadId,
) -> Result<Option<LeadToPlan>, Error> {
    let row = sqlx::query!(
        r#"select location_id as "location_id!", status as "status!", phone, texts_allowed as "texts_allowed!",
                  has_email as "has_email!", created_at as "created_at!", planned_at, stop_reason, heat,
                  total_cents as "total_cents!", has_vehicle as "has_vehicle!", time_zone as "time_zone!",
                  postal_address as "postal_address!", opening, closed_on as "closed_on!", settings as "settings!",
                  cadence, steps, experiment, rival, rival_steps, rival_percent, own_experiment, own_arm
           from find_lead_to_plan($1, $2)"#,
        tenant.uuid(),
        id.uuid()
    )
    .fetch_optional(connection)
    .await
    .map_err(Error::doing("look up a lead and what its plan follows from"))?;
    row.map(|row| {
        let phone = phone(row.phone.as_deref())?;
        let heat = row.heat.as_deref().map(str::parse).transpose().map_err(|error| Error::corrupt("heat", error))?;
        let lead = LeadRow {
            location_id: row.location_id,
            status: row.status,
            has_phone: phone.as_ref().is_some_and(E164::is_north_american),
            texts_allowed: row.texts_allowed,
            has_email: row.has_email,
            created_at: row.created_at,
            planned_at: row.planned_at,
            stop_reason: row.stop_reason,
        };
        let shop = calendar(&row.time_zone, row.opening, row.closed_on)?;
        let settings: TenantSettings =
            serde_json::from_value(row.settings).map_err(|error| Error::Settings(tenant, error))?;
        // Whoever is planned already stays out of an experiment, or in its arm.
        let is_its_arm =
            row.own_experiment.is_some() && row.own_experiment == row.experiment && row.own_arm == row.rival;
        let is_rival = if row.planned_at.is_some() {
            is_its_arm
        } else {
            row.rival_percent.is_some_and(|percent| id.is_among(percent.unsigned_abs()))
        };
        let (name, steps) = if is_rival { (row.rival, row.rival_steps) } else { (row.cadence, row.steps) };
        let steps = steps.map(serde_json::from_value).transpose();
        let chosen = ChosenCadence {
            experiment: row.experiment.zip(name.clone()),
            name,
            steps: steps.map_err(|error| Error::set_up("cadence", error))?.unwrap_or_else(|| settings.cadence.clone()),
        };
        Ok(LeadToPlan {
            lead: lead.parse(id)?,
            heat,
            total_cents: row.total_cents,
            has_vehicle: row.has_vehicle,
            whereabouts: Whereabouts::of(phone.as_ref(), shop.zone, State::of_address(&row.postal_address)),
            shop,
            settings,
            chosen,
        })
    })
    .transpose()
}
