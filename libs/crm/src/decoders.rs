//! What reads bytes of a CRM's, for the fuzzers.

use domain::CrmName;

use crate::{shopmonkey, tekmetric};

/// Every kind of answer that this CRM may give.
pub fn read_answer(crm: CrmName, bytes: &[u8]) {
    match crm {
        CrmName::Shopmonkey => shopmonkey::read_anything(bytes),
        CrmName::Tekmetric => tekmetric::read_anything(bytes),
    }
}
