//! The life of a lead, and what ends its follow-up.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Order, OrderStatus, WebsiteLeadRules};

/// new → contacted → chat_active → appointment_scheduled → converted, or lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeadStatus {
    New,
    Contacted,
    ChatActive,
    AppointmentScheduled,
    Converted,
    Lost,
}

impl LeadStatus {
    pub const ALL: [Self; 6] =
        [Self::New, Self::Contacted, Self::ChatActive, Self::AppointmentScheduled, Self::Converted, Self::Lost];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Contacted => "contacted",
            Self::ChatActive => "chat_active",
            Self::AppointmentScheduled => "appointment_scheduled",
            Self::Converted => "converted",
            Self::Lost => "lost",
        }
    }

    /// Whether a lead in this status may move to `next`. A lead only moves forward, with two exceptions that the street
    /// knows: a lost customer answers after all, and an appointment falls through and the lead is lost.
    pub fn may_become(self, next: Self) -> bool {
        use LeadStatus::{AppointmentScheduled, ChatActive, Contacted, Converted, Lost, New};
        match (self, next) {
            (New | Contacted | ChatActive | AppointmentScheduled, Lost)
            | (New, Contacted)
            | (New | Contacted | Lost, ChatActive)
            | (New | Contacted | ChatActive | Lost, AppointmentScheduled) => true,
            (from, Converted) => from != Converted,
            _ => false,
        }
    }

    /// Whether the cadence still has anything to do.
    pub fn is_followed_up(self) -> bool {
        matches!(self, Self::New | Self::Contacted)
    }
}

impl FromStr for LeadStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| format!("unknown lead status {text:?}"))
    }
}

/// Why a lead's remaining touches were cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    Replied,
    OptedOut,
    Booked,
    Converted,
    ClosedInCrm,
    LostInCrm,
    NoAnswer,
    /// Asked for before the shop went live with us: kept, and nobody is written to.
    BeforeGoLive,
    /// By a form that a machine may have filled in: kept for a person to look at.
    Suspected,
    /// It is one with another lead of theirs, which is followed up.
    Merged,
    /// Nobody asked: the way from a form to a message was tried before a shop goes live.
    Rehearsal,
    /// Somebody of the shop's has talked to them.
    Called,
    /// Somebody of the shop's writes to them from now on.
    TakenOver,
}

impl StopReason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replied => "replied",
            Self::OptedOut => "opted_out",
            Self::Booked => "booked",
            Self::Converted => "converted",
            Self::ClosedInCrm => "closed_in_crm",
            Self::LostInCrm => "lost_in_crm",
            Self::NoAnswer => "no_answer",
            Self::BeforeGoLive => "before_go_live",
            Self::Suspected => "suspected",
            Self::Merged => "merged",
            Self::Rehearsal => "rehearsal",
            Self::Called => "called",
            Self::TakenOver => "taken_over",
        }
    }

    /// What the CRM's copy of the order says about a lead that we follow up already, the strongest first.
    pub fn seen_in(order: &Order, rules: &WebsiteLeadRules) -> Option<Self> {
        let moved_on = matches!(order.status, OrderStatus::RepairOrder | OrderStatus::Invoice);
        if moved_on || order.authorized || order.invoiced || order.paid {
            Some(Self::Converted)
        } else if order.deleted || order.archived {
            Some(Self::ClosedInCrm)
        } else if rules.is_lost(order) {
            Some(Self::LostInCrm)
        } else if !order.appointments.is_empty() {
            Some(Self::Booked)
        } else {
            None
        }
    }

    /// The status a lead takes with this stop; what says nothing about the job leaves the status alone.
    pub fn status(self) -> Option<LeadStatus> {
        match self {
            Self::Replied | Self::Called | Self::TakenOver => Some(LeadStatus::ChatActive),
            Self::Booked => Some(LeadStatus::AppointmentScheduled),
            Self::Converted => Some(LeadStatus::Converted),
            Self::ClosedInCrm | Self::LostInCrm | Self::NoAnswer => Some(LeadStatus::Lost),
            Self::OptedOut | Self::BeforeGoLive | Self::Suspected | Self::Merged | Self::Rehearsal => None,
        }
    }

    /// Whether it is about the customer, so that it ends the follow-up by every lead that is one with this.
    pub fn is_about_the_customer(self) -> bool {
        matches!(self, Self::Replied | Self::OptedOut | Self::Booked | Self::Converted | Self::Called | Self::TakenOver)
    }

    /// Whether it shows that a person has answered them.
    pub fn is_an_answer(self) -> bool {
        matches!(
            self,
            Self::Called | Self::TakenOver | Self::Booked | Self::Converted | Self::ClosedInCrm | Self::LostInCrm
        )
    }

    /// Whether nobody waits for an answer any more. Whoever wrote back waits all the more.
    pub fn ends_the_wait(self) -> bool {
        self != Self::Replied
    }
}

/// Why nobody can write to a lead's customer. Such a lead is kept and shown, never dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoContact {
    NoCustomer,
    NoPhoneOrEmail,
    TextsRefusedAndNoEmail,
}

impl NoContact {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoCustomer => "no_customer",
            Self::NoPhoneOrEmail => "no_phone_or_email",
            Self::TextsRefusedAndNoEmail => "texts_refused_and_no_email",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_converted_lead_never_changes_again() {
        for next in LeadStatus::ALL {
            assert!(!LeadStatus::Converted.may_become(next), "{next:?}");
        }
    }

    #[test]
    fn a_lost_customer_who_answers_is_a_conversation() {
        assert!(LeadStatus::Lost.may_become(LeadStatus::ChatActive));
        assert!(!LeadStatus::Lost.may_become(LeadStatus::Contacted));
    }

    #[test]
    fn status_words_survive_a_round_trip() {
        for status in LeadStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
    }
}
