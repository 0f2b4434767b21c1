//! Postgres, one tenant at a time. The only crate that speaks SQL.
//!
//! A [`Transaction`] belongs to one tenant, and repositories exist only on it, so a query that forgets the tenant cannot be
//! written: row-level security would answer it with nothing. Work that is one statement names its tenant in it ([`Once`]).
//! What must look across tenants is in [`Everywhere`], each function with a grant of its own in the migrations.

mod alerts;
mod api_keys;
mod appointments;
mod attempts;
mod cadence_changes;
mod cadences;
mod chats;
mod config;
mod dead_letters;
mod descriptions;
mod error;
mod everywhere;
mod forms;
mod languages;
mod lead_to_plan;
mod leads;
mod links;
mod locations;
mod merges;
mod messages;
mod migrate;
mod once;
mod parked;
mod pauses;
mod polls;
mod pool;
mod refusals;
mod replanning;
mod replies;
mod said;
mod seal;
mod sla;
mod stops;
mod tasks;
mod tenants;
mod timeline;
mod transaction;
mod watched;
mod words;

pub use alerts::{Alert, Alerts, NewAlert, Taken};
pub use api_keys::{ApiKey, ApiKeyLine, ApiKeys};
pub use appointments::{AppointmentToTell, Appointments, BookedSlot, Booking, NewHold};
pub use attempts::{Attempt, AttemptOutcome, Attempts, NewAttempt, Started};
pub use cadence_changes::{ArmScore, CadenceChange};
pub use cadences::{CadenceLine, CadenceUse, Cadences, LeadReplan, Rival, UseScope};
pub use chats::{Answering, Chat, Chats, Fence, NewTurn, Turn};
pub use config::{Config, check_url};
pub use dead_letters::{DeadLetter, NewDeadLetter, OpenDeadLetter};
pub use descriptions::{Descriptions, FormDescription, LeadDescription, LeadRecipient};
pub use error::Error;
pub use everywhere::{Door, DueRow, Everywhere, MessageCount, TenantLine};
pub use forms::{FormKey, FormKeyLine, Forms, NewFormKey, NewSubmission};
pub use lead_to_plan::{ChosenCadence, LeadToPlan};
pub use leads::{Contact, Judged, Lead, LeadStanding, Leads, NewLead, Saved, Standing};
pub use links::{LinkToken, LinkedShop, Links};
pub use locations::{CrmLocation, Location, Locations};
pub use merges::{Merge, Merges};
pub use messages::{Message, MessageLine, Messages, NewTouch, Recipient};
pub use migrate::{MIGRATOR, create_database, migrate, pending_migrations};
pub use once::{NewReceipt, Once, Reported};
pub use parked::{NewParked, Parked, ParkedLine, ParkedPlace};
pub use pauses::{PauseLine, Pauses};
pub use polls::{Arrivals, CrmHealth, NewPollRun, PollOutcome, PollRun, Polls, TakenPoll};
pub use refusals::{NewRefusal, Refusal};
pub use replies::{Replies, Reply};
pub use seal::{SealKey, Sealer};
pub use sla::{LeadClock, SlaLine, Slas};
pub use tasks::{NewTask, OverdueTask, TaskLine, Tasks};
pub use tenants::{CrmLimit, Prices, TenantSettings, Tenants, not_live_yet, token_hash};
pub use timeline::{Happening, Timeline};
pub use transaction::{Store, Transaction};
pub use words::{Template, Wordings};
