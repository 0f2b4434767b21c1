//! Every decoder of outside bytes, and what must be true of it whatever the bytes are: it ends, it does not panic, and what it takes
//! is what it says.
//!
//! `make fuzz` has each looked for counterexamples for some minutes; what was found before is in `corpus/` and tried with every
//! `cargo test`. To add one: a function here, a line in [`TARGETS`], a file in `libfuzzer/fuzz_targets/`, and seeds in `corpus/`.

use bytes::Bytes;
use catalog_cache::Catalog;
use chrono::DateTime;
use crm::Change;
use domain::{CrmName, E164, Email, FormSchema, ServiceSearch, TenantId, ToldBy, keyword};
use events::{Decode as _, FormSubmission, Inbound, InboundKind, LeadEnriched, MessageDue, Raw, Source};
use uuid::Uuid;

/// Tries bytes, and panics where something is not as it must be.
pub type Decoder = fn(&[u8]);

/// By the names of their corpora.
pub const TARGETS: [(&str, Decoder); 9] = [
    ("crm_webhook", crm_webhook),
    ("crm_answer", crm_answer),
    ("website_form", website_form),
    ("signed_webhook", signed_webhook),
    ("receipt", receipt),
    ("reply", reply),
    ("stream_message", stream_message),
    ("spreadsheet", spreadsheet),
    ("words", words),
];

/// A CRM's word of a change. What is told again has the same name.
pub fn crm_webhook(bytes: &[u8]) {
    for crm in CrmName::ALL {
        if let Ok(change) = Change::parse(crm, bytes) {
            assert!(!change.id.is_empty() && change.key.contains(&change.id));
            assert_eq!(Change::parse(crm, bytes).ok(), Some(change));
        }
    }
}

/// What a CRM answers.
pub fn crm_answer(bytes: &[u8]) {
    for crm in CrmName::ALL {
        crm::decoders::read_answer(crm, bytes);
    }
}

pub fn website_form(bytes: &[u8]) {
    ingest::decoders::website_form(bytes);
    let _ = serde_json::from_slice::<FormSchema>(bytes);
}

pub fn signed_webhook(bytes: &[u8]) {
    ingest::decoders::signed_webhook(bytes);
}

pub fn receipt(bytes: &[u8]) {
    notify::decoders::receipts(&inbound(Source::Twilio, InboundKind::Receipt, bytes));
}

pub fn reply(bytes: &[u8]) {
    enrich::decoders::reply(&inbound(Source::Twilio, InboundKind::Reply, bytes));
    enrich::decoders::reply(&inbound(Source::Whatsapp, InboundKind::Reply, bytes));
}

/// What is in a stream: its subject, headers and payload, a line each.
pub fn stream_message(bytes: &[u8]) {
    let mut parts = bytes.splitn(3, |byte| *byte == b'\n');
    let mut line = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (subject, header) = (line(), line());
    let payload = Bytes::copy_from_slice(parts.next().unwrap_or_default());
    let headers: Vec<_> = ["Event-Id", "Received-At", "Told-By", "Inbound-Query"]
        .iter()
        .map(|name| ((*name).to_owned(), header.clone()))
        .collect();
    let raw = Raw { subject: &subject, headers: &headers, payload: &payload };
    if let Ok(inbound) = Inbound::decode(&raw) {
        let packed = inbound.pack();
        assert!(packed.subject.starts_with("inbound."));
    }
    let _ = LeadEnriched::decode(&raw);
    let _ = MessageDue::decode(&raw);
    let _ = serde_json::from_slice::<FormSubmission>(&payload);
    if let Ok(catalog) = serde_json::from_slice::<Catalog>(&payload) {
        let search = ServiceSearch { words: subject, ..ServiceSearch::default() };
        let found = catalog.find(&search).len();
        assert!(found <= catalog.services.len());
    }
}

pub fn spreadsheet(bytes: &[u8]) {
    operate::decoders::spreadsheet(bytes);
}

/// What people type. A number that is taken is the same when it is read again, and so is an address.
pub fn words(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = keyword(text);
    if let Ok(number) = E164::parse(text) {
        assert!(number.as_str().starts_with('+') && number.as_str()[1..].bytes().all(|digit| digit.is_ascii_digit()));
        assert_eq!(E164::parse(number.as_str()).as_ref(), Ok(&number));
    }
    if let Ok(address) = Email::parse(text) {
        assert!(!address.as_str().chars().any(char::is_whitespace) || address.as_str().contains('"'));
        assert_eq!(Email::parse(address.as_str()).as_ref(), Ok(&address));
    }
}

fn inbound(source: Source, kind: InboundKind, body: &[u8]) -> Inbound {
    Inbound {
        tenant: TenantId::new(Uuid::nil()),
        source,
        kind,
        key: String::new(),
        told_by: ToldBy::Webhook,
        received_at: DateTime::UNIX_EPOCH,
        query: String::from_utf8_lossy(body).into_owned(),
        body: Bytes::copy_from_slice(body),
    }
}
