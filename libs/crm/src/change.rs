//! What a CRM's webhook says.

use domain::CrmName;

use crate::{shopmonkey, tekmetric};

/// Enough to name a row that was made, changed or deleted. What it is now is read again from the CRM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub about: About,
    pub id: String,
    pub is_deletion: bool,
    /// Which state of the row it tells of, as the row's own adapter counts versions: the CRM's copy may be behind it for a while.
    pub row_version: Option<i64>,
    /// The CRM's id of the shop.
    pub location_id: Option<String>,
    /// What the CRM would call the same change, told again.
    pub key: String,
}

/// What kind of row it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    Order,
    Appointment,
    Customer,
    Service,
    /// Nothing that we read.
    Other,
}

/// Why a webhook cannot be read. It never quotes what it read, which is a customer's.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableChange {
    #[error("the body is not JSON that a webhook has: line {line}, column {column}")]
    NotJson { line: usize, column: usize },
    #[error("the body has no {0}")]
    Missing(&'static str),
}

impl UnreadableChange {
    pub(crate) fn not_json(error: &serde_json::Error) -> Self {
        Self::NotJson { line: error.line(), column: error.column() }
    }
}

impl Change {
    /// Reads the body of a webhook of this CRM's.
    pub fn parse(crm: CrmName, body: &[u8]) -> Result<Self, UnreadableChange> {
        match crm {
            CrmName::Shopmonkey => shopmonkey::webhook::parse(body),
            CrmName::Tekmetric => tekmetric::webhook::parse(body),
        }
    }
}
