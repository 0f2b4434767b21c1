//! A tenant, from its name to the day it goes live.

mod add;
mod api_key;
mod credentials;
mod form_key;
mod go_live;
mod import;
mod preflight;
mod rehearse;

pub(crate) use add::without_words;
pub use add::{NewTenant, add_tenant, change_settings, list_tenants, read_settings};
pub use api_key::{add_api_key, list_api_keys, revoke_api_key};
pub use credentials::{SavedCredentials, Vendor, reseal_all, save_credentials};
pub use form_key::{MadeForm, WantedForm, add_form_key, list_form_keys, revoke_form_key};
pub use go_live::go_live;
pub(crate) use import::read_spreadsheet;
pub use import::{Imported, ImportedRow, RowOutcome, RowProblem, import_locations};
pub use preflight::{Check, LocationPreflight, Preflight, preflight};
