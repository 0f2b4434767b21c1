//! What operators can do, behind the commands and, later, the console: what was refused and given up on, whether each CRM still
//! tells us, the comparison with what the CRM knows, and taking in what was there before.

mod api;
mod backfill;
mod cadences;
mod chats;
mod dead_letters;
#[doc(hidden)]
pub mod decoders;
mod desk;
mod error;
mod leads;
mod ledger;
mod onboard;
mod pauses;
mod preview;
mod refusals;
mod shops;
mod tasks;
mod tell;
mod timeline;
mod webhooks;
mod words;

use std::time::Duration;

pub use api::{Api, router};
pub use backfill::{Backfilled, backfill};
pub use cadences::{
    ArmResult, Effect, WantedCadence, WantedPlace, WantedRival, WantedUse, list_cadence_changes, list_cadences,
    preview_use, save_cadence, score_experiment, use_cadence,
};
pub use chats::{Conversation, ConversationTurn, give_chat_back, read_chat, say_in_chat};
pub use dead_letters::{DeadLetterLine, DeadLetters};
pub use desk::Desk;
pub use error::Error;
pub use leads::{describe_lead, list_merges, set_language, unmerge};
pub use ledger::{Ledger, LedgerDay, MissingOrder, Why, read_ledger};
pub use onboard::{
    Check, Imported, ImportedRow, LocationPreflight, MadeForm, NewTenant, Preflight, RowOutcome, RowProblem,
    SavedCredentials, Vendor, WantedForm, add_api_key, add_form_key, add_tenant, change_settings, go_live,
    import_locations, list_api_keys, list_form_keys, list_tenants, preflight, read_settings, reseal_all,
    revoke_api_key, revoke_form_key, save_credentials,
};
pub use pauses::{WantedScope, list_pauses, pause, resume};
pub use preview::{CadencePreview, Sample, TouchPreview, preview_lead, preview_sample};
pub use refusals::{RefusalLine, Refusals};
pub use shops::{Shop, list_shops};
pub use tasks::{Answered, add_task, answer, assign_task, complete_task, list_tasks};
pub use timeline::{TimelineLine, read_timeline};
pub use webhooks::{Repaired, WebhookLine, list_webhooks, repair_webhook};
pub use words::{SavedWords, list_words, preview_words, save_words};

/// How long a command waits for one turn at a CRM, or for JetStream.
const PATIENCE: Duration = Duration::from_secs(30);

/// For the hand that changes an address at a vendor. Whoever must not use it any longer is shut out by asking for a second new one.
const OLD_DOOR_STAYS_OPEN: chrono::TimeDelta = chrono::TimeDelta::days(7);
