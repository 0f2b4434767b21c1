use std::{sync::Arc, time::Duration};

use events::Source;
use service::{Code, Problem};
use store::{FormKey, Store};

use crate::{
    app::refuse,
    door::come_again,
    remembered::{Found, Remembered},
};

/// Longer than any key we make.
pub(super) const LONGEST_KEY: usize = 64;

/// What keys open.
pub(crate) struct FormKeys {
    store: Store,
    keys: Remembered<String, Arc<FormKey>>,
}

impl FormKeys {
    pub(crate) fn new(store: Store, ttl: Duration, patience: Duration) -> Self {
        Self { store, keys: Remembered::new(ttl, patience) }
    }

    /// Whether asking for this key may cost the database a question that nobody has a use for.
    pub(super) fn is_guess(&self, key: &str) -> bool {
        !self.keys.is_familiar(&key.to_owned())
    }

    pub(super) async fn find(&self, key: &str) -> Result<Arc<FormKey>, Problem> {
        if key.is_empty() || key.len() > LONGEST_KEY || key.contains('\0') {
            return Err(refuse(Source::Form, unknown()));
        }
        let look_up = async { Ok(self.store.everywhere().find_form_key(key).await?.map(Arc::new)) };
        match self.keys.find(&key.to_owned(), "a form's key", look_up).await {
            Found::Now(key) | Found::Before(key) => Ok(key),
            Found::Nothing => Err(refuse(Source::Form, unknown())),
            Found::Away => Err(refuse(Source::Form, come_again())),
        }
    }
}

pub(super) fn unknown() -> Problem {
    Problem::new(Code::UnknownDoor, "Check the form's key: it stands in the address, in ?key= or in X-Publishable-Key.")
}
