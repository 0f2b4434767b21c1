//! Facts about a lead.

use chrono::{DateTime, Utc};
use domain::{LeadId, StopReason, TenantId};
use serde::{Deserialize, Serialize};

use crate::{Event, Stream};

/// Somebody asked for a quote, and we know who, about which car and for which shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadEnriched {
    pub tenant: TenantId,
    pub lead: LeadId,
    /// The CRM's version of the order this was read from.
    pub crm_version: i64,
    /// The CRM's version of the customer, 0 without one.
    #[serde(default)]
    pub customer_version: i64,
}

impl Event for LeadEnriched {
    const NAME: &'static str = "lead.enriched";
    const VERSION: u32 = 1;
    const STREAM: Stream = Stream::Leads;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn key(&self) -> String {
        format!("{}:{}:{}", self.lead, self.crm_version, self.customer_version)
    }
}

/// A lead's touches are planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadPlanned {
    pub tenant: TenantId,
    pub lead: LeadId,
    pub touches: u16,
}

impl Event for LeadPlanned {
    const NAME: &'static str = "lead.planned";
    const VERSION: u32 = 1;
    const STREAM: Stream = Stream::Leads;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn key(&self) -> String {
        self.lead.to_string()
    }
}

/// A customer wrote back. What remains of the cadence is cancelled, unless they asked for help or opted in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadReplied {
    pub tenant: TenantId,
    pub lead: LeadId,
    /// The vendor's id of the reply.
    pub reply: String,
}

impl Event for LeadReplied {
    const NAME: &'static str = "lead.replied";
    const VERSION: u32 = 1;
    const STREAM: Stream = Stream::Leads;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn key(&self) -> String {
        format!("{}:{}", self.lead, self.reply)
    }
}

/// The shop has an appointment with the customer. What remains of the cadence is cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadBooked {
    pub tenant: TenantId,
    pub lead: LeadId,
    /// The CRM's id of the appointment.
    pub appointment: String,
    pub starts_at: DateTime<Utc>,
}

impl Event for LeadBooked {
    const NAME: &'static str = "lead.booked";
    const VERSION: u32 = 1;
    const STREAM: Stream = Stream::Leads;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// An appointment that was moved is said again.
    fn key(&self) -> String {
        format!("{}:{}:{}", self.lead, self.appointment, self.starts_at.timestamp())
    }
}

/// A lead's follow-up ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadClosed {
    pub tenant: TenantId,
    pub lead: LeadId,
    pub reason: StopReason,
}

impl Event for LeadClosed {
    const NAME: &'static str = "lead.closed";
    const VERSION: u32 = 1;
    const STREAM: Stream = Stream::Leads;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn key(&self) -> String {
        format!("{}:{}", self.lead, self.reason.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decode, DecodeError, Raw};

    #[test]
    fn version_1_of_enriched_is_read_for_ever() {
        let payload = include_str!("../fixtures/lead.enriched.v1.json").into();
        let event = LeadEnriched::decode(&Raw { subject: "", headers: &[], payload: &payload }).unwrap();
        assert_eq!((event.crm_version, event.customer_version), (2, 0));
        let payload = include_str!("../fixtures/lead.enriched.v1.customer.json").into();
        let event = LeadEnriched::decode(&Raw { subject: "", headers: &[], payload: &payload }).unwrap();
        assert_eq!((event.crm_version, event.customer_version), (2, 3));
    }

    #[test]
    fn a_newer_version_is_refused_and_not_guessed_at() {
        let newer = include_str!("../fixtures/lead.enriched.v1.json").replace("\"version\": 1", "\"version\": 2");
        let payload = newer.into();
        let error = LeadEnriched::decode(&Raw { subject: "", headers: &[], payload: &payload }).unwrap_err();
        assert!(matches!(error, DecodeError::Version { version: 2, known: 1, .. }), "{error}");
    }
}
