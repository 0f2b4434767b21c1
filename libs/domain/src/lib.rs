//! The words of the business and its pure rules: no I/O, no clock of its own, no vendor's vocabulary.
//!
//! Everything here can be tested with values alone. A new rule belongs here when two stages must agree on it.

mod approved_name;
mod booking;
mod cadence;
mod calendar_file;
mod channels;
mod clock;
mod contact;
mod conversation;
mod crm_name;
mod duplicate;
mod form;
mod heat;
mod ids;
mod language;
mod lead;
mod link;
mod look;
mod message;
mod money;
mod opt_out;
mod order;
mod preview;
mod replan;
mod safe_mode;
mod segments;
mod sending;
mod service;
mod sla;
mod staff;
mod told_by;
mod vendor_error;
mod website_lead;

pub use approved_name::{ApprovedName, ApprovedNameError};
pub use booking::{BOOKED, BookingRules, CALLED_OFF, Places, Slot, Taken};
pub use cadence::{Cadence, CadenceError, CadencePreset, PlannedTouch, Planning, Step, When};
pub use calendar_file::CalendarEntry;
pub use channels::{Channels, NoChannel};
pub use clock::Clock;
pub use contact::{ContactError, E164, Email, as_people_read};
pub use conversation::{BookingState, Card, ChatChannel, ChosenModel, Ground, ModelVendor, OfferedSlot, SaidBy};
pub use crm_name::CrmName;
pub use duplicate::{DuplicateRules, Owner, ZoneSource};
pub use form::{Answers, CONSENT, FieldError, FieldKind, FormField, FormPreset, FormSchema, FormSchemaError, HONEYPOT};
pub use heat::{Heat, HeatRules, Known, Points, Sign};
pub use ids::{
    AlertId, AppointmentId, AttemptId, CadenceChangeId, DeadLetterId, LeadId, LocationId, MessageId, TaskId, TenantId,
    TurnId,
};
pub use language::Language;
pub use lead::{LeadStatus, NoContact, StopReason};
pub use link::{LinkBase, LinkBaseError};
pub use look::{Color, Logo, Look, LookError};
pub use message::{AddressKind, Channel, MessageState, Receipt, WithheldReason};
pub use money::dollars;
pub use opt_out::{CONFIRMED_WITHIN, Keyword, OPT_OUT_CONFIRMATION, is_confirmed_by_vendor, keyword};
pub use order::{Appointment, Customer, NO_SERVICE, Order, OrderStatus, Phone, Vehicle};
pub use preview::{Ending, PreviewedTouch, preview};
pub use replan::{Replan, StandingTouch, TouchState};
pub use safe_mode::SafeMode;
pub use segments::{Encoding, Segments};
pub use sending::{
    Area, Because, Certainty, DailySegments, Departure, HoursError, InShopHours, Law, LegalWindow, Moved, OwnRules,
    Pause, PauseScope, Rate, RateError, Rules, SenderLimits, Sending, ShopCalendar, State, StateLaw, TextSender,
    TextSenderError, WeekHours, Whereabouts, WindowError, after_pauses, federal_holiday,
};
pub use service::{Service, ServiceSearch, Tax};
pub use sla::{SlaClock, SlaRules, SlaStep, SlaTimes};
pub use staff::{Staff, StaffChannel, StaffMember};
pub use told_by::ToldBy;
pub use vendor_error::ErrorClass;
pub use website_lead::{NotALead, Verdict, WebsiteLeadRules};
