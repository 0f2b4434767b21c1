use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use store::Store;

use crate::desk::names;

/// What came to a door and was turned away, newest first.
#[derive(Debug)]
pub struct Refusals<'s>(&'s Store);

#[derive(Debug, Clone, Serialize)]
pub struct RefusalLine {
    pub refused_at: DateTime<Utc>,
    pub source: String,
    /// Its name in commands. `None`: it came to an address that is nobody's.
    pub tenant: Option<String>,
    pub status: u16,
    /// Its page is in `docs/errors/`.
    pub code: String,
    pub size_bytes: Option<i64>,
    pub headers: BTreeMap<String, String>,
}

impl<'s> Refusals<'s> {
    pub fn new(store: &'s Store) -> Self {
        Self(store)
    }

    pub async fn list(&self, most: u16) -> Result<Vec<RefusalLine>, store::Error> {
        let refusals = self.0.everywhere().list_refusals(most).await?;
        let names = names(self.0).await?;
        Ok(refusals
            .into_iter()
            .map(|refusal| RefusalLine {
                refused_at: refusal.refused_at,
                source: refusal.source,
                tenant: refusal.tenant.and_then(|tenant| names.get(&tenant).cloned()),
                status: refusal.status,
                code: refusal.code,
                size_bytes: refusal.size_bytes,
                headers: refusal.headers,
            })
            .collect())
    }
}
