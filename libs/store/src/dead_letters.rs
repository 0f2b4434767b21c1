//! What a stage gave up on.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{DeadLetterId, TenantId};

/// A message as it lay in its stream, and why it was given up.
#[derive(Debug, Clone)]
pub struct NewDeadLetter {
    pub tenant: Option<TenantId>,
    pub stage: &'static str,
    pub stream: &'static str,
    pub sequence: u64,
    pub subject: String,
    pub headers: BTreeMap<String, String>,
    pub payload: Vec<u8>,
    /// The chain of causes, outermost first.
    pub reasons: Vec<String>,
    pub deliveries: u64,
    pub died_at: DateTime<Utc>,
}

/// A row of the list an engineer on call looks at.
#[derive(Debug, Clone)]
pub struct OpenDeadLetter {
    pub id: DeadLetterId,
    pub tenant: Option<TenantId>,
    pub stage: String,
    pub stream: String,
    pub sequence: u64,
    pub subject: String,
    pub reasons: Vec<String>,
    pub deliveries: u64,
    pub died_at: DateTime<Utc>,
}

/// Everything needed to give one another chance.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    pub id: DeadLetterId,
    pub stage: String,
    pub stream: String,
    pub subject: String,
    pub headers: BTreeMap<String, String>,
    pub payload: Vec<u8>,
    pub redriven_at: Option<DateTime<Utc>>,
}
