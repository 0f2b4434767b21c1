//! A message's time has come: send it, once, if it may be sent.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::anyhow;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    AttemptId, BOOKED, Channel, ErrorClass, LeadId, MessageId, MessageState, Segments, SenderLimits, StopReason,
    TaskId, TenantId, WithheldReason,
};
use events::{MessageAwaited, MessageDue, MessageOutcome, Outcome, Stream};
use stage::{Context, Failure, Stage, Step};
use store::{AttemptOutcome, Message, NewAttempt, NewTask, Started, Transaction};
use tracing::{Instrument as _, info, info_span, warn};

use crate::{
    Config,
    breaker::{Breakers, MayCall},
    carrier::{Answer, Carrier, Letter},
    decide::{Chosen, Decision, Stay, decide, other_address, valid_for},
    fall_back,
    find_out::FindOut,
    recorded::Recorded,
    senders::{DAY_IS_FULL, Leaving, NotYet, Senders},
    tenants::{Tenant, Tenants},
    write::Writer,
};

/// How far the clock of whoever released a message may be ahead of ours and is still believed.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// For which a message waits while another to the same person is on its way. Wall time.
const A_MOMENT: Duration = Duration::from_secs(2);

const SAME_WORDS_APART: TimeDelta = TimeDelta::hours(24);
/// Of leads that are one, or were: as long as any follow-up.
const SAME_WORDS_OF_ONE_APART: TimeDelta = TimeDelta::days(366);

pub(crate) struct Send {
    pub(crate) config: Arc<Config>,
    pub(crate) tenants: Arc<Tenants>,
    pub(crate) writer: Writer,
    pub(crate) find_out: FindOut,
    pub(crate) recorded: Recorded,
    pub(crate) senders: Senders,
    pub(crate) breakers: Breakers,
}

/// Whatever is due.
pub(crate) struct SendDue(pub(crate) Arc<Send>);

impl Stage for SendDue {
    const NAME: &'static str = "notify";
    const STREAM: Stream = Stream::Messages;
    type Input = MessageDue;

    async fn handle(&self, cx: &Context, due: MessageDue) -> Result<(), Failure> {
        self.0.take(cx, &due).await
    }
}

/// The first answer to somebody who asked a moment ago.
pub(crate) struct SendAwaited(pub(crate) Arc<Send>);

impl Stage for SendAwaited {
    const NAME: &'static str = "notify-awaited";
    const STREAM: Stream = Stream::Messages;
    type Input = MessageAwaited;

    async fn handle(&self, cx: &Context, awaited: MessageAwaited) -> Result<(), Failure> {
        self.0.take(cx, &awaited.into()).await
    }
}

impl Send {
    async fn take(&self, cx: &Context, due: &MessageDue) -> Result<(), Failure> {
        match self.look_at(cx, due).await {
            // Until somebody mends it, this tenant's messages are nobody else's burden: the row comes up again by itself, ever
            // more seldom, and a message in hand would be one of the few that the consumer may have.
            Err(Failure::Retry { cause, .. }) if cause.downcast_ref().is_some_and(store::Error::is_set_up) => {
                warn!(message.id = %due.message, error = format!("{cause:#}"), "waits until the tenant's set-up is mended");
                Ok(())
            }
            outcome => outcome,
        }
    }

    async fn look_at(&self, cx: &Context, due: &MessageDue) -> Result<(), Failure> {
        let mut tx = cx.begin(due.tenant).await?;
        let Some(message) = tx.messages().lock(due.message, cx.now()).await? else {
            return Err(Failure::reject(anyhow!("there is no message {}", due.message)));
        };
        // Whoever released it had a clock too: if ours is behind theirs, its time has come all the same.
        let theirs = cx.now().max(due.release.min(cx.now() + CLOCK_SKEW));
        match message.state {
            MessageState::Planned if message.due_at <= theirs && is_overtaken(&mut tx, &message).await? => {
                tx.messages().cancel(message.id, "overtaken", cx.now()).await?;
                cx.commit(tx).await
            }
            MessageState::Planned if message.due_at <= theirs => self.send(cx, tx, message, theirs).await,
            // Put off since it was released; it comes up again at its new time.
            MessageState::Planned => Ok(()),
            // The question is not due yet: this is an earlier event that was waiting, or whoever released it has a fast clock, by
            // which all questions would be asked at once. The row comes up again.
            MessageState::Unknown if message.due_at > cx.now() => Ok(()),
            MessageState::Claimed | MessageState::Unknown => self.find_out.ask(cx, tx, &message).await,
            // A repeat: the work is done, only the announcement may be missing.
            MessageState::Sent | MessageState::Delivered => {
                announce(cx, due.tenant, message.lead, message.id, Outcome::Sent).await
            }
            MessageState::Failed => announce(cx, due.tenant, message.lead, message.id, Outcome::Failed).await,
            MessageState::Withheld => announce(cx, due.tenant, message.lead, message.id, Outcome::Withheld).await,
            MessageState::Cancelled => Ok(()),
        }
    }

    async fn send(
        &self,
        cx: &Context,
        mut tx: Transaction,
        message: Message,
        theirs: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let tenant = tx.tenant();
        let chosen = self.tenants.find(&mut tx).await?;
        let rules = Chosen {
            channels: &chosen.channels,
            window: chosen.legal_window,
            own: &chosen.sending,
            safe_mode: &self.config.safe_mode,
        };
        let decision = decide(&message, rules, cx.now());
        let address = match decision {
            Decision::Send(address) => Some(address),
            Decision::Rehearse => None,
            Decision::Stay(stay) => return self.stay(cx, tx, &message, stay, theirs).await,
        };
        let written = match self.writer.write(&mut tx, &chosen, &message, cx.now(), cx.clock().wall()).await? {
            Ok(written) => written,
            Err(reason) => return self.withhold(cx, tx, &message, reason).await,
        };
        let Some(address) = address else {
            return self.withhold(cx, tx, &message, WithheldReason::Rehearsal).await;
        };
        // What answers them is about one appointment, whatever was said of another.
        let may_repeat = message.was_merged && message.is_of_follow_up();
        if may_repeat && tx.messages().was_said_by_another(message.lead, &message.template, &address).await? {
            return self.withhold(cx, tx, &message, WithheldReason::AlreadySaid).await;
        }
        let Some(carrier) = chosen.carrier(message.channel) else {
            if message.fallbacks.iter().any(|other| chosen.carrier(*other).is_some()) {
                return self.withhold(cx, tx, &message, WithheldReason::NoCredentials).await;
            }
            // Whoever sets the tenant up adds them; until then its messages are nobody else's burden.
            let later = cx.clock().in_wall(std::time::Duration::from_secs(60));
            tx.messages().put_off(message.id, later, "no_credentials").await?;
            warn!(message.id = %message.id, "the tenant has no credentials for {}", message.channel.as_str());
            return cx.commit(tx).await;
        };

        let number = message.attempts + 1;
        let attempt = AttemptId::of_message(message.id, number);
        let valid_for = valid_for(&message, rules, cx.now());
        let letter = Letter {
            valid_for,
            to: address,
            sender: message.text_sender.clone().filter(|_| message.channel == Channel::Sms),
            unsubscribe: written.unsubscribe,
            subject: written.subject,
            body: written.text,
            html: written.html,
            approved: written.approved,
            attachment: written.attachment,
            ..Letter::plain(attempt)
        };
        let sender = carrier.sender(letter.sender.as_ref());
        let leaving = Leaving {
            message: message.id,
            channel: message.channel,
            vendor: carrier.vendor(),
            sender: &sender,
            segments: if message.channel == Channel::Sms { Segments::of(&letter.body).count } else { 1 },
            is_first: message.is_first,
            waited: message.reason.as_deref().map(|reason| (reason, message.due_at)),
        };
        if let Err(NotYet { after, reason }) = self.turn(&chosen.senders, leaving, theirs).await {
            tx.messages().put_off(message.id, cx.clock().in_wall(after), reason).await?;
            info!(message.id = %message.id, reason, "waits for its turn, {after:?}");
            return cx.commit(tx).await;
        }
        let started_at = cx.clock().wall();
        let other_address = other_address(&message);
        let new = NewAttempt {
            id: attempt,
            message: message.id,
            number,
            channel: message.channel,
            recipient: &letter.to,
            body: &written.body,
            started_at,
            other_address: other_address.as_deref(),
            most_in_24h: if message.is_of_follow_up() { chosen.sending.most_in_24h } else { u16::MAX },
            business_now: cx.now(),
            quiet_since: (message.is_of_follow_up() && !message.is_first).then(|| cx.now() - apart_of(&chosen)),
        };
        let lease_until = cx.clock().in_wall(self.config.claim_lease);
        match tx.attempts().start(&new, started_at - same_words_apart(&message), lease_until).await? {
            Started::Yes => {}
            Started::SaidAlready => return self.withhold(cx, tx, &message, WithheldReason::AlreadySaid).await,
            // Another message to this person was claimed since this one was read. Its row comes up again and is decided anew, which
            // says until when; nothing waits here until the other is known to have left.
            Started::TooMany => {
                tx.messages().put_off(message.id, cx.clock().in_wall(A_MOMENT), "too_soon").await?;
                return cx.commit(tx).await;
            }
        }
        cx.commit(tx).await?;

        // A worker that was frozen since may no longer own the message: then somebody else may be asking the vendor about it, and is
        // told that there was no call.
        let held = cx.clock().wall() - started_at;
        if held.to_std().is_ok_and(|held| held > self.config.claim_lease / 4) {
            let held = Answer::NotProcessed { code: "held_up".to_owned(), retry_after: None };
            return self.record(cx, tenant, &message, number, &letter, held).await;
        }
        let call = self.call(cx, &chosen.senders, leaving, carrier, &letter);
        let answer = call.instrument(info_span!("send", message.id = %message.id, attempt.id = %attempt)).await;
        cx.checkpoint(Step::AfterCall).await;
        self.record(cx, tenant, &message, number, &letter, answer).await
    }

    /// What becomes of a message that does not leave now.
    async fn stay(
        &self,
        cx: &Context,
        mut tx: Transaction,
        message: &Message,
        stay: Stay,
        theirs: DateTime<Utc>,
    ) -> Result<(), Failure> {
        match stay {
            // Open by the clock that released it, and a moment later by ours, which is the one that counts.
            Stay::Wait { until, .. } if until <= theirs => {
                Err(Failure::retry_after(Duration::from_secs(1), anyhow!("it may leave at {until}")))
            }
            Stay::Hold => {
                if !tx.pauses().hold(message.id).await? {
                    return Err(Failure::retry_after(A_MOMENT, anyhow!("it was resumed a moment ago")));
                }
                info!(message.id = %message.id, "is paused, and waits until somebody resumes it");
                cx.commit(tx).await
            }
            Stay::Wait { until, moves, counted_from } => {
                tx.messages().move_to(message.id, until, &moves, counted_from).await?;
                let why = moves.last().map_or("", |moved| moved.because.as_str());
                info!(message.id = %message.id, why, "waits until {until}");
                cx.commit(tx).await
            }
            Stay::Never(because) => {
                warn!(message.id = %message.id, "may not leave within two months: {because}");
                self.withhold(cx, tx, message, WithheldReason::NoLawfulTime).await
            }
            Stay::Withhold(reason) => self.withhold(cx, tx, message, reason).await,
            Stay::Cancel => {
                tx.messages().cancel(message.id, "follow_up_ended", cx.now()).await?;
                cx.commit(tx).await
            }
        }
    }

    /// Whether it is its turn: nobody is called who is away, and no sender sends more than its carriers take.
    async fn turn(&self, limits: &SenderLimits, leaving: Leaving<'_>, now: DateTime<Utc>) -> Result<(), NotYet> {
        let away_for = self.breakers.away_for(leaving.vendor, Instant::now());
        if !away_for.is_zero() {
            return Err(NotYet::until_vendor_is_back(away_for, leaving.message));
        }
        self.senders.turn(limits, leaving, now).await
    }

    /// The call itself, and what has to be decided in its own moment: who tries whether a vendor is back, and what is left of a day.
    async fn call(
        &self,
        cx: &Context,
        limits: &SenderLimits,
        leaving: Leaving<'_>,
        carrier: &dyn Carrier,
        letter: &Letter,
    ) -> Answer {
        let wall = cx.clock().wall();
        let may_leave = async {
            self.senders.spend(limits, leaving, wall).await?;
            let tried = self.breakers.may_call(leaving.vendor, Instant::now());
            let not_yet = |away_for| NotYet::until_vendor_is_back(away_for, leaving.message);
            match tried.map_err(not_yet)? {
                MayCall::Answers => Ok(()),
                MayCall::Tries if carrier.knows_what_it_sent() => Ok(()),
                // What might be lost for good is no probe.
                MayCall::Tries if carrier.answers().await => Ok(()),
                MayCall::Tries => {
                    let silence = Answer::NotProcessed { code: "unreachable".into(), retry_after: None };
                    self.breakers.note(leaving.vendor, false, &silence, Instant::now());
                    Err(not_yet(self.breakers.away_for(leaving.vendor, Instant::now())))
                }
            }
        };
        let answer = match may_leave.await {
            Ok(()) => {
                let answer = carrier.send(letter).await;
                self.breakers.note(leaving.vendor, carrier.knows_what_it_sent(), &answer, Instant::now());
                answer
            }
            Err(NotYet { after, reason }) => Answer::NotProcessed { code: reason.into(), retry_after: Some(after) },
        };
        if matches!(&answer, Answer::NotProcessed { code, .. } if code != DAY_IS_FULL) {
            self.senders.give_back(limits, leaving, wall).await;
        }
        answer
    }

    async fn withhold(
        &self,
        cx: &Context,
        mut tx: Transaction,
        message: &Message,
        reason: WithheldReason,
    ) -> Result<(), Failure> {
        let tenant = tx.tenant();
        tx.messages().withhold(message.id, reason, cx.now()).await?;
        let other =
            if reason.may_fall_back() { fall_back::plan(cx, &mut tx, message, &self.config).await? } else { None };
        if reason == WithheldReason::Template && other.is_none() {
            ask_somebody_to_write(cx, &mut tx, message).await?;
        }
        cx.commit(tx).await?;
        metrics::counter!("notify_withheld_total", "reason" => reason.as_str()).increment(1);
        info!(message.id = %message.id, lead.id = %message.lead, "withheld: {}", reason.as_str());
        fall_back::announce(cx, tenant, other).await?;
        announce(cx, tenant, message.lead, message.id, Outcome::Withheld).await
    }

    async fn record(
        &self,
        cx: &Context,
        tenant: TenantId,
        message: &Message,
        number: u32,
        letter: &Letter,
        answer: Answer,
    ) -> Result<(), Failure> {
        count(message.channel, &answer);
        match answer {
            Answer::Accepted { provider_id } => {
                let accepted = cx.once(tenant).accept(letter.attempt, message.id, &provider_id, cx.now());
                if cx.at_once(accepted).await? {
                    self.recorded.note(letter.attempt).await;
                }
                info!(message.id = %message.id, lead.id = %message.lead, "sent by {}", message.channel.as_str());
                announce(cx, tenant, message.lead, message.id, Outcome::Sent).await
            }
            Answer::Refused { code, class } => {
                let mut tx = cx.begin(tenant).await?;
                // Before its attempt, as everybody takes them.
                tx.messages().reserve(message.id).await?;
                if !tx.attempts().settle(letter.attempt, AttemptOutcome::Refused { code: &code }).await? {
                    return Ok(());
                }
                tx.messages().finish(message.id, MessageState::Failed, Some(&code), cx.now()).await?;
                let source = format!("vendor:{code}");
                match class {
                    // Who wants nothing more wants it by no channel to this address.
                    ErrorClass::OptedOut => {
                        for channel in message.channel.of_same_address() {
                            tx.replies().suppress(*channel, &letter.to, &source, cx.clock().wall()).await?;
                        }
                        tx.leads().stop(message.lead, StopReason::OptedOut, cx.now()).await?;
                    }
                    // Who cannot be reached by one channel may be by another.
                    ErrorClass::BadAddress => {
                        let wall = cx.clock().wall();
                        tx.replies().note_unreachable(message.channel, &letter.to, &source, wall).await?;
                    }
                    _ => {}
                }
                let other = fall_back::plan(cx, &mut tx, message, &self.config).await?;
                cx.commit(tx).await?;
                warn!(message.id = %message.id, code, "the vendor refuses the message");
                fall_back::announce(cx, tenant, other).await?;
                announce(cx, tenant, message.lead, message.id, Outcome::Failed).await
            }
            Answer::NotProcessed { code, retry_after } => {
                let doubled = self.config.retry_delay.saturating_mul(1 << (number - 1).min(12));
                let delay = doubled.min(std::time::Duration::from_secs(300)).max(retry_after.unwrap_or_default());
                let mut tx = cx.begin(tenant).await?;
                tx.messages().reserve(message.id).await?;
                // Settled by somebody else, who has decided what comes next.
                if !tx.attempts().settle(letter.attempt, AttemptOutcome::NotProcessed { code: &code }).await? {
                    return Ok(());
                }
                // Whoever asked a moment ago hears by another channel today.
                if code == DAY_IS_FULL && message.is_first && !message.fallbacks.is_empty() {
                    return self.withhold(cx, tx, message, WithheldReason::DayIsFull).await;
                }
                tx.messages().put_off(message.id, cx.clock().in_wall(delay), &code).await?;
                info!(message.id = %message.id, code, "the vendor did not take the message; again in {delay:?}");
                cx.commit(tx).await
            }
            Answer::Ambiguous { why } => {
                let ask_at = cx.clock().in_wall(self.config.lookups[0]);
                let mut tx = cx.begin(tenant).await?;
                tx.messages().set_unknown(message.id, ask_at, &why).await?;
                warn!(message.id = %message.id, why, "nobody knows whether the vendor took the message; asking");
                cx.commit(tx).await
            }
        }
    }
}

/// Nobody else tells the customer what our words could not say.
async fn ask_somebody_to_write(cx: &Context, tx: &mut Transaction, message: &Message) -> Result<(), Failure> {
    let task = NewTask {
        id: TaskId::of_unwritten(message.id),
        lead: message.lead,
        title: "Write to them: our words for this step cannot be said (leads template list)",
        due_at: cx.now(),
        assignee: None,
        created_by: "template",
    };
    Ok(tx.tasks().add(&task, cx.now()).await?)
}

/// Whether it would tell of an appointment that is off by now.
async fn is_overtaken(tx: &mut Transaction, message: &Message) -> Result<bool, Failure> {
    match message.about {
        Some(appointment) if message.template == BOOKED => Ok(!tx.appointments().is_booked(appointment).await?),
        _ => Ok(false),
    }
}

/// For which the same words to the same person are the same message, whichever quote they are about.
fn same_words_apart(message: &Message) -> TimeDelta {
    match (message.is_answer(), message.was_merged) {
        // Each is about one thing that they did: whoever books the same time again is told so again.
        (true, _) => TimeDelta::zero(),
        (false, true) => SAME_WORDS_OF_ONE_APART,
        (false, false) => SAME_WORDS_APART,
    }
}

fn apart_of(chosen: &Tenant) -> TimeDelta {
    TimeDelta::minutes(chosen.sending.apart_minutes.into())
}

/// Both stages of this role say what became of a message, under one name: whichever is first, it is said once.
const SPEAKER: &str = "notify";

pub(crate) async fn announce(
    cx: &Context,
    tenant: TenantId,
    lead: LeadId,
    message: MessageId,
    outcome: Outcome,
) -> Result<(), Failure> {
    let event = MessageOutcome { tenant, lead, message, outcome };
    cx.publish(&event.pack(SPEAKER, cx.now())).await
}

fn count(channel: Channel, answer: &Answer) {
    let word = match answer {
        Answer::Accepted { .. } => "accepted",
        Answer::Refused { .. } => "refused",
        Answer::NotProcessed { .. } => "not_processed",
        Answer::Ambiguous { .. } => "unknown",
    };
    metrics::counter!("notify_attempts_total", "channel" => channel.as_str(), "answer" => word).increment(1);
}
