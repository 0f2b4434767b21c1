//! An attempt whose end nobody wrote down: ask the vendor, and send again only when it certainly never had it.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::{Channel, MessageState, TaskId};
use events::Outcome;
use stage::{Context, Failure};
use store::{Attempt, AttemptOutcome, Message, NewTask, Transaction};
use tracing::{info, warn};

use crate::{
    Config,
    carrier::{Letter, Trace},
    send::announce,
    tenants::Tenants,
    write::as_it_left,
};

/// Why a message has failed that may have arrived.
const NOBODY_KNOWS: &str = "nobody_knows";
/// A lead whose message may not have come is called within this.
const ASKED_WITHIN: TimeDelta = TimeDelta::hours(1);

pub(crate) struct FindOut {
    pub(crate) config: Arc<Config>,
    pub(crate) tenants: Arc<Tenants>,
}

impl FindOut {
    pub(crate) async fn ask(&self, cx: &Context, mut tx: Transaction, message: &Message) -> Result<(), Failure> {
        let tenant = tx.tenant();
        let Some(attempt) = tx.attempts().find_open(message.id).await? else {
            // Claimed without an open attempt: its end was recorded a moment ago, by whoever holds it.
            return Ok(());
        };
        let age = (cx.clock().wall() - attempt.started_at).to_std().unwrap_or_default();
        let is_out = message.state == MessageState::Claimed && age < self.config.claim_lease;
        if is_out {
            // Somebody is talking to the vendor right now; the row comes up again when the lease ends.
            return Ok(());
        }
        let chosen = self.tenants.find(&mut tx).await?;
        let Some(carrier) = chosen.carrier(attempt.channel) else {
            let later = cx.clock().in_wall(std::time::Duration::from_secs(60));
            tx.messages().set_unknown(message.id, later, "no_credentials").await?;
            return cx.commit(tx).await;
        };
        tx.messages().set_unknown(message.id, self.next_question(cx, &attempt), "looking_up").await?;
        tx.attempts().count_lookup(attempt.id).await?;
        let body = as_it_left(&mut tx, &self.config, &chosen, message, &attempt.body, cx.now()).await?;
        cx.commit(tx).await?;

        let letter = Letter { to: attempt.recipient.clone(), body, ..Letter::plain(attempt.id) };
        let traces = match carrier.look_up(&letter, attempt.started_at).await {
            Ok(traces) => traces,
            Err(error) => {
                warn!(message.id = %message.id, error = service::telemetry::causes(&error), "the vendor could not be asked");
                // No answer is not a no: this question does not count.
                return self.put_question_back(cx, tenant, message, &attempt).await;
            }
        };

        let mut tx = cx.begin(tenant).await?;
        // Before its attempt, as everybody takes them.
        tx.messages().reserve(message.id).await?;
        match ours(&mut tx, attempt.channel, traces).await? {
            Some(trace) => {
                tx.attempts().accept(attempt.id, message.id, &trace.provider_id, cx.now()).await?;
                cx.commit(tx).await?;
                metrics::counter!("notify_duplicates_avoided_total").increment(1);
                info!(message.id = %message.id, "the vendor has the message; it is not sent again");
                announce(cx, tenant, message.lead, message.id, Outcome::Sent).await
            }
            None if attempt.lookups as usize + 1 < self.config.lookups.len() => Ok(()),
            None if carrier.knows_what_it_sent() => {
                // Asked often enough, over long enough. Only the one who closes the attempt may plan another.
                if tx.attempts().settle(attempt.id, AttemptOutcome::NotFound).await? {
                    tx.messages().put_off(message.id, cx.now(), "vendor_never_had_it").await?;
                    info!(message.id = %message.id, "the vendor never had the message; it is planned again");
                }
                cx.commit(tx).await
            }
            None => self.leave_to_staff(cx, tx, message, &attempt).await,
        }
    }

    /// Nobody can tell whether they have it, and the same message twice is worse than one that a person makes up for. A receipt that comes
    /// late still finds its attempt.
    async fn leave_to_staff(
        &self,
        cx: &Context,
        mut tx: Transaction,
        message: &Message,
        attempt: &Attempt,
    ) -> Result<(), Failure> {
        let tenant = tx.tenant();
        // A receipt has settled it meanwhile.
        if !tx.attempts().settle(attempt.id, AttemptOutcome::Lost).await? {
            return Ok(());
        }
        tx.messages().finish(message.id, MessageState::Failed, Some(NOBODY_KNOWS), cx.now()).await?;
        let is_over = message.stopped && !message.is_answer();
        let may_be_called = !(message.is_confirmation() || is_over || message.suppressed);
        if may_be_called {
            let task = NewTask {
                id: TaskId::of_unknown(message.id),
                lead: message.lead,
                title: "Ask whether they got our message: the vendor does not say",
                due_at: cx.now() + ASKED_WITHIN,
                assignee: None,
                created_by: "unknown outcome",
            };
            tx.tasks().add(&task, cx.now()).await?;
        }
        cx.commit(tx).await?;
        warn!(message.id = %message.id, "nobody knows whether they got it; it is not sent again, and the staff asks");
        announce(cx, tenant, message.lead, message.id, Outcome::Failed).await
    }

    fn next_question(&self, cx: &Context, attempt: &Attempt) -> chrono::DateTime<chrono::Utc> {
        let lookups = &self.config.lookups;
        let next = (attempt.lookups as usize + 1).min(lookups.len() - 1);
        cx.clock().in_wall(lookups[next])
    }

    async fn put_question_back(
        &self,
        cx: &Context,
        tenant: domain::TenantId,
        message: &Message,
        attempt: &Attempt,
    ) -> Result<(), Failure> {
        let mut tx = cx.begin(tenant).await?;
        tx.messages().reserve(message.id).await?;
        tx.attempts().uncount_lookup(attempt.id).await?;
        tx.messages().set_unknown(message.id, self.next_question(cx, attempt), "vendor_not_reachable").await?;
        cx.commit(tx).await
    }
}

/// The first trace that no other attempt of ours accounts for: a customer may have got the same words before.
async fn ours(tx: &mut Transaction, channel: Channel, traces: Vec<Trace>) -> Result<Option<Trace>, Failure> {
    let ids: Vec<_> = traces.iter().map(|trace| trace.provider_id.clone()).collect();
    let known = tx.attempts().list_known(channel, &ids).await?;
    Ok(traces.into_iter().find(|trace| !known.contains(&trace.provider_id)))
}
