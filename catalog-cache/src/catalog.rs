use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::{Service, ServiceSearch};
use serde::{Deserialize, Serialize};

/// What a shop sold when its CRM was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    /// When the CRM began to be asked: what changed later may be missing.
    pub asked_at: DateTime<Utc>,
    pub fresh_until: DateTime<Utc>,
    pub services: Vec<Service>,
}

impl Catalog {
    pub fn find(&self, search: &ServiceSearch) -> Vec<&Service> {
        search.find(&self.services)
    }

    pub(crate) fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        now < self.fresh_until
    }
}

/// What is known of a shop's catalog.
#[derive(Debug, Clone)]
pub enum Answer {
    Known {
        catalog: Arc<Catalog>,
        age: Duration,
    },
    /// Nobody has ever known it, and the CRM does not say now.
    Unknown,
}

impl Answer {
    pub(crate) fn known(catalog: Arc<Catalog>, now: DateTime<Utc>) -> Self {
        let age = (now - catalog.asked_at).to_std().unwrap_or_default();
        Self::Known { catalog, age }
    }

    pub fn catalog(&self) -> Option<&Arc<Catalog>> {
        match self {
            Self::Known { catalog, .. } => Some(catalog),
            Self::Unknown => None,
        }
    }
}
