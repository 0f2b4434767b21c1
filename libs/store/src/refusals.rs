//! What came to a door and was turned away. Kept and listed across tenants: of many, nobody knows whose they are.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::TenantId;

/// A request that was turned away, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRefusal {
    pub refused_at: DateTime<Utc>,
    pub source: String,
    /// Of the last part of the address it came to, which opens the door.
    pub token_hash: Vec<u8>,
    pub status: u16,
    pub code: &'static str,
    /// As the sender announced it.
    pub size_bytes: Option<i64>,
    /// Names, and what may be seen of the values.
    pub headers: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// `None`: it came to a door that is nobody's.
    pub tenant: Option<TenantId>,
    pub refused_at: DateTime<Utc>,
    pub source: String,
    pub status: u16,
    pub code: String,
    pub size_bytes: Option<i64>,
    pub headers: BTreeMap<String, String>,
}
