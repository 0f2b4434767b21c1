//! What is said in a conversation, and how it is shown while it is said.

use chrono::{DateTime, Utc};
use domain::{Card, ChatChannel, Language, LeadId, SaidBy, TenantId, TurnId};
use serde::{Deserialize, Serialize};

use crate::{Event, Outgoing, Stream};

/// A customer said something that waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatAsked {
    pub tenant: TenantId,
    pub lead: LeadId,
    pub turn: TurnId,
    pub by: ChatChannel,
    pub words: String,
    /// What their page speaks. `None`: it did not say.
    #[serde(default)]
    pub language: Option<Language>,
    /// By the wall's clock.
    pub asked_at: DateTime<Utc>,
}

impl Event for ChatAsked {
    const NAME: &'static str = "chat.asked";
    const VERSION: u32 = 1;
    const STREAM: Stream = Stream::Chat;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn key(&self) -> String {
        self.turn.to_string()
    }
}

/// One entry of a conversation's live log, as pages get it: a part of an answer, or a whole turn. The words for the types are those of
/// the "UI message stream", which known clients read; what they have no word for is `data-…`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum LivePart {
    /// An answer begins. Its id is that of the turn it becomes.
    #[serde(rename_all = "camelCase")]
    Start {
        message_id: TurnId,
    },
    TextStart {
        id: String,
    },
    TextDelta {
        id: String,
        delta: String,
    },
    TextEnd {
        id: String,
    },
    /// It is whole, and kept.
    #[serde(rename_all = "camelCase")]
    Finish {
        message_id: TurnId,
    },
    /// Nobody says any more of it.
    #[serde(rename_all = "camelCase")]
    Abort {
        message_id: TurnId,
        reason: String,
    },
    /// What the assistant is at while nothing can be read yet.
    DataStatus {
        data: Status,
    },
    /// A price, a choice of times, a booking: what the page draws by itself.
    DataCard {
        data: Card,
    },
    /// The answer begins anew: forget the texts and cards of any that began before this one's `start` and did not finish.
    DataReset {
        data: Reset,
    },
    /// A whole turn that somebody else said: the customer on another page, or one of the staff.
    DataTurn {
        data: LiveTurn,
    },
    /// Who has the conversation from now on.
    DataHandoff {
        data: Handoff,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "phase")]
pub enum Status {
    Thinking,
    LookingUp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveTurn {
    pub id: TurnId,
    pub said_by: SaidBy,
    /// Of one of the staff.
    pub name: Option<String>,
    pub words: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cards: Vec<Card>,
    pub said_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Handoff {
    Joined {
        name: String,
    },
    /// The assistant answers again.
    GivenBack,
}

impl LivePart {
    /// Packs the part. `id`: what makes it itself, so that a repeat is stored once.
    pub fn pack(&self, tenant: TenantId, lead: LeadId, id: &str) -> Outgoing {
        Outgoing {
            stream: Stream::ChatLive,
            subject: Self::subject(tenant, lead),
            id: format!("{tenant}:chat:{lead}:{id}"),
            headers: Vec::new(),
            payload: serde_json::to_vec(self).unwrap_or_default().into(),
        }
    }

    /// The live log of a lead's conversation.
    pub fn subject(tenant: TenantId, lead: LeadId) -> String {
        format!("chatlive.{tenant}.{lead}")
    }
}

#[cfg(test)]
mod tests {
    use domain::{AppointmentId, BookingState};
    use uuid::Uuid;

    use super::*;
    use crate::{Decode, Raw};

    #[test]
    fn version_1_of_asked_is_read_for_ever() {
        let payload = include_str!("../fixtures/chat.asked.v1.json").into();
        let event = ChatAsked::decode(&Raw { subject: "", headers: &[], payload: &payload }).unwrap();
        assert_eq!((event.by, event.language), (ChatChannel::Web, Some(Language::English)));
    }

    #[test]
    fn parts_are_written_as_pages_read_them() {
        let turn = TurnId::new(Uuid::from_u128(7));
        for (part, written) in [
            (LivePart::Start { message_id: turn }, format!(r#"{{"type":"start","messageId":"{turn}"}}"#)),
            (
                LivePart::TextDelta { id: "t1".into(), delta: "Hi".into() },
                r#"{"type":"text-delta","id":"t1","delta":"Hi"}"#.into(),
            ),
            (LivePart::Finish { message_id: turn }, format!(r#"{{"type":"finish","messageId":"{turn}"}}"#)),
            (
                LivePart::DataStatus { data: Status::LookingUp },
                r#"{"type":"data-status","data":{"phase":"looking_up"}}"#.into(),
            ),
            (LivePart::DataReset { data: Reset {} }, r#"{"type":"data-reset","data":{}}"#.into()),
        ] {
            assert_eq!(serde_json::to_string(&part).unwrap(), written);
        }
        let starts_at = "2026-03-06T14:00:00Z".parse().unwrap();
        let card = Card::Booking {
            appointment: AppointmentId::new(Uuid::from_u128(9)),
            slot: domain::Slot { starts_at, ends_at: starts_at },
            zone: "America/New_York".into(),
            state: BookingState::Booked,
        };
        let part = LivePart::DataCard { data: card };
        let again: LivePart = serde_json::from_str(&serde_json::to_string(&part).unwrap()).unwrap();
        assert_eq!(again, part);
    }
}
