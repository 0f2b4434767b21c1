//! Somebody of the staff is told: at least once, because one alert too many is better than none.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use domain::{AttemptId, ErrorClass, StaffChannel};
use events::{AlertRaised, Stream};
use stage::{Context, Failure, Stage, Step};
use store::Alert;
use tracing::{info, warn};

use crate::{
    Config,
    carrier::{Answer, Letter},
    tenants::Tenants,
};

/// An alert that its vendor has not taken by then is given up: whoever it was for hears of the lead in another way by now, or never.
const GIVEN_UP_AFTER: TimeDelta = TimeDelta::days(1);
/// A vendor that refuses may be mended by an operator.
const AN_OPERATORS_MINUTE: Duration = Duration::from_secs(60);
const LONGEST_DELAY: Duration = Duration::from_secs(300);

pub(crate) struct TellStaff {
    pub(crate) config: Arc<Config>,
    pub(crate) tenants: Arc<Tenants>,
}

impl Stage for TellStaff {
    const NAME: &'static str = "notify-alerts";
    const STREAM: Stream = Stream::Messages;
    type Input = AlertRaised;

    async fn handle(&self, cx: &Context, raised: AlertRaised) -> Result<(), Failure> {
        let AlertRaised { tenant, alert: id, attempts } = raised;
        let mut tx = cx.begin(tenant).await?;
        let lease_until = cx.clock().in_wall(self.config.claim_lease);
        // A repeat finds it taken in hand.
        let Some(alert) = tx.alerts().start(id, attempts, lease_until).await? else { return Ok(()) };
        let chosen = self.tenants.find(&mut tx).await?;
        let over = if alert.is_over {
            Some(("obsolete", "taken_or_answered"))
        } else if cx.now() - alert.raised_at > GIVEN_UP_AFTER {
            Some(("failed", "too_late"))
        } else if !self.may_go_to(&alert) {
            Some(("failed", "safe_mode"))
        } else {
            None
        };
        if let Some((state, reason)) = over {
            tx.alerts().finish(id, state, None, Some(reason), cx.now()).await?;
            cx.commit(tx).await?;
            info!(alert.id = %id, "not told: {reason}");
            return Ok(());
        }
        cx.commit(tx).await?;

        let answer = chosen.tell(alert.channel, &letter(&alert)).await;
        let answer =
            answer.unwrap_or_else(|| Answer::Refused { code: "no_credentials".to_owned(), class: ErrorClass::Message });
        cx.checkpoint(Step::AfterCall).await;
        let word = match &answer {
            Answer::Accepted { .. } => "accepted",
            Answer::Refused { .. } => "refused",
            Answer::NotProcessed { .. } | Answer::Ambiguous { .. } => "again",
        };
        metrics::counter!("notify_alerts_total", "channel" => alert.channel.as_str(), "answer" => word).increment(1);

        let mut tx = cx.begin(tenant).await?;
        match answer {
            Answer::Accepted { provider_id } => {
                tx.alerts().finish(id, "sent", Some(&provider_id), None, cx.now()).await?;
                info!(alert.id = %id, lead.id = %alert.lead, "told by {}", alert.channel.as_str());
            }
            Answer::Refused { code, .. } => {
                tx.alerts().put_off(id, cx.clock().in_wall(self.later(&alert).max(AN_OPERATORS_MINUTE)), &code).await?;
                warn!(alert.id = %id, code, "{} refuses an alert to the staff; it is tried again", alert.channel.as_str());
            }
            Answer::NotProcessed { code, retry_after } => {
                let delay = self.later(&alert).max(retry_after.unwrap_or_default());
                tx.alerts().put_off(id, cx.clock().in_wall(delay), &code).await?;
            }
            Answer::Ambiguous { why } => {
                tx.alerts().put_off(id, cx.clock().in_wall(self.later(&alert)), &why).await?;
            }
        }
        cx.commit(tx).await
    }
}

impl TellStaff {
    /// Twice as long with each attempt.
    fn later(&self, alert: &Alert) -> Duration {
        let doubled = self.config.retry_delay.saturating_mul(1 << alert.attempts.saturating_sub(1).min(12));
        doubled.min(LONGEST_DELAY)
    }

    /// What goes to a telephone or a mailbox goes to those that the operator has listed.
    fn may_go_to(&self, alert: &Alert) -> bool {
        match alert.channel {
            StaffChannel::Sms | StaffChannel::Email => self.config.safe_mode.allows(&alert.address),
            StaffChannel::Slack | StaffChannel::Telegram => true,
        }
    }
}

fn letter(alert: &Alert) -> Letter {
    // So that two of them are told apart, and one that comes twice is not taken for two.
    let short = &alert.id.to_string()[..8];
    Letter {
        reports: false,
        to: alert.address.clone(),
        subject: Some("A lead needs a person".to_owned()),
        body: format!("{} [{short}]", alert.body),
        ..Letter::plain(AttemptId::new(alert.id.uuid()))
    }
}
