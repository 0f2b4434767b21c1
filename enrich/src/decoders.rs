//! What reads bytes of customers', for the fuzzers.

use events::Inbound;

/// A text that a customer wrote back.
pub fn reply(inbound: &Inbound) {
    let _ = crate::hear::read(inbound);
}
