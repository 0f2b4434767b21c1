//! What reads bytes of vendors', for the fuzzers.

use events::Inbound;

use crate::{sendgrid, twilio, whatsapp};

/// What became of a message, in the words of each vendor. Whatever is read names a message.
pub fn receipts(inbound: &Inbound) {
    if let Ok(reports) = twilio::read_receipt(inbound) {
        assert!(reports.iter().all(|report| !report.key.is_empty()));
    }
    if let Ok(reports) = sendgrid::read_receipts(&inbound.body) {
        assert!(reports.iter().all(|report| !report.provider_id.is_empty()));
    }
    if let Ok(reports) = whatsapp::read_receipts(inbound) {
        assert!(reports.iter().all(|report| report.key.starts_with(&report.provider_id)));
    }
    twilio::read_answers(&inbound.body);
    whatsapp::read_answers(&inbound.body);
}
