use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The CRMs that a tenant may have. Their orders, leads and credentials are stored under these names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrmName {
    #[default]
    Shopmonkey,
    Tekmetric,
}

impl CrmName {
    pub const ALL: [Self; 2] = [Self::Shopmonkey, Self::Tekmetric];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shopmonkey => "shopmonkey",
            Self::Tekmetric => "tekmetric",
        }
    }
}

impl fmt::Display for CrmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CrmName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|crm| crm.as_str() == text).ok_or_else(|| {
            format!("{text:?} is no CRM that is known here; write one of {}", Self::ALL.map(Self::as_str).join(", "))
        })
    }
}
