//! Tekmetric: a token, rows by id and in Spring pages, and webhooks that say an English sentence.

mod api;
mod rows;
mod token;
mod webhooks;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use serde_json::Value;

pub use api::router;
pub use token::{CLIENT_ID, CLIENT_SECRET};

/// The shops that a token may read, unless it is said otherwise.
pub const SHOPS: [i64; 3] = [77, 78, 79];

#[derive(Debug, Default)]
pub struct Tekmetric(Mutex<State>);

#[derive(Debug)]
struct State {
    tables: HashMap<&'static str, BTreeMap<i64, Value>>,
    scope: Vec<i64>,
    token: String,
    refuses_tokens: bool,
    tokens_given: u32,
    webhook_urls: Vec<String>,
    deaf_to: Vec<String>,
    /// Times are written as they stand on the shop's wall.
    is_zoneless: bool,
    requests: u32,
}

impl Default for State {
    fn default() -> Self {
        Self {
            tables: HashMap::new(),
            scope: SHOPS.into(),
            token: uuid::Uuid::new_v4().to_string(),
            refuses_tokens: false,
            tokens_given: 0,
            webhook_urls: Vec::new(),
            deaf_to: Vec::new(),
            is_zoneless: false,
            requests: 0,
        }
    }
}

impl Tekmetric {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody pastes an address into the shops' settings.
    pub fn add_webhook(&self, url: &str) {
        self.state().webhook_urls.push(url.to_owned());
    }

    /// And takes all of them out again.
    pub fn clear_webhooks(&self) {
        self.state().webhook_urls.clear();
    }

    /// From now on the token in use is refused; whoever asks for one gets another.
    pub fn revoke_token(&self) {
        self.state().token = uuid::Uuid::new_v4().to_string();
    }

    /// From now on no token is taken, also not the one that is given.
    pub fn refuse_tokens(&self) {
        self.state().refuses_tokens = true;
    }

    pub(crate) fn refuses_tokens(&self) -> bool {
        self.state().refuses_tokens
    }

    /// How often somebody asked for a token.
    pub fn tokens_given(&self) -> u32 {
        self.state().tokens_given
    }

    /// How many calls the API has answered in any way.
    pub fn requests(&self) -> u32 {
        self.state().requests
    }

    /// From now on only these shops may be read.
    pub fn set_scope(&self, shops: &[i64]) {
        self.state().scope = shops.to_vec();
    }

    /// From now on filters by this parameter are ignored without a word.
    pub fn ignore_filter(&self, parameter: &str) {
        self.state().deaf_to.push(parameter.to_owned());
    }

    /// From now on appointments' times are those on the shop's wall.
    pub fn leave_out_zones(&self) {
        self.state().is_zoneless = true;
    }

    pub fn row(&self, table: &str, id: i64) -> Option<Value> {
        self.state().tables.get(table)?.get(&id).cloned()
    }

    pub fn put(&self, table: &'static str, row: Value) {
        let id = row["id"].as_i64().unwrap_or_default();
        self.state().tables.entry(table).or_default().insert(id, row);
    }

    /// Changes fields of a row, and its date of change.
    pub(crate) fn change(&self, table: &str, id: i64, fields: &Value, now: DateTime<Utc>) -> Option<Value> {
        let mut state = self.state();
        let row = state.tables.get_mut(table)?.get_mut(&id)?;
        for (name, value) in fields.as_object().into_iter().flatten() {
            row[name] = value.clone();
        }
        row["updatedDate"] = rows::date(now).into();
        Some(row.clone())
    }
}
