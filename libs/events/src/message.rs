//! Facts about a message on its way to a person.

use chrono::{DateTime, Utc};
use domain::{LeadId, MessageId, TenantId};
use serde::{Deserialize, Serialize};

use crate::{Event, Stream};

/// Somebody should look at this message now: send it, or find out what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageDue {
    pub tenant: TenantId,
    pub message: MessageId,
    /// The release time of the row that led here; a row that is put off and released again is a new fact.
    pub release: DateTime<Utc>,
}

impl Event for MessageDue {
    const NAME: &'static str = "message.due";
    const VERSION: u32 = 1;
    const STREAM: Stream = Stream::Messages;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn key(&self) -> String {
        format!("{}:{}", self.message, self.release.timestamp_micros())
    }
}

/// As [`MessageDue`], of the first answer to somebody who asked a moment ago. It goes by a way of its own, so that nothing else that is
/// due, of whichever tenant, is in front of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageAwaited {
    pub tenant: TenantId,
    pub message: MessageId,
    pub release: DateTime<Utc>,
}

impl Event for MessageAwaited {
    const NAME: &'static str = "message.awaited";
    const VERSION: u32 = 1;
    const STREAM: Stream = Stream::Messages;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn key(&self) -> String {
        format!("{}:{}", self.message, self.release.timestamp_micros())
    }
}

impl From<MessageAwaited> for MessageDue {
    fn from(MessageAwaited { tenant, message, release }: MessageAwaited) -> Self {
        Self { tenant, message, release }
    }
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Sent,
    Delivered,
    Failed,
    Withheld,
}

/// A message reached a new state. The subject says which: `message.<tenant>.sent`, `.delivered`, `.failed`, `.withheld`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageOutcome {
    pub tenant: TenantId,
    pub lead: LeadId,
    pub message: MessageId,
    pub outcome: Outcome,
}

impl MessageOutcome {
    pub fn pack(&self, stage: &str, at: DateTime<Utc>) -> crate::Outgoing {
        let MessageOutcome { tenant, lead, message, .. } = *self;
        match self.outcome {
            Outcome::Sent => MessageSent { tenant, lead, message }.pack(stage, at),
            Outcome::Delivered => MessageDelivered { tenant, lead, message }.pack(stage, at),
            Outcome::Failed => MessageFailed { tenant, lead, message }.pack(stage, at),
            Outcome::Withheld => MessageWithheld { tenant, lead, message }.pack(stage, at),
        }
    }
}

macro_rules! outcome {
    ($name:ident, $event:literal) => {
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        struct $name {
            tenant: TenantId,
            lead: LeadId,
            message: MessageId,
        }

        impl Event for $name {
            const NAME: &'static str = $event;
            const VERSION: u32 = 1;
            const STREAM: Stream = Stream::Messages;

            fn tenant(&self) -> TenantId {
                self.tenant
            }

            fn key(&self) -> String {
                self.message.to_string()
            }
        }
    };
}

outcome!(MessageSent, "message.sent");
outcome!(MessageDelivered, "message.delivered");
outcome!(MessageFailed, "message.failed");
outcome!(MessageWithheld, "message.withheld");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decode, Raw};

    #[test]
    fn version_1_of_due_is_read_for_ever() {
        let payload = include_str!("../fixtures/message.due.v1.json").into();
        let event = MessageDue::decode(&Raw { subject: "", headers: &[], payload: &payload }).unwrap();
        assert_eq!(event.release.timestamp_millis(), 1_772_463_845_120);
    }

    #[test]
    fn version_1_of_awaited_is_read_for_ever() {
        let payload = include_str!("../fixtures/message.awaited.v1.json").into();
        let event = MessageAwaited::decode(&Raw { subject: "", headers: &[], payload: &payload }).unwrap();
        assert_eq!(event.release.timestamp_millis(), 1_772_463_845_120);
    }

    #[test]
    fn a_row_put_off_and_released_again_is_a_new_fact() {
        let tenant = TenantId::new(uuid::Uuid::from_u128(7));
        let message = MessageId::new(uuid::Uuid::from_u128(2));
        let due = |seconds| MessageDue { tenant, message, release: DateTime::from_timestamp(seconds, 0).unwrap() };
        assert_eq!(due(1).pack("schedule", DateTime::UNIX_EPOCH).id, due(1).pack("schedule", DateTime::UNIX_EPOCH).id);
        assert_ne!(due(1).pack("schedule", DateTime::UNIX_EPOCH).id, due(2).pack("schedule", DateTime::UNIX_EPOCH).id);
    }
}
