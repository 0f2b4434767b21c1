//! Whether a message may leave now. Pure: what it needs to know is asked before.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    AddressKind, Because, CONFIRMED_WITHIN, Channel, Channels, Departure, E164, Email, Law, LegalWindow, Moved,
    OwnRules, Rules, SafeMode, Sending, WithheldReason, after_pauses,
};
use store::{Message, Recipient};

/// After what somebody did an answer to it is one at any hour.
const AT_ONCE: TimeDelta = TimeDelta::minutes(15);

/// Of Twilio's, which throws a text away that it has not sent by then.
const LONGEST_IN_A_QUEUE: TimeDelta = TimeDelta::hours(10);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// To this address.
    Send(String),
    /// Everything but the call: nobody has this address.
    Rehearse,
    Stay(Stay),
}

/// Why it does not leave now, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stay {
    /// Not before this instant, and by which rules. Pauses count for it from `counted_from` on.
    Wait { until: DateTime<Utc>, moves: Vec<Moved>, counted_from: DateTime<Utc> },
    /// Not before somebody resumes what is paused.
    Hold,
    /// No rule would let it leave within two months.
    Never(Because),
    /// By this channel it cannot be; another may be left.
    Withhold(WithheldReason),
    /// The lead's follow-up has ended.
    Cancel,
}

/// The address that a message's channel reaches, if there is one we may use.
pub(crate) fn address(message: &Message) -> Option<String> {
    address_of(message, message.channel.writes_to())
}

/// Where the same person is reached by a channel of the other kind.
pub(crate) fn other_address(message: &Message) -> Option<String> {
    address_of(
        message,
        match message.channel.writes_to() {
            AddressKind::Phone => AddressKind::Email,
            AddressKind::Email => AddressKind::Phone,
        },
    )
}

fn address_of(message: &Message, kind: AddressKind) -> Option<String> {
    let Recipient { phone, texts_allowed, email, .. } = &message.recipient;
    match kind {
        AddressKind::Phone => {
            let lawful = phone.as_ref().filter(|phone| *texts_allowed && phone.is_north_american());
            lawful.map(E164::as_str).map(str::to_owned)
        }
        // Folded, because one person may write it in two ways and gets the same words once.
        AddressKind::Email => email.as_ref().map(Email::folded),
    }
}

/// What the tenant chose of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chosen<'a> {
    pub(crate) channels: &'a Channels,
    pub(crate) window: LegalWindow,
    pub(crate) own: &'a OwnRules,
    pub(crate) safe_mode: &'a SafeMode,
}

pub(crate) fn decide(message: &Message, chosen: Chosen<'_>, now: DateTime<Utc>) -> Decision {
    let Chosen { channels, window, own, safe_mode } = chosen;
    if message.is_confirmation() {
        return confirm(message, safe_mode, now);
    }
    if message.is_answer() {
        return answer(message, chosen, now);
    }
    if message.stopped || !message.lead_status.is_followed_up() {
        return Decision::Stay(Stay::Cancel);
    }
    match after_pauses(message.counted_from, message.due_at, &message.pauses) {
        None => return Decision::Stay(Stay::Hold),
        // Nothing but a pause: how far a clock is behind the one that released it is for whoever asked.
        Some(until) if until > now && until > message.due_at => {
            let moves = vec![Moved { from: message.due_at, to: until, because: Because::Paused }];
            return Decision::Stay(Stay::Wait { until, moves, counted_from: now });
        }
        Some(_) => {}
    }
    let address = match reach(message, channels, safe_mode) {
        Ok(address) => address,
        Err(decision) => return decision,
    };
    let rules = Rules { law: Law::ours(), window, own, shop: &message.shop };
    match rules.decide(&sending(message, now)) {
        Departure::Now => Decision::Send(address),
        // It waits for the clock of the law, which stands still for nobody.
        Departure::Later { at, moves } => Decision::Stay(Stay::Wait { until: at, moves, counted_from: at }),
        Departure::Never(because) => Decision::Stay(Stay::Never(because)),
    }
}

/// Where this message reaches them, or why it reaches nobody.
fn reach(message: &Message, channels: &Channels, safe_mode: &SafeMode) -> Result<String, Decision> {
    let withhold = |reason| Err(Decision::Stay(Stay::Withhold(reason)));
    if !channels.has(message.channel) {
        return withhold(WithheldReason::ChannelOff);
    }
    let Some(address) = address(message) else { return withhold(WithheldReason::NoAddress) };
    if message.suppressed {
        return withhold(WithheldReason::Suppressed);
    }
    if message.unreachable {
        return withhold(WithheldReason::Unreachable);
    }
    if message.channel == Channel::Email && message.recipient.email.as_ref().is_some_and(Email::is_nobodys) {
        return Err(Decision::Rehearse);
    }
    if !safe_mode.allows(&address) {
        return withhold(WithheldReason::SafeMode);
    }
    Ok(address)
}

/// They have done something a moment ago, as booked a time, and are told what came of it: that is nothing that they are followed up with,
/// so neither its end nor a pause holds it up. What could not leave at once waits for an hour at which anything may.
fn answer(message: &Message, chosen: Chosen<'_>, now: DateTime<Utc>) -> Decision {
    let Chosen { channels, window, own, safe_mode } = chosen;
    let address = match reach(message, channels, safe_mode) {
        Ok(address) => address,
        Err(decision) => return decision,
    };
    if now - message.counted_from <= AT_ONCE {
        return Decision::Send(address);
    }
    let rules = Rules { law: Law::ours(), window, own, shop: &message.shop };
    let Message { channel, whereabouts, .. } = message;
    match rules.decide(&Sending { channel: *channel, at: now, is_first: true, whereabouts, sent: &[] }) {
        Departure::Now => Decision::Send(address),
        Departure::Later { at, moves } => {
            Decision::Stay(Stay::Wait { until: at, moves, counted_from: message.counted_from })
        }
        Departure::Never(because) => Decision::Stay(Stay::Never(because)),
    }
}

/// They have opted out a moment ago, and are told so once. It answers them, so no hour is too late for it but one: by law it goes at once
/// or not at all.
fn confirm(message: &Message, safe_mode: &SafeMode, now: DateTime<Utc>) -> Decision {
    match &message.recipient.phone {
        _ if now - message.counted_from > CONFIRMED_WITHIN => Decision::Stay(Stay::Cancel),
        None => Decision::Stay(Stay::Withhold(WithheldReason::NoAddress)),
        Some(phone) if !safe_mode.allows(phone.as_str()) => Decision::Stay(Stay::Withhold(WithheldReason::SafeMode)),
        Some(phone) => Decision::Send(phone.as_str().to_owned()),
    }
}

fn sending(message: &Message, at: DateTime<Utc>) -> Sending<'_> {
    let Message { channel, is_first, whereabouts, sent, .. } = message;
    Sending { channel: *channel, at, is_first: *is_first, whereabouts, sent }
}

/// When a text that leaves now, and lies in its vendor's queue, should not be sent any more.
pub(crate) fn valid_for(message: &Message, chosen: Chosen<'_>, now: DateTime<Utc>) -> Option<TimeDelta> {
    if message.is_confirmation() {
        return Some(CONFIRMED_WITHIN);
    }
    // It may leave at an hour that is closed to all else.
    if message.is_answer() {
        return (message.channel == Channel::Sms).then_some(AT_ONCE);
    }
    let Chosen { window, own, .. } = chosen;
    let rules = Rules { law: Law::ours(), window, own, shop: &message.shop };
    (message.channel == Channel::Sms).then(|| rules.open_for(&sending(message, now), LONGEST_IN_A_QUEUE))
}

#[cfg(test)]
mod tests {
    use domain::{LeadId, LeadStatus, MessageId, MessageState, Pause, ShopCalendar, Whereabouts};
    use uuid::Uuid;

    use super::*;

    fn message() -> Message {
        Message {
            id: MessageId::new(Uuid::from_u128(1)),
            lead: LeadId::new(Uuid::from_u128(2)),
            step: 1,
            is_first: true,
            fallbacks: Vec::new(),
            sent: Vec::new(),
            channel: Channel::Sms,
            template: "day_0".into(),
            about: None,
            state: MessageState::Planned,
            due_at: DateTime::UNIX_EPOCH,
            release_at: DateTime::UNIX_EPOCH,
            counted_from: DateTime::UNIX_EPOCH,
            pauses: Vec::new(),
            attempts: 0,
            reason: None,
            lead_status: LeadStatus::New,
            stopped: false,
            suppressed: false,
            unreachable: false,
            was_merged: false,
            recipient: Recipient {
                first_name: None,
                phone: Some(E164::parse("+15125550142").unwrap()),
                texts_allowed: true,
                email: Some(Email::parse("dana@example.com").unwrap()),
                vehicle: String::new(),
                service: String::new(),
                total_cents: 0,
                language: None,
            },
            whereabouts: Whereabouts::of(None, chrono_tz::America::Denver, None),
            shop: ShopCalendar { zone: chrono_tz::America::Denver, hours: None, closed_on: Vec::new() },
            text_sender: None,
            shop_name: String::new(),
            shop_phone: String::new(),
            shop_postal_address: String::new(),
            shop_hours: String::new(),
        }
    }

    fn noon() -> DateTime<Utc> {
        "2026-01-10T19:00:00Z".parse().unwrap()
    }

    fn said(message: &Message, now: DateTime<Utc>) -> Decision {
        said_by(&Channels::default(), message, now)
    }

    fn said_by(channels: &Channels, message: &Message, now: DateTime<Utc>) -> Decision {
        let (safe_mode, own) = (SafeMode::OnlyTo(vec!["+1512*".into()]), OwnRules::default());
        decide(message, Chosen { channels, window: LegalWindow::default(), own: &own, safe_mode: &safe_mode }, now)
    }

    #[test]
    fn by_a_channel_that_is_off_nothing_leaves_but_what_confirms_an_opt_out() {
        let emails = Channels::try_from(vec![Channel::Email]).unwrap();
        let off = Decision::Stay(Stay::Withhold(WithheldReason::ChannelOff));
        assert_eq!(said_by(&emails, &message(), noon()), off);
        let template = domain::OPT_OUT_CONFIRMATION.to_owned();
        let confirmation = Message { template, counted_from: noon(), ..message() };
        assert_eq!(said_by(&emails, &confirmation, noon()), Decision::Send("+15125550142".into()));
    }

    #[test]
    fn a_listed_customer_gets_the_message_in_daylight_and_waits_for_the_morning_at_night() {
        assert_eq!(said(&message(), noon()), Decision::Send("+15125550142".into()));
        let night = "2026-01-10T05:00:00Z".parse().unwrap();
        let Decision::Stay(Stay::Wait { until, moves, .. }) = said(&message(), night) else { panic!("sent at night") };
        assert_eq!(until, "2026-01-10T15:00:00Z".parse::<DateTime<Utc>>().unwrap());
        assert_eq!(moves.last().map(|moved| moved.to), Some(until));
    }

    #[test]
    fn what_is_paused_waits_and_then_as_long_as_the_pause_was() {
        let open = Pause { from: noon() - TimeDelta::hours(1), until: None };
        let paused = Message { due_at: noon(), counted_from: noon(), pauses: vec![open], ..message() };
        assert_eq!(said(&paused, noon()), Decision::Stay(Stay::Hold));
        let due = noon() - TimeDelta::minutes(10);
        let over = Pause { until: Some(noon()), ..open };
        let counted_from = noon() - TimeDelta::hours(2);
        let resumed = Message { due_at: due, counted_from, pauses: vec![over], ..message() };
        let Decision::Stay(Stay::Wait { until, moves, counted_from }) = said(&resumed, noon()) else {
            panic!("sent at once")
        };
        assert_eq!((until, counted_from), (noon() + TimeDelta::minutes(50), noon()));
        assert_eq!(moves[0].because, Because::Paused);
        assert_eq!(
            said(&Message { stopped: true, ..paused }, noon()),
            Decision::Stay(Stay::Cancel),
            "an end is an end"
        );
    }

    #[test]
    fn an_opt_out_a_refusal_and_a_stranger_are_never_written_to() {
        assert_eq!(
            said(&Message { suppressed: true, ..message() }, noon()),
            Decision::Stay(Stay::Withhold(WithheldReason::Suppressed))
        );
        let mut refused = message();
        refused.recipient.texts_allowed = false;
        assert_eq!(said(&refused, noon()), Decision::Stay(Stay::Withhold(WithheldReason::NoAddress)));
        let mut abroad = message();
        abroad.recipient.phone = Some(E164::parse("+44 20 7946 0018").unwrap());
        let nowhere = Decision::Stay(Stay::Withhold(WithheldReason::NoAddress));
        assert_eq!(said(&abroad, noon()), nowhere, "whose clock and whose law nobody here knows");
        let mut by_email = message();
        by_email.channel = Channel::Email;
        assert_eq!(said(&by_email, noon()), Decision::Stay(Stay::Withhold(WithheldReason::SafeMode)));
    }

    #[test]
    fn an_opt_out_is_confirmed_at_once_at_any_hour_or_not_at_all() {
        let night: DateTime<Utc> = "2026-01-10T05:00:00Z".parse().unwrap();
        let template = domain::OPT_OUT_CONFIRMATION.to_owned();
        let confirmation = Message { template, stopped: true, suppressed: true, counted_from: night, ..message() };
        assert_eq!(said(&confirmation, night), Decision::Send("+15125550142".into()));
        assert_eq!(said(&confirmation, night + TimeDelta::minutes(6)), Decision::Stay(Stay::Cancel));
    }

    #[test]
    fn an_appointment_is_confirmed_at_once_at_any_hour_and_later_by_day() {
        let night: DateTime<Utc> = "2026-01-10T05:00:00Z".parse().unwrap();
        let about = Some(domain::AppointmentId::new(Uuid::from_u128(3)));
        let open = Pause { from: night - TimeDelta::hours(1), until: None };
        let told = Message { about, stopped: true, pauses: vec![open], counted_from: night, ..message() };
        assert_eq!(said(&told, night), Decision::Send("+15125550142".into()));
        let Decision::Stay(Stay::Wait { until, counted_from, .. }) = said(&told, night + TimeDelta::hours(1)) else {
            panic!("sent at night")
        };
        assert_eq!((until, counted_from), ("2026-01-10T15:00:00Z".parse().unwrap(), night));
        assert_eq!(said(&told, until), Decision::Send("+15125550142".into()));
        let suppressed = Message { suppressed: true, ..told };
        assert_eq!(said(&suppressed, night), Decision::Stay(Stay::Withhold(WithheldReason::Suppressed)));
    }

    #[test]
    fn an_address_that_nobody_can_have_is_rehearsed_whatever_the_hour_and_the_list() {
        let mut rehearsal = message();
        rehearsal.channel = Channel::Email;
        rehearsal.recipient.email = Some(Email::parse("try@rehearsal.invalid").unwrap());
        assert_eq!(said(&rehearsal, "2026-01-10T05:00:00Z".parse().unwrap()), Decision::Rehearse);
        assert_eq!(said(&Message { stopped: true, ..rehearsal }, noon()), Decision::Stay(Stay::Cancel));
    }

    #[test]
    fn an_email_address_is_one_however_it_was_typed() {
        let mut typed = message();
        typed.channel = Channel::Email;
        typed.recipient.email = Some(Email::parse("Dana@Example.com").unwrap());
        assert_eq!(address(&typed).as_deref(), Some("dana@example.com"));
    }

    #[test]
    fn a_lead_whose_follow_up_ended_gets_nothing_more() {
        let mut stopped = message();
        stopped.stopped = true;
        assert_eq!(said(&stopped, noon()), Decision::Stay(Stay::Cancel));
        let mut booked = message();
        booked.lead_status = LeadStatus::AppointmentScheduled;
        assert_eq!(said(&booked, noon()), Decision::Stay(Stay::Cancel));
    }
}
