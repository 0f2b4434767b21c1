use chrono::{DateTime, Utc};
use domain::DeadLetterId;
use serde::Serialize;
use store::Store;

use crate::desk::names;

/// The dead letters of all tenants, as an engineer on call sees them: without their contents, which are customers' data.
#[derive(Debug)]
pub struct DeadLetters<'s>(&'s Store);

#[derive(Debug, Clone, Serialize)]
pub struct DeadLetterLine {
    pub id: DeadLetterId,
    /// Its name in commands.
    pub tenant: Option<String>,
    pub stage: String,
    pub stream: String,
    pub sequence: u64,
    pub subject: String,
    /// The chain of causes, outermost first.
    pub reasons: Vec<String>,
    pub deliveries: u64,
    pub died_at: DateTime<Utc>,
}

impl<'s> DeadLetters<'s> {
    pub fn new(store: &'s Store) -> Self {
        Self(store)
    }

    /// The open ones, newest first.
    pub async fn list(&self, most: u16) -> Result<Vec<DeadLetterLine>, store::Error> {
        let letters = self.0.everywhere().list_open_dead_letters(most).await?;
        let names = names(self.0).await?;
        Ok(letters
            .into_iter()
            .map(|letter| DeadLetterLine {
                id: letter.id,
                tenant: letter.tenant.and_then(|tenant| names.get(&tenant).cloned()),
                stage: letter.stage,
                stream: letter.stream,
                sequence: letter.sequence,
                subject: letter.subject,
                reasons: letter.reasons,
                deliveries: letter.deliveries,
                died_at: letter.died_at,
            })
            .collect())
    }
}
