//! The time machine: what a follow-up will say, when, and why then, before it happens.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{
    AddressKind, Because, Channel, E164, Email, Ending, Language, Law, LeadId, MessageId, MessageState, Moved,
    PlannedTouch, Planning, PreviewedTouch, Rules, Segments, State, Whereabouts, after_pauses, preview,
};
use serde::Serialize;
use store::{Location, MessageLine, Template, TenantSettings, Wordings};
use templates::{Asked, Known, Renderer, Words};

use crate::{Desk, Error, words::shop_of};

/// Somebody who might ask.
#[derive(Debug, Clone)]
pub struct Sample {
    pub first_name: Option<String>,
    pub phone: Option<E164>,
    pub email: Option<Email>,
    /// `None`: the tenant's own.
    pub language: Option<Language>,
    /// The CRM's id of the shop. `None`: the tenant's first.
    pub location: Option<String>,
    pub vehicle: String,
    pub service: String,
    pub total_cents: i64,
    pub asked_at: DateTime<Utc>,
}

/// A follow-up from its beginning to its end, if nobody answers.
#[derive(Debug, Clone, Serialize)]
pub struct CadencePreview {
    pub tenant: String,
    pub location: String,
    /// By which clock they are shown their own time, and how that is known.
    pub customer_zone: String,
    pub customer_zone_source: &'static str,
    pub shop_zone: String,
    pub touches: Vec<TouchPreview>,
}

#[derive(Debug, Clone, Serialize)]
pub struct TouchPreview {
    pub step: u16,
    pub channel: &'static str,
    pub template: String,
    /// As the cadence wants it.
    pub wanted_at: DateTime<Utc>,
    /// `None`: it does not leave.
    pub sent_at: Option<DateTime<Utc>>,
    /// The same, on the customer's and on the shop's wall.
    pub customer_time: Option<String>,
    pub shop_time: Option<String>,
    /// `sent`, `will be sent`, `withheld`, or another state of one that is over.
    pub verdict: String,
    /// The rules that moved it, in their order, in words.
    pub because: Vec<String>,
    pub subject: Option<String>,
    pub text: Option<String>,
    /// Of a text, as carriers count it.
    pub segments: Option<Segments>,
    /// In millionths of a dollar, by the tenant's prices.
    pub cost_micros: Option<u64>,
}

/// What the preview of one person follows from.
struct Case<'c> {
    slug: &'c str,
    settings: &'c TenantSettings,
    wordings: &'c Wordings,
    location: &'c Location,
    whereabouts: Whereabouts,
    asked: Asked<'c>,
    language: Option<Language>,
    chat_link: String,
    /// By these they want nothing, or nothing reaches them.
    suppressed: Vec<Channel>,
    /// What they were told, as it was then.
    said: HashMap<MessageId, String>,
}

/// The whole follow-up of somebody who might ask.
pub async fn preview_sample(desk: &Desk, slug: &str, sample: &Sample) -> Result<CadencePreview, Error> {
    let tenant = desk.find(slug).await?;
    let mut tx = desk.store.begin(tenant).await?;
    let settings = tx.tenants().settings().await?;
    let wordings = Wordings::new(tx.tenants().list_templates().await?, settings.language);
    let locations = tx.locations().list().await?;
    let wanted = |location: &&Location| sample.location.as_ref().is_none_or(|id| *id == location.crm_location_id);
    let location = locations.iter().find(wanted).ok_or_else(|| Error::NoSuchShop(slug.to_owned()))?;
    let cadence = tx.cadences().find_at(location.id).await?.unwrap_or_else(|| settings.cadence.clone());
    drop(tx);
    let case = Case {
        slug,
        settings: &settings,
        wordings: &wordings,
        location,
        whereabouts: whereabouts(sample.phone.as_ref(), location),
        chat_link: desk.sample_link(settings.link_base.clone()),
        language: sample.language,
        suppressed: Vec::new(),
        said: HashMap::new(),
        asked: Asked {
            first_name: sample.first_name.as_deref(),
            vehicle: &sample.vehicle,
            service: &sample.service,
            total_cents: sample.total_cents,
        },
    };
    let calendar = location.calendar();
    let rules = case.rules(&calendar);
    let planning = Planning {
        created_at: sample.asked_at,
        now: sample.asked_at,
        can: &|channel| {
            settings.channels.has(channel)
                && match channel.writes_to() {
                    AddressKind::Phone => sample.phone.as_ref().is_some_and(E164::is_north_american),
                    AddressKind::Email => sample.email.is_some(),
                }
        },
        heat: None,
        total_cents: sample.total_cents,
        has_vehicle: !sample.vehicle.is_empty(),
        rules: &rules,
        whereabouts: &case.whereabouts,
    };
    let touches = cadence.plan(&planning);
    let left_out = cadence.left_out(&planning, &touches).into_iter();
    let left_out = left_out.map(|(touch, why)| case.tell(touch, None, "left out", vec![why.to_owned()]));
    let played = preview(&touches, &rules, &case.whereabouts, &[]);
    let mut told: Vec<_> = played.into_iter().map(|played| case.will(played)).chain(left_out).collect();
    told.sort_by_key(|touch| (touch.sent_at.unwrap_or(touch.wanted_at), touch.step));
    Ok(case.describe(told))
}

/// What a lead has had, and what is left of its follow-up from now on.
pub async fn preview_lead(desk: &Desk, slug: &str, id: LeadId) -> Result<CadencePreview, Error> {
    let tenant = desk.find(slug).await?;
    let mut tx = desk.store.begin(tenant).await?;
    let settings = tx.tenants().settings().await?;
    let wordings = Wordings::new(tx.tenants().list_templates().await?, settings.language);
    let lead = tx.descriptions().find_recipient(id).await?.ok_or(Error::NoSuchLead(id))?;
    let location = tx.locations().list().await?.into_iter().find(|location| location.id == lead.location);
    let location = location.ok_or_else(|| Error::NoSuchShop(slug.to_owned()))?;
    let messages = tx.messages().list(id).await?;
    let said = tx.messages().list_said(id).await?;
    let (mut pauses, mut suppressed) = (HashMap::new(), Vec::new());
    for channel in Channel::ALL {
        pauses.insert(channel, tx.pauses().list_of_lead(id, channel).await?);
        let address = match channel.writes_to() {
            AddressKind::Phone => lead.recipient.phone.as_ref().map(|phone| phone.as_str().to_owned()),
            AddressKind::Email => lead.recipient.email.as_ref().map(Email::folded),
        };
        if let Some(address) = address
            && (tx.messages().is_suppressed(channel, &address).await?
                || tx.messages().is_unreachable(channel, &address).await?)
        {
            suppressed.push(channel);
        }
    }
    drop(tx);
    let recipient = &lead.recipient;
    let case = Case {
        slug,
        settings: &settings,
        wordings: &wordings,
        location: &location,
        whereabouts: whereabouts(recipient.phone.as_ref(), &location),
        language: recipient.language,
        suppressed,
        said,
        asked: Asked {
            first_name: recipient.first_name.as_deref(),
            vehicle: &recipient.vehicle,
            service: &recipient.service,
            total_cents: recipient.total_cents,
        },
        chat_link: desk.sample_link(settings.link_base.clone()),
    };
    let calendar = location.calendar();
    let rules = case.rules(&calendar);
    let mut sent: Vec<_> = messages.iter().filter_map(|message| message.sent_at).collect();
    sent.sort();
    let now = desk.clock.now();
    let (left, over): (Vec<_>, Vec<_>) = messages.into_iter().partition(|line| line.state == MessageState::Planned);
    let runs_at = |line: &MessageLine| after_pauses(line.counted_from, line.due_at, &pauses[&line.channel]);
    let (left, held): (Vec<_>, Vec<_>) = left.into_iter().partition(|line| runs_at(line).is_some());
    let touches: Vec<_> =
        left.iter().map(|line| touch_of(line, runs_at(line).unwrap_or(line.due_at).max(now))).collect();
    let played = preview(&touches, &rules, &case.whereabouts, &sent);
    let over = over.iter().map(|line| case.was(line));
    let held = held.iter().map(|line| {
        let because = Because::Paused.to_string();
        case.tell(touch_of(line, line.due_at), None, "held until it is resumed", vec![because])
    });
    // What moved it before is a part of why it leaves then.
    let left = played.into_iter().zip(&left).map(|(mut played, line)| {
        let because = Because::Paused;
        let shifted = runs_at(line).filter(|at| *at > line.due_at);
        let shifted = shifted.map(|to| Moved { from: line.due_at, to, because });
        played.moves.splice(0..0, line.moves.iter().cloned().chain(shifted));
        case.will(played)
    });
    let mut touches: Vec<_> = over.chain(held).chain(left).collect();
    touches.sort_by_key(|touch| (touch.sent_at.unwrap_or(touch.wanted_at), touch.step));
    Ok(case.describe(touches))
}

fn whereabouts(phone: Option<&E164>, location: &Location) -> Whereabouts {
    Whereabouts::of(phone, location.time_zone, State::of_address(&location.postal_address))
}

fn touch_of(line: &MessageLine, due_at: DateTime<Utc>) -> PlannedTouch {
    let MessageLine { step, channel, template, .. } = line;
    PlannedTouch { step: *step, channel: *channel, fallbacks: Vec::new(), template: template.clone(), due_at }
}

impl Case<'_> {
    fn rules<'r>(&'r self, shop: &'r domain::ShopCalendar) -> Rules<'r> {
        Rules { law: Law::ours(), window: self.settings.legal_window, own: &self.settings.sending, shop }
    }

    fn describe(&self, touches: Vec<TouchPreview>) -> CadencePreview {
        CadencePreview {
            tenant: self.slug.to_owned(),
            location: self.location.name.clone(),
            customer_zone: self.whereabouts.zone().name().to_owned(),
            customer_zone_source: self.whereabouts.source().as_str(),
            shop_zone: self.location.time_zone.name().to_owned(),
            touches,
        }
    }

    /// One that is still to come.
    fn will(&self, played: PreviewedTouch) -> TouchPreview {
        let PreviewedTouch { touch, moves, ending } = played;
        let mut because: Vec<_> = moves.iter().map(|moved| moved.because.to_string()).collect();
        because.dedup();
        let (sent_at, verdict) = match ending {
            Ending::Sent(at) => (Some(at), "will be sent"),
            Ending::Withheld(rule) => {
                because.push(rule.to_string());
                (None, "withheld")
            }
        };
        self.tell(touch, sent_at, verdict, because)
    }

    /// One that is over, or on its way.
    fn was(&self, line: &MessageLine) -> TouchPreview {
        let mut because: Vec<_> = line.moves.iter().map(|moved| moved.because.to_string()).collect();
        because.dedup();
        because.extend(line.reason.clone());
        let mut told = self.tell(touch_of(line, line.due_at), line.sent_at, line.state.as_str(), because);
        if let Some(said) = self.said.get(&line.id) {
            // Not as the template, the language or the price is now; a subject is not kept.
            told.segments = told.segments.map(|_| Segments::of(said));
            (told.subject, told.text) = (None, Some(said.clone()));
        }
        told
    }

    /// Why it does not go by its own channel, as far as that can be known before its time.
    fn in_its_way(&self, channel: Channel, words: Option<&Template>) -> Option<&'static str> {
        if !self.settings.channels.has(channel) {
            return Some("this one is off");
        }
        if self.suppressed.contains(&channel) {
            return Some("by this one they want nothing, or it does not reach them");
        }
        let is_approved = words.is_some_and(|words| words.approved_as.is_some());
        (channel == Channel::Whatsapp && !is_approved)
            .then_some("WhatsApp takes words that are not approved only within a day of the customer's own")
    }

    fn tell(
        &self,
        touch: PlannedTouch,
        sent_at: Option<DateTime<Utc>>,
        verdict: &str,
        because: Vec<String>,
    ) -> TouchPreview {
        let PlannedTouch { step, channel, template, due_at, .. } = touch;
        let wall =
            |zone: chrono_tz::Tz| sent_at.map(|at| at.with_timezone(&zone).format("%a %Y-%m-%d %H:%M").to_string());
        let found = self.wordings.find(&template, channel, self.language);
        let rendered = found.map(|words| {
            let known = Known::new(words.language, self.asked, shop_of(self.location), &self.chat_link);
            let words = Words { name: &words.name, subject: words.subject.as_deref(), body: &words.body };
            Renderer::default().render(words, &known)
        });
        let (verdict, rendered) = match rendered {
            Some(Ok(rendered)) => (verdict.to_owned(), Some(rendered)),
            Some(Err(error)) => (format!("withheld: {error}"), None),
            None => (format!("withheld: there is no {} template {template:?}", channel.as_str()), None),
        };
        let verdict = match (verdict.as_str(), self.in_its_way(channel, found)) {
            ("will be sent", Some(why)) => format!("goes by its step's next channel, if one is left: {why}"),
            _ => verdict,
        };
        let (subject, text) = rendered.map_or((None, None), |rendered| (rendered.subject, Some(rendered.body)));
        let segments = text.as_deref().filter(|_| channel == Channel::Sms).map(Segments::of);
        let cost = self.settings.prices.of(channel, segments.map_or(1, |segments| segments.count));
        TouchPreview {
            step,
            channel: channel.as_str(),
            template,
            wanted_at: due_at,
            sent_at,
            customer_time: wall(self.whereabouts.zone()),
            shop_time: wall(self.location.time_zone),
            verdict,
            because,
            segments,
            cost_micros: text.as_ref().map(|_| cost),
            subject,
            text,
        }
    }
}
