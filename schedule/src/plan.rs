//! A lead came in: its touches become rows, and what is due at once is released at once.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Cadence, MessageId, SlaTimes};
use events::{LeadEnriched, LeadPlanned, MessageAwaited, Stream};
use stage::{Context, Failure, Stage};
use store::{LeadToPlan, NewTouch};
use tracing::info;

const OLD_NEWS: TimeDelta = TimeDelta::days(1);

pub(crate) struct Plan {
    pub(crate) lease: Duration,
}

impl Stage for Plan {
    const NAME: &'static str = "schedule";
    const STREAM: Stream = Stream::Leads;
    type Input = LeadEnriched;

    async fn handle(&self, cx: &Context, event: LeadEnriched) -> Result<(), Failure> {
        let LeadEnriched { tenant, lead: id, .. } = event;
        let now = cx.now();
        let Some(found) = cx.once(tenant).lookup_lead_to_plan(id).await? else {
            return Ok(());
        };
        let lead = &found.lead;
        let fresh = lead.planned_at.is_none() && lead.stop_reason.is_none() && lead.status.is_followed_up();
        let touches = if fresh { self.touches(cx, &found, now) } else { Vec::new() };
        let sla = if fresh { clock(&found, now) } else { None };
        let is_planned_now = if let Some(gives_up_at) = Cadence::gives_up_at(touches.iter().map(|new| &new.touch)) {
            cx.at_once(cx.once(tenant).plan_touches(id, &touches, gives_up_at, sla, &found.chosen, now)).await?
        } else {
            // Nobody to write to yet: the next version of the order or of its customer may bring a number, and is planned then.
            // Until then a person has to find out how they can be reached.
            if let Some((asked_at, times)) = sla {
                cx.at_once(cx.once(tenant).start_sla(id, asked_at, times)).await?;
            }
            false
        };
        let (due, planned) = if is_planned_now {
            let due = touches.iter().filter(|new| new.touch.due_at <= now);
            (due.map(|new| (new.id, new.touch.due_at)).collect(), touches.len())
        } else {
            // A repeat finds the rows there and announces again what an earlier delivery may not have said.
            let mut tx = cx.begin(tenant).await?;
            let planned = if cx.deliveries() > 1 { tx.messages().count(id).await? } else { 0 };
            (tx.messages().list_due(id, now).await?, usize::from(planned))
        };

        for (message, release) in due {
            cx.announce(&MessageAwaited { tenant, message, release }).await?;
        }
        if planned > 0 {
            info!(lead.id = %id, "planned {planned} touches");
            cx.announce(&LeadPlanned { tenant, lead: id, touches: u16::try_from(planned).unwrap_or(u16::MAX) }).await?;
        }
        Ok(())
    }
}

/// Since when a person's answer is waited for, and until when.
fn clock(found: &LeadToPlan, now: DateTime<Utc>) -> Option<(DateTime<Utc>, SlaTimes)> {
    let LeadToPlan { lead, heat, shop, settings, .. } = found;
    // What was asked for longer ago is new to the shop now.
    let asked_at = if now - lead.created_at < OLD_NEWS { lead.created_at } else { now };
    Some((asked_at, settings.sla.times(*heat, asked_at, shop)?))
}

impl Plan {
    fn touches(&self, cx: &Context, found: &LeadToPlan, now: DateTime<Utc>) -> Vec<NewTouch> {
        let touches = found.plan(now);
        // An email that goes before a text is the same step by another channel.
        let goes_before: Vec<_> = touches.windows(2).map(|pair| pair[0].step == pair[1].step).chain([false]).collect();
        let lead = found.lead.id;
        touches
            .into_iter()
            .zip(goes_before)
            .map(|(touch, goes_before)| NewTouch {
                id: if goes_before {
                    MessageId::of_step_by(lead, touch.step, touch.channel)
                } else {
                    MessageId::of_step(lead, touch.step)
                },
                // What is due now is announced at once; its row comes up by itself only if that fails.
                release_at: if touch.due_at <= now { cx.clock().in_wall(self.lease) } else { touch.due_at },
                touch,
            })
            .collect()
    }
}
