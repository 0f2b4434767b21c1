//! One lead's way through all stages, told after the fact.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use domain::{Channel, LeadId};
use sim::{
    Event,
    play::{Kind, Scene},
};

use crate::demo::{Site, check};

/// The story of a customer who got a text and waited as long as most, and of one who got an email. Times are from the journal of the
/// vendors, counted from the webhook.
pub(super) async fn tell(site: &Site, scenes: &[Scene], p50_ms: f64) -> anyhow::Result<String> {
    let mut story = String::new();
    let entries = site.sim.world.journal.entries();
    for (kind, channel) in [(Kind::Texted, Channel::Sms), (Kind::Emailed, Channel::Email)] {
        let Some(scene) = check::typical(scenes, kind, &entries, p50_ms) else {
            continue;
        };
        story.push_str(&walk(site, scene, channel).await?);
    }
    Ok(story)
}

async fn walk(site: &Site, scene: &Scene, channel: Channel) -> anyhow::Result<String> {
    let quote = &scene.quote;
    let entries = site.sim.world.journal.entries();
    let when =
        |wanted: &dyn Fn(&Event) -> bool| entries.iter().find(|entry| wanted(&entry.event)).map(|entry| entry.at);
    let asked = when(&|event| matches!(event, Event::WebhookSent { order, .. } if *order == quote.order_id));
    let answered = when(&|event| matches!(event, Event::WebhookAnswered { order, .. } if *order == quote.order_id));
    let taken = when(&|event| match event {
        Event::Text { to, .. } => quote.phone.as_ref() == Some(to),
        Event::Email { to, .. } => quote.email.as_ref() == Some(to),
        _ => false,
    });
    let words = entries.iter().find_map(|entry| match &entry.event {
        Event::Text { to, body, .. } if quote.phone.as_ref() == Some(to) => Some(body.clone()),
        Event::Email { to, subject, .. } if quote.email.as_ref() == Some(to) => Some(subject.clone()),
        _ => None,
    });
    let id = LeadId::of_order(site.franchise.tenant, domain::CrmName::Shopmonkey.as_str(), &quote.order_id);
    let mut tx = site.store.begin(site.franchise.tenant).await?;
    let lead = tx.leads().lookup(id).await?;
    let plan = tx.messages().list(id).await?;

    let since = |at: Option<DateTime<Utc>>| match (asked, at) {
        (Some(asked), Some(at)) => format!("{:>6} ms", (at - asked).num_milliseconds()),
        _ => "   not yet".to_owned(),
    };
    let mut story =
        format!("\n  {} asks for \"{}\"\n", quote.first_name.as_deref().unwrap_or("A customer"), quote.name);
    let mut line = |time: &str, what: &str| {
        let _ = writeln!(story, "  {time:>10}  {what}");
    };
    line(&since(asked), "the CRM sends a signed webhook");
    line(&since(answered), "ingest has it on disk in JetStream and says so");
    if let Some(lead) = &lead {
        line("", &format!("enrich judges it a lead ({id}), now {}", lead.status.as_str().replace('_', " ")));
    }
    let ahead = plan.iter().filter(|message| message.state.is_open()).count();
    line("", &format!("schedule plans {} touches; {ahead} are still ahead", plan.len()));
    let carrier = match channel {
        Channel::Sms => "Twilio has the text",
        Channel::Email => "SendGrid has the email",
        Channel::Whatsapp => "WhatsApp has the message",
    };
    line(&since(taken), &format!("notify sends: {carrier}: {:?}", words.unwrap_or_default()));
    if let Some(first) = plan.first() {
        line("", &format!("the receipt says: {}", first.state.as_str()));
    }
    Ok(story)
}
