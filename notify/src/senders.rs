//! Turns at the senders: of each no more than the carriers take, over all replicas, and the first answers ahead of the rest.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Days, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::America::Los_Angeles;
use domain::{Channel, MessageId, Rate, SenderLimits};
use limits::{ComeBackAfter, Limiter};

/// A line that is longer is not joined: whoever comes back later finds it shorter. So long, too, may first answers make a sender send
/// at twice its rate, because places that were given away are not taken back; the vendor queues what is too much.
const LONGEST_LINE: Duration = Duration::from_secs(120);
/// A place in a line is kept for whoever comes a little late.
const KEPT_FOR: TimeDelta = TimeDelta::seconds(120);
/// Whoever waits for the next day does not come at midnight with everybody else.
const SPREAD: Duration = Duration::from_secs(600);
const SPREAD_OF_AN_OUTAGE: Duration = Duration::from_secs(5);

/// The reason by which a message is known to have a place in the line.
const ITS_TURN: &str = "senders_turn";
pub(crate) const DAY_IS_FULL: &str = "senders_day_is_full";

pub(crate) struct Senders {
    limiter: Arc<Limiter>,
}

/// What wants to leave, and by whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leaving<'a> {
    pub(crate) message: MessageId,
    pub(crate) channel: Channel,
    pub(crate) vendor: &'a str,
    /// Which one, among all accounts.
    pub(crate) sender: &'a str,
    /// Of a text.
    pub(crate) segments: u16,
    pub(crate) is_first: bool,
    /// What it was put off for, and until when.
    pub(crate) waited: Option<(&'a str, DateTime<Utc>)>,
}

/// It is not its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotYet {
    pub(crate) after: Duration,
    pub(crate) reason: &'static str,
}

impl NotYet {
    pub(crate) fn until_vendor_is_back(away_for: Duration, message: MessageId) -> Self {
        Self { after: away_for + share(message, SPREAD_OF_AN_OUTAGE), reason: "vendor_away" }
    }
}

impl Senders {
    pub(crate) fn new(limiter: Arc<Limiter>) -> Self {
        Self { limiter }
    }

    /// Takes a place in the sender's line, or has one. With Redis away everything passes: its vendor queues what is too much.
    /// `now`: by the clock of whoever released it.
    pub(crate) async fn turn(
        &self,
        limits: &SenderLimits,
        leaving: Leaving<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), NotYet> {
        let (rate, turns) = match leaving.channel {
            Channel::Sms => (limits.text_segments_per_second, u32::from(leaving.segments)),
            Channel::Email => (limits.emails_per_second, 1),
            Channel::Whatsapp => (limits.whatsapp_per_second, 1),
        };
        let has_place = |(reason, at)| reason == ITS_TURN && at <= now && now - at < KEPT_FOR;
        match rate {
            Some(rate) if !leaving.waited.is_some_and(has_place) => self.join(rate, turns, leaving).await,
            _ => Ok(()),
        }
    }

    /// Spends what it takes of the carriers' day. A fifth of it is left to first answers.
    pub(crate) async fn spend(
        &self,
        limits: &SenderLimits,
        leaving: Leaving<'_>,
        wall: DateTime<Utc>,
    ) -> Result<(), NotYet> {
        let Some(most) = limits.text_segments_per_day.filter(|_| leaving.channel == Channel::Sms) else {
            return Ok(());
        };
        let most = u32::from(most);
        let most = if leaving.is_first { most } else { most - most / 5 };
        let (day, left) = day_of(leaving, wall);
        match self.limiter.spend(&day, leaving.segments.into(), most, left).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(NotYet { after: left + share(leaving.message, SPREAD), reason: DAY_IS_FULL }),
            Err(error) => {
                note(&error);
                Ok(())
            }
        }
    }

    /// It did not leave after all.
    pub(crate) async fn give_back(&self, limits: &SenderLimits, leaving: Leaving<'_>, wall: DateTime<Utc>) {
        if limits.text_segments_per_day.is_none() || leaving.channel != Channel::Sms {
            return;
        }
        let (day, left) = day_of(leaving, wall);
        if let Err(error) = self.limiter.spend(&day, -i64::from(leaving.segments), u32::MAX, left).await {
            note(&error);
        }
    }

    async fn join(&self, rate: Rate, turns: u32, leaving: Leaving<'_>) -> Result<(), NotYet> {
        let per_second = f64::from(rate);
        // In braces, because a script may touch only keys of one part of a shared Redis.
        let line = format!("sender:{{{}}}", leaving.sender);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0.01 to 1000")]
        let burst = per_second.ceil() as u32;
        let taken = if leaving.is_first {
            let ahead = format!("{line}:first");
            let taken = self.limiter.take(&ahead, per_second, burst, turns, LONGEST_LINE).await;
            if matches!(taken, Ok(Ok(_))) {
                // Whoever is in the other line lets it pass.
                let _ = self.limiter.take(&line, per_second, burst, turns, Duration::MAX).await;
            }
            taken
        } else {
            self.limiter.take(&line, per_second, burst, turns, LONGEST_LINE).await
        };
        match taken {
            Ok(Ok(wait)) if wait.is_zero() => Ok(()),
            Ok(Ok(wait)) => Err(NotYet { after: wait, reason: ITS_TURN }),
            Ok(Err(ComeBackAfter(wait))) => {
                Err(NotYet { after: wait + share(leaving.message, wait), reason: "senders_line_is_long" })
            }
            Err(error) => {
                note(&error);
                Ok(())
            }
        }
    }
}

/// The carriers' day in which it leaves, and how much is left of that.
fn day_of(leaving: Leaving<'_>, wall: DateTime<Utc>) -> (String, Duration) {
    let local = wall.with_timezone(&Los_Angeles);
    let tomorrow = (local.date_naive() + Days::new(1)).and_time(NaiveTime::MIN);
    let tomorrow = Los_Angeles.from_local_datetime(&tomorrow).earliest().map_or(wall, |at| at.to_utc());
    (format!("{{{}}}:{}", leaving.sender, local.date_naive()), (tomorrow - wall).to_std().unwrap_or_default())
}

fn note(error: &limits::Error) {
    metrics::counter!("limits_unavailable_total").increment(1);
    tracing::warn!(error = service::telemetry::causes(error), "Redis is away; messages leave without turns");
}

/// A part of `whole`, another one for each message, so that they do not all come at once.
fn share(message: MessageId, whole: Duration) -> Duration {
    let part = message.uuid().as_u128() % 1_000;
    whole.mul_f64(u32::try_from(part).map_or(0.5, f64::from) / 1_000.0)
}
