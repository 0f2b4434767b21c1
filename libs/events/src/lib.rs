//! What travels on JetStream: subjects, the envelope, and one versioned payload for each fact.
//!
//! To add an event: a struct with its [`Event`] in `lead.rs` or `message.rs`, a fixture in `fixtures/` that is kept for
//! ever, and its subject in the design's table. An event carries ids and facts of its moment, never a copy of a row.

mod alert;
mod chat;
mod envelope;
mod form;
mod inbound;
mod lead;
mod message;

pub use alert::AlertRaised;
pub use chat::{ChatAsked, Handoff, LivePart, LiveTurn, Reset, Status};
pub use envelope::{Decode, DecodeError, Event, Outgoing, Raw, Stream, header};
pub use form::{Consent, FormSubmission, REHEARSAL};
pub use inbound::{Inbound, InboundKind, Source};
pub use lead::{LeadBooked, LeadClosed, LeadEnriched, LeadPlanned, LeadReplied};
pub use message::{MessageAwaited, MessageDue, MessageOutcome, Outcome};
