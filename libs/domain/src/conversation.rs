//! What people and the assistant say to each other.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{AppointmentId, Slot, Tax};

/// Where somebody talks with us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatChannel {
    Web,
    Sms,
    Whatsapp,
}

impl ChatChannel {
    pub const ALL: [Self; 3] = [Self::Web, Self::Sms, Self::Whatsapp];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Sms => "sms",
            Self::Whatsapp => "whatsapp",
        }
    }
}

impl FromStr for ChatChannel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or_else(|| format!("nobody talks by {text:?}"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SaidBy {
    Customer,
    Assistant,
    /// One of the staff.
    Person,
}

impl SaidBy {
    pub const ALL: [Self; 3] = [Self::Customer, Self::Assistant, Self::Person];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Assistant => "assistant",
            Self::Person => "person",
        }
    }
}

impl FromStr for SaidBy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or_else(|| format!("nobody is called {text:?}"))
    }
}

/// A model that words answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChosenModel {
    pub vendor: ModelVendor,
    /// As the vendor calls it: `claude-haiku-5-5`.
    pub model: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelVendor {
    Anthropic,
}

/// What a claim in an answer rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Ground {
    /// A row of the shop's catalog, by the CRM's id, with the price that it had.
    Service { id: String, price_cents: i64 },
    /// A time that was held for this customer, or that they have booked.
    Appointment { id: AppointmentId },
    /// What the shop says of itself: its hours, its address, its telephone.
    Shop,
}

/// What a page draws beside words. Nothing in it comes from a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Card {
    /// A price of the shop's catalog.
    Price {
        /// The CRM's id of the service.
        service: String,
        name: String,
        price_cents: i64,
        tax: Tax,
        /// Customers may choose a time for it by themselves.
        is_bookable: bool,
    },
    /// Times that are kept for this customer for a while.
    Slots {
        service: Option<String>,
        /// Of the shop, as in `America/New_York`.
        zone: String,
        slots: Vec<OfferedSlot>,
        /// Until when they are kept.
        held_until: DateTime<Utc>,
    },
    /// What became of a booking.
    Booking {
        appointment: AppointmentId,
        #[serde(flatten)]
        slot: Slot,
        zone: String,
        state: BookingState,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedSlot {
    /// What the button sends.
    pub hold: AppointmentId,
    #[serde(flatten)]
    pub slot: Slot,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BookingState {
    Booked,
    Cancelled,
}
