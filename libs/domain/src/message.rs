//! A message's states, and what may follow what.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Sms,
    Email,
    Whatsapp,
}

/// What a channel writes to. One address gets the same words once, by whichever channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressKind {
    Phone,
    Email,
}

impl Channel {
    pub const ALL: [Self; 3] = [Self::Sms, Self::Email, Self::Whatsapp];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Email => "email",
            Self::Whatsapp => "whatsapp",
        }
    }

    /// All that reach the same address as this.
    pub fn of_same_address(self) -> &'static [Self] {
        match self.writes_to() {
            AddressKind::Phone => &[Self::Sms, Self::Whatsapp],
            AddressKind::Email => &[Self::Email],
        }
    }

    pub fn writes_to(self) -> AddressKind {
        match self {
            Self::Sms | Self::Whatsapp => AddressKind::Phone,
            Self::Email => AddressKind::Email,
        }
    }
}

impl FromStr for Channel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "sms" => Ok(Self::Sms),
            "email" => Ok(Self::Email),
            "whatsapp" => Ok(Self::Whatsapp),
            other => Err(format!("unknown channel {other:?}; there are sms, email and whatsapp")),
        }
    }
}

/// planned → claimed → sent → delivered | failed, or withheld, or cancelled before it left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// Waits for its time.
    Planned,
    /// A worker has recorded an attempt and is talking to the vendor.
    Claimed,
    /// The vendor may or may not have taken it; only the vendor's own records can tell.
    Unknown,
    /// The vendor has it.
    Sent,
    Delivered,
    Failed,
    /// We decided not to send it, and the reason is stored.
    Withheld,
    /// The lead's follow-up ended before its time came.
    Cancelled,
}

impl MessageState {
    pub const ALL: [Self; 8] = [
        Self::Planned,
        Self::Claimed,
        Self::Unknown,
        Self::Sent,
        Self::Delivered,
        Self::Failed,
        Self::Withheld,
        Self::Cancelled,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Claimed => "claimed",
            Self::Unknown => "unknown",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Withheld => "withheld",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the pipeline still owes this message something.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Planned | Self::Claimed | Self::Unknown)
    }
}

impl FromStr for MessageState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| format!("unknown message state {text:?}"))
    }
}

/// Why a message was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithheldReason {
    /// The customer opted out.
    Suppressed,
    /// Nothing reaches them by this channel, as its vendor says.
    Unreachable,
    /// Safe mode is on and the recipient is not on its list.
    SafeMode,
    /// The lead no longer has an address for this channel.
    NoAddress,
    /// The same words went to the same recipient before, for another quote of theirs.
    AlreadySaid,
    /// The template could not be filled with what is known about the lead.
    Template,
    /// A rehearsal, for an address that cannot exist.
    Rehearsal,
    /// No rule would let it leave within two months.
    NoLawfulTime,
    /// The tenant does not write by this channel.
    ChannelOff,
    /// The tenant has no credentials for this channel.
    NoCredentials,
    /// What carriers take of its sender in a day is spent, and nobody who asked a moment ago waits for the next.
    DayIsFull,
    /// By WhatsApp, in words that nobody approved, to somebody who has not written within a day.
    NotApproved,
}

impl WithheldReason {
    /// Whether it is this channel's reason alone, and the same may be said by another.
    pub fn may_fall_back(self) -> bool {
        matches!(
            self,
            Self::Suppressed
                | Self::Unreachable
                | Self::NoAddress
                | Self::NoLawfulTime
                | Self::NotApproved
                | Self::ChannelOff
                | Self::NoCredentials
                | Self::Template
                | Self::DayIsFull
        )
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suppressed => "suppressed",
            Self::Unreachable => "unreachable",
            Self::SafeMode => "safe_mode",
            Self::NoAddress => "no_address",
            Self::AlreadySaid => "already_said",
            Self::Template => "template",
            Self::Rehearsal => "rehearsal",
            Self::NoLawfulTime => "no_lawful_time",
            Self::NotApproved => "not_approved",
            Self::ChannelOff => "channel_off",
            Self::NoCredentials => "no_credentials",
            Self::DayIsFull => "senders_day_is_full",
        }
    }
}

/// What a vendor reports about a message it has taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Receipt {
    /// The vendor has it and passed it on, or will.
    Accepted,
    Delivered,
    /// It will not arrive. `code` is the vendor's own, or its word for what happened.
    Failed {
        code: String,
    },
}
