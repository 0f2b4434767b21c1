//! What a message says, in the words of its channel.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AppointmentId, CALLED_OFF, CalendarEntry, Channel, Language, Segments, Slot, WithheldReason};
use stage::Failure;
use store::{Message, Recipient, Template, Transaction};
use templates::{Around, Asked, Designs, Known, Renderer, Shop, Words, with_way_out};
use tracing::warn;

use crate::{
    Config,
    carrier::{Approved, Attachment},
    tenants::Tenant,
};

/// After each message of a customer's a business may write to them by WhatsApp as it likes for so long (Meta: customer service window).
const CONVERSATION: TimeDelta = TimeDelta::hours(24);
/// So much earlier it is over for us: a message on its way may take a moment.
const MARGIN: TimeDelta = TimeDelta::minutes(5);

pub(crate) struct Writer {
    pub(crate) config: Arc<Config>,
    pub(crate) renderer: Renderer,
    pub(crate) designs: Arc<Designs>,
}

/// A message in its words.
pub(crate) struct Written {
    /// Of an email.
    pub(crate) subject: Option<String>,
    /// What is kept, and by which the same words are known: without what differs from lead to lead.
    pub(crate) body: String,
    /// What leaves.
    pub(crate) text: String,
    /// Of an email.
    pub(crate) html: Option<String>,
    /// Where whoever gets it leaves with one press.
    pub(crate) unsubscribe: Option<String>,
    /// Of a WhatsApp message.
    pub(crate) approved: Option<Approved>,
    /// Of an email.
    pub(crate) attachment: Option<Attachment>,
}

/// The lead's own links.
#[derive(Default)]
struct OwnLinks {
    to_chat: String,
    /// The same as it is kept.
    to_chat_kept: String,
    to_leave: Option<String>,
    /// Whether a mailbox would show a button for it.
    is_safe: bool,
}

/// Stands in what is kept where whoever got it had a word that opens their conversation. It is nobody's word, and the same for everybody: the
/// same words about two quotes stay the same words. As long as one, in letters that cost a text nothing: its parts are counted in it.
const NOBODYS: &str = "..............";

impl OwnLinks {
    fn leave_out(&self, text: &str) -> String {
        if self.to_chat.is_empty() { text.to_owned() } else { text.replace(&self.to_chat, &self.to_chat_kept) }
    }
}

/// What left, out of what is kept of it: by this a vendor's record of it is known.
pub(crate) async fn as_it_left(
    tx: &mut Transaction,
    config: &Config,
    chosen: &Tenant,
    message: &Message,
    kept: &str,
    now: DateTime<Utc>,
) -> Result<String, Failure> {
    let Some(base) = chosen.link_base.as_ref().or(config.link_base.as_ref()) else { return Ok(kept.to_owned()) };
    let without = base.to_chat(NOBODYS);
    if !kept.contains(&without) {
        return Ok(kept.to_owned());
    }
    let token = tx.links().of_lead(message.lead, now).await?;
    Ok(kept.replace(&without, &base.to_chat(token.as_str())))
}

impl Writer {
    /// `Err` inside: it may not be said, or not so. `wall`: the clock of whoever wrote to us.
    pub(crate) async fn write(
        &self,
        tx: &mut Transaction,
        chosen: &Tenant,
        message: &Message,
        now: DateTime<Utc>,
        wall: DateTime<Utc>,
    ) -> Result<Result<Written, WithheldReason>, Failure> {
        let channel = message.channel;
        let Some(template) = chosen.template(&message.template, channel, message.recipient.language) else {
            warn!(message.id = %message.id, "the tenant has no {} template {:?}", channel.as_str(), message.template);
            return Ok(Err(WithheldReason::Template));
        };
        if channel == Channel::Whatsapp && template.approved_as.is_none() && !is_talking(tx, message, wall).await? {
            return Ok(Err(WithheldReason::NotApproved));
        }
        let links = self.links(tx, chosen, message, template, now).await?;
        let slot = match message.about {
            Some(appointment) => tx.appointments().find_slot(appointment).await?,
            None => None,
        };
        Ok(self.fill(chosen, message, template, links, slot, now).map_err(|error| {
            warn!(message.id = %message.id, error = service::telemetry::causes(&error), "a template could not be filled");
            WithheldReason::Template
        }))
    }

    fn fill(
        &self,
        chosen: &Tenant,
        message: &Message,
        template: &Template,
        links: OwnLinks,
        slot: Option<Slot>,
        now: DateTime<Utc>,
    ) -> Result<Written, templates::Error> {
        let words = words(template);
        let mut known = known(message, template.language, &links.to_chat);
        if let Some(slot) = slot {
            known = known.with_appointment(template.language.says_time(slot.starts_at, message.shop.zone));
        }
        let mut rendered = self.renderer.render(words, &known)?;
        if message.channel == Channel::Sms && Segments::of(&rendered.body).count > Segments::MOST {
            // Something that they typed is as long as a text by itself: it is said without.
            known = known.without_theirs(template.language);
            rendered = self.renderer.render(words, &known)?;
        }
        let mut written = Written {
            body: links.leave_out(&rendered.body),
            text: rendered.body,
            subject: rendered.subject,
            html: None,
            unsubscribe: None,
            approved: None,
            attachment: None,
        };
        match message.channel {
            Channel::Sms => {}
            Channel::Email => {
                written.attachment = message.about.zip(slot).map(|(id, slot)| invitation(message, id, slot, now));
                let around = Around {
                    language: template.language,
                    look: &chosen.look,
                    subject: written.subject.as_deref().unwrap_or_default(),
                    body: &written.text,
                    unsubscribe_link: links.to_leave.as_deref(),
                };
                written.html = Some(self.designs.fill(chosen.design(template), &known, &around)?);
                if let Some(link) = links.to_leave {
                    written.text = with_way_out(&written.text, template.language, &link);
                    // Otherwise the vendor's own way out is in the email, too.
                    written.unsubscribe = links.is_safe.then_some(link);
                }
            }
            Channel::Whatsapp => {
                if let Some(name) = template.approved_as.clone() {
                    let parameters = self.renderer.render_parameters(words, &known)?;
                    written.approved = Some(Approved { name, parameters });
                }
            }
        }
        Ok(written)
    }

    /// For messages that show one.
    async fn links(
        &self,
        tx: &mut Transaction,
        chosen: &Tenant,
        message: &Message,
        template: &Template,
        now: DateTime<Utc>,
    ) -> Result<OwnLinks, Failure> {
        let shows_one = message.channel == Channel::Email || template.body.contains("chat_link");
        let Some(base) = chosen.link_base.as_ref().or(self.config.link_base.as_ref()).filter(|_| shows_one) else {
            return Ok(OwnLinks::default());
        };
        let token = tx.links().of_lead(message.lead, now).await?;
        let token = token.as_str();
        Ok(OwnLinks {
            to_chat: base.to_chat(token),
            to_chat_kept: base.to_chat(NOBODYS),
            to_leave: Some(base.to_leave(token)),
            is_safe: base.is_safe(),
        })
    }
}

/// For their calendar.
fn invitation(message: &Message, id: AppointmentId, slot: Slot, now: DateTime<Utc>) -> Attachment {
    let Message { shop_name, shop_postal_address, shop_phone, .. } = message;
    let entry = CalendarEntry {
        id,
        slot,
        is_called_off: message.template == CALLED_OFF,
        title: shop_name,
        place: shop_postal_address,
        notes: &domain::as_people_read(shop_phone),
    };
    Attachment { name: "appointment.ics", media_type: "text/calendar", content: entry.file(now) }
}

/// Whether they wrote by this channel within a day.
async fn is_talking(tx: &mut Transaction, message: &Message, wall: DateTime<Utc>) -> Result<bool, Failure> {
    let Some(phone) = &message.recipient.phone else { return Ok(false) };
    let heard_at = tx.replies().heard_at(message.channel, phone.as_str()).await?;
    Ok(heard_at.is_some_and(|at| wall < at + CONVERSATION - MARGIN))
}

fn words(template: &Template) -> Words<'_> {
    Words { name: &template.name, subject: template.subject.as_deref(), body: &template.body }
}

fn known<'a>(message: &'a Message, language: Language, chat_link: &'a str) -> Known<'a> {
    let Recipient { first_name, vehicle, service, total_cents, .. } = &message.recipient;
    let asked = Asked { first_name: first_name.as_deref(), vehicle, service, total_cents: *total_cents };
    let shop = Shop {
        name: &message.shop_name,
        phone: &message.shop_phone,
        postal_address: &message.shop_postal_address,
        hours: &message.shop_hours,
    };
    Known::new(language, asked, shop, chat_link)
}
