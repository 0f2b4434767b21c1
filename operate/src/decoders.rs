//! What reads bytes of operators', for the fuzzers.

/// A spreadsheet of shops. Whatever is read of it, no shop is there twice.
pub fn spreadsheet(bytes: &[u8]) {
    crate::onboard::read_spreadsheet(bytes);
}
