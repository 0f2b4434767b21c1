//! Webhooks on their way: at least once, unordered, and repeated until somebody takes them.

use std::{sync::Arc, time::Duration};

use reqwest::RequestBuilder;
use serde::{Deserialize, Serialize};

use crate::{Event, world::World};

/// How one event is delivered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manners {
    /// Delivered this many times more, as if the first answer had been lost.
    pub duplicates: u32,
    /// Held back, so that later events overtake it.
    pub delay_ms: u64,
    /// Signed with another secret. Sent once.
    pub bad_signature: bool,
    /// Signed an hour ago. Sent once.
    pub stale: bool,
    /// Never sent.
    pub lost: bool,
}

const MOST_ATTEMPTS: u32 = 40;

/// One event, on its way to one receiver.
pub(crate) struct Delivery<Address> {
    /// What it is about, for the journal.
    pub(crate) order: String,
    pub(crate) table: String,
    pub(crate) body: String,
    pub(crate) manners: Manners,
    /// Makes a request of the body, for one attempt.
    pub(crate) address: Address,
}

impl<Address: Fn(&reqwest::Client, &str, u32) -> Option<RequestBuilder> + Send + Sync + 'static> Delivery<Address> {
    /// Sends it in the background, as often as its manners say.
    pub(crate) fn start(self, world: &Arc<World>) {
        if self.manners.lost {
            return;
        }
        let delivery = Arc::new(self);
        for copy in 0..=delivery.manners.duplicates {
            tokio::spawn(delivery.clone().deliver(world.clone(), copy));
        }
    }

    async fn deliver(self: Arc<Self>, world: Arc<World>, copy: u32) {
        let delay_ms = self.manners.delay_ms + u64::from(copy) * 7;
        if delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        }
        let what = match self.manners {
            Manners { bad_signature: true, .. } => "bad_signature",
            Manners { stale: true, .. } => "stale",
            _ if copy > 0 => "duplicate",
            _ => "first",
        };
        let (order, table) = (self.order.clone(), self.table.clone());
        world.journal.write(Event::WebhookSent { order, table, what: what.into() });
        for attempt in 1..=MOST_ATTEMPTS {
            let Some(request) = (self.address)(&world.http, &self.body, attempt) else { return };
            let sent = request.header("x-request-id", &self.order).body(self.body.clone()).send().await;
            // 0: there was no answer.
            let status = sent.map_or(0, |response| response.status().as_u16());
            let order = self.order.clone();
            world.journal.write(Event::WebhookAnswered { order, status, attempt, what: what.into() });
            if (200..300).contains(&status) || self.manners.bad_signature || self.manners.stale {
                return;
            }
            tokio::time::sleep(Duration::from_millis((100_u64 << attempt.min(5)).min(2_000))).await;
        }
    }
}
