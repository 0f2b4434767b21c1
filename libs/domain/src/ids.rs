//! Every id is its own type, so that a lead's id does not compile where a tenant's belongs.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Channel, StaffMember};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }
    };
}

id!(
    /// A customer of ours: a franchise or a single shop.
    TenantId
);
id!(
    /// One shop of a tenant.
    LocationId
);
id!(
    /// One quote that one person asked one shop for.
    LeadId
);
id!(
    /// One text or email, from its planning to its receipt.
    MessageId
);
id!(
    /// One call to a vendor that may put a message in somebody's hand.
    AttemptId
);
id!(
    /// One thing that one of the staff is told.
    AlertId
);
id!(
    /// One thing that is left for a person to do.
    TaskId
);
id!(
    /// A changed cadence on its way through live leads.
    CadenceChangeId
);
id!(
    /// What somebody said at once in a conversation.
    TurnId
);
id!(
    /// A time that a shop keeps for somebody, or keeps while they think about it.
    AppointmentId
);
id!(
    /// One message of a stream that a stage gave up on.
    DeadLetterId
);

impl LeadId {
    /// The same order of the same CRM is the same lead, whoever sees it first and however often.
    pub fn of_order(tenant: TenantId, crm: &str, order_id: &str) -> Self {
        Self(Uuid::new_v5(&tenant.uuid(), format!("lead:{crm}:{order_id}").as_bytes()))
    }

    /// Whether it is among so many of a hundred: the same leads each time, and no more of one day than of another.
    pub fn is_among(self, percent: u16) -> bool {
        let bytes = self.0.into_bytes();
        // The last bytes of a name's hash; its version and variant stand before them.
        u16::from_be_bytes([bytes[14], bytes[15]]) % 100 < percent
    }
}

impl MessageId {
    /// A lead has one message for each step of its cadence, however often it is planned. The ids of one lead differ in their
    /// last two bytes alone, so that what is planned together lies together in an index.
    pub fn of_step(lead: LeadId, step: u16) -> Self {
        let mut bytes = Uuid::new_v5(&lead.uuid(), b"messages").into_bytes();
        bytes[14..].copy_from_slice(&step.to_be_bytes());
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// The one text that confirms a lead's opt-out. Steps begin with 1.
    pub fn of_confirmation(lead: LeadId) -> Self {
        Self::of_step(lead, 0)
    }

    /// What is told of an appointment by one channel, once. `what`: what became of it.
    pub fn of_appointment(appointment: AppointmentId, what: &str, channel: Channel) -> Self {
        Self(Uuid::new_v5(&appointment.uuid(), format!("{what}:{}", channel.as_str()).as_bytes()))
    }

    /// The same step by another channel: beside the one it was planned for, or in its place.
    pub fn of_step_by(lead: LeadId, step: u16, channel: Channel) -> Self {
        // No cadence has so many steps.
        let beside = match channel {
            Channel::Sms => 1 << 12,
            Channel::Email => 2 << 12,
            Channel::Whatsapp => 3 << 12,
        };
        Self::of_step(lead, step | beside)
    }
}

impl AttemptId {
    /// The `number`th call for one message.
    pub fn of_message(message: MessageId, number: u32) -> Self {
        Self(Uuid::new_v5(&message.uuid(), format!("attempt:{number}").as_bytes()))
    }
}

impl AlertId {
    /// What one of the staff is told of a lead or a task at one level, however often it is raised.
    pub fn of(about: Uuid, kind: &str, level: u8, member: &StaffMember) -> Self {
        let StaffMember { by, to, .. } = member;
        Self(Uuid::new_v5(&about, format!("alert:{kind}:{level}:{}:{to}", by.as_str()).as_bytes()))
    }
}

impl TurnId {
    /// What a page called `name` when it was said: a repeat is the same turn.
    pub fn of_customer(lead: LeadId, name: &str) -> Self {
        Self(Uuid::new_v5(&lead.uuid(), format!("turn:{name}").as_bytes()))
    }

    /// The answer to it.
    #[must_use]
    pub fn answer(self) -> Self {
        Self(Uuid::new_v5(&self.0, b"answer"))
    }
}

impl TaskId {
    /// To ask whether a message came.
    pub fn of_unknown(message: MessageId) -> Self {
        Self(Uuid::new_v5(&message.uuid(), b"task:unknown"))
    }

    /// To note an appointment in the CRM, or to take it out.
    pub fn of_appointment(appointment: AppointmentId, what: &str) -> Self {
        Self(Uuid::new_v5(&appointment.uuid(), format!("task:appointment:{what}").as_bytes()))
    }

    /// To say what our own words could not.
    pub fn of_unwritten(message: MessageId) -> Self {
        Self(Uuid::new_v5(&message.uuid(), b"task:unwritten"))
    }

    /// To answer what the assistant could not.
    pub fn of_turn(turn: TurnId) -> Self {
        Self(Uuid::new_v5(&turn.uuid(), b"task:turn"))
    }

    /// To answer what a customer wrote.
    pub fn of_reply(lead: LeadId, reply: &str) -> Self {
        Self(Uuid::new_v5(&lead.uuid(), format!("task:reply:{reply}").as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_order_number_in_two_tenants_is_two_leads() {
        let one = TenantId::new(Uuid::from_u128(1));
        let two = TenantId::new(Uuid::from_u128(2));
        assert_eq!(LeadId::of_order(one, "shopmonkey", "a"), LeadId::of_order(one, "shopmonkey", "a"));
        assert_ne!(LeadId::of_order(one, "shopmonkey", "a"), LeadId::of_order(two, "shopmonkey", "a"));
        assert_ne!(LeadId::of_order(one, "shopmonkey", "a"), LeadId::of_order(one, "tekmetric", "a"));
    }

    #[test]
    fn a_share_of_leads_is_about_that_share_and_always_the_same() {
        let tenant = TenantId::new(Uuid::from_u128(1));
        let leads: Vec<_> =
            (0..10_000).map(|order| LeadId::of_order(tenant, "shopmonkey", &order.to_string())).collect();
        let share = |percent| leads.iter().filter(|lead| lead.is_among(percent)).count();
        assert!((2_800..3_200).contains(&share(30)), "{}", share(30));
        assert_eq!((share(0), share(100)), (0, leads.len()));
    }

    #[test]
    fn the_messages_of_one_lead_lie_together_and_apart_from_anothers() {
        let tenant = TenantId::new(Uuid::from_u128(1));
        let [one, two] = ["a", "b"].map(|order| LeadId::of_order(tenant, "shopmonkey", order));
        let first = MessageId::of_step(one, 1);
        let last = MessageId::of_step(one, 13);
        assert_eq!(first.uuid().as_bytes()[..14], last.uuid().as_bytes()[..14]);
        assert!(first < MessageId::of_step(one, 2) && MessageId::of_step(one, 2) < last);
        assert_ne!(first.uuid().as_bytes()[..14], MessageId::of_step(two, 1).uuid().as_bytes()[..14]);
    }
}
