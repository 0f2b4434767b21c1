//! Somebody filled in a form on a website: a lead without a CRM.

use chrono::TimeDelta;
use chrono_tz::Tz;
use domain::{Customer, E164, Email, Known, Language, LeadId, Phone, StopReason, ToldBy, Vehicle};
use events::{FormSubmission, Inbound, LeadEnriched, REHEARSAL, Stream};
use stage::{Context, Failure, Stage};
use store::{NewLead, NewSubmission, TenantSettings};
use tracing::info;

use crate::contact::{contact_of, zone_of};

pub(crate) struct Admit {
    /// Submissions of one number or address within a day that are answered: a stranger can write anybody's into a form.
    pub(crate) most_per_recipient: u32,
}

/// Where a CRM's name stands for the others.
const FORM: &str = "form";

/// A rehearsal is looked for so long.
const REHEARSED_WITHIN: TimeDelta = TimeDelta::seconds(60);

impl Stage for Admit {
    const NAME: &'static str = "enrich-forms";
    const STREAM: Stream = Stream::Inbound;
    type Input = Inbound;

    async fn handle(&self, cx: &Context, inbound: Inbound) -> Result<(), Failure> {
        let submission: FormSubmission = serde_json::from_slice(&inbound.body).map_err(Failure::reject)?;
        let id = LeadId::of_order(inbound.tenant, FORM, &submission.id);

        let mut tx = cx.begin(inbound.tenant).await?;
        let settings = tx.tenants().settings().await?;
        let shops = tx.locations().list_by_crm_id().await?;
        let shop = shops.values().find(|shop| shop.id == submission.location).map_or(Tz::UTC, |shop| shop.time_zone);
        let mut lead = describe(id, &submission, &settings, shop);
        if submission.form == REHEARSAL {
            // Whoever tried the way has stopped waiting.
            let is_late = cx.now() - submission.asked_at > REHEARSED_WITHIN;
            lead.silent_because = is_late.then_some(StopReason::Rehearsal);
        } else if tx.tenants().contacts_since().await?.is_some_and(|since| submission.asked_at < since) {
            lead.silent_because = Some(StopReason::BeforeGoLive);
        }

        let consent = submission.consent.as_ref();
        let new = NewSubmission {
            id: &submission.id,
            form: &submission.form,
            lead: id,
            asked_at: submission.asked_at,
            phone: lead.contact.phone.as_ref(),
            email: lead.contact.email.as_ref(),
            answers: serde_json::to_value(&submission.answers).map_err(Failure::reject)?,
            consent: consent.map(|consent| (consent.words.as_str(), consent.given_at)),
            metadata: serde_json::to_value(&submission.metadata).map_err(Failure::reject)?,
        };
        let before = tx.forms().add_submission(&new, submission.asked_at - TimeDelta::days(1)).await?;
        cx.commit(tx).await?;
        if before >= i32::try_from(self.most_per_recipient).unwrap_or(i32::MAX) {
            lead.silent_because = Some(StopReason::Suspected);
        }
        let saved = cx.at_once(cx.once(inbound.tenant).save_lead(&lead, cx.now())).await?;

        info!(lead.id = %id, form = submission.form, location.id = %submission.location, "a lead by a form: {saved:?}");
        let (crm_version, customer_version) = (lead.crm_version, lead.contact.version);
        cx.announce(&LeadEnriched { tenant: inbound.tenant, lead: id, crm_version, customer_version }).await
    }
}

fn describe(id: LeadId, submission: &FormSubmission, settings: &TenantSettings, shop: Tz) -> NewLead {
    let answer = |name: &str| submission.answers.get(name).cloned();
    let (first_name, last_name) = match answer("first_name") {
        Some(first) => (Some(first), answer("last_name")),
        None => names(answer("name")),
    };
    let customer = Customer {
        version: 1,
        first_name,
        last_name,
        // Only whoever ticked it is texted.
        phone: answer("phone")
            .and_then(|number| E164::parse(&number).ok())
            .map(|number| Phone { number, texts_allowed: submission.consent.is_some() }),
        email: answer("email").and_then(|email| Email::parse(&email).ok()),
        state: None,
    };
    let vehicle = Vehicle {
        year: answer("vehicle_year").and_then(|year| year.parse().ok()),
        make: answer("vehicle_make"),
        model: answer("vehicle_model"),
    };
    let (contact, vehicle) = (contact_of(Some(customer)), vehicle.title());
    let service = answer("service").or_else(|| answer("property")).unwrap_or_else(|| domain::NO_SERVICE.to_owned());
    let services: Vec<_> = answer("service").or_else(|| answer("property")).into_iter().collect();
    NewLead {
        id,
        location: submission.location,
        crm: FORM,
        crm_order_id: submission.id.clone(),
        crm_customer_id: None,
        crm_version: 1,
        time_zone: zone_of(contact.phone.as_ref(), shop),
        heat: settings.heat.judge(Known {
            can_be_texted: contact.phone.is_some() && contact.texts_allowed,
            has_email: contact.email.is_some(),
            has_vehicle: !vehicle.is_empty(),
            total_cents: 0,
            services: &services,
            wrote: answer("message").is_some(),
        }),
        language: language_of(submission).filter(|known| *known != settings.language),
        duplicates: settings.duplicates,
        services,
        service,
        contact,
        vehicle,
        total_cents: 0,
        created_at: submission.asked_at,
        told_by: ToldBy::Webhook,
        silent_because: submission.is_suspected.then_some(StopReason::Suspected),
    }
}

/// What they chose, or else wrote in, or else what their browser speaks.
fn language_of(submission: &FormSubmission) -> Option<Language> {
    let chosen = submission.answers.get("language").and_then(|tag| Language::of_tag(tag));
    let wrote = || submission.answers.get("message").and_then(|words| Language::of_words(words));
    let browser = || submission.metadata.get("language").and_then(|tag| Language::of_tag(tag));
    chosen.or_else(wrote).or_else(browser)
}

/// The first word, and the others.
fn names(whole: Option<String>) -> (Option<String>, Option<String>) {
    let Some(whole) = whole else { return (None, None) };
    match whole.split_once(' ') {
        Some((first, last)) => (Some(first.to_owned()), Some(last.trim().to_owned())),
        None => (Some(whole), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_name_has_a_first_one() {
        let names = |whole: &str| names(Some(whole.to_owned()));
        assert_eq!(names("Dana Example Jr"), (Some("Dana".into()), Some("Example Jr".into())));
        assert_eq!(names("Dana"), (Some("Dana".into()), None));
    }
}
