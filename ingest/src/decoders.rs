//! What reads bytes from outside, for the fuzzers.

use std::time::Duration;

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, header},
};
use chrono::{DateTime, Utc};
use domain::FormPreset;

use crate::{forms::Given, signature, twilio::Form};

/// A website's form, in both of the ways that browsers send one. What is taken has the fields that were asked for, and no others.
pub fn website_form(bytes: &[u8]) {
    let body = Bytes::copy_from_slice(bytes);
    for kind in ["application/json", "application/x-www-form-urlencoded"] {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        let Ok(given) = Given::read(&headers, &body) else { continue };
        for preset in FormPreset::ALL {
            let schema = preset.schema();
            if let Ok(answers) = schema.read(&given.fields) {
                assert!(answers.fields.keys().all(|name| schema.fields.iter().any(|field| field.name == *name)));
                assert!(answers.fields.contains_key("phone") || answers.fields.contains_key("email"));
            }
        }
    }
}

/// Signatures of every kind, over a body: the first lines are headers. Nobody who does not know the secret signs anything.
pub fn signed_webhook(bytes: &[u8]) {
    let mut parts = bytes.splitn(4, |byte| *byte == b'\n');
    let mut headers = HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        if let Ok(value) = HeaderValue::from_bytes(parts.next().unwrap_or_default()) {
            for name in [name, "x-twilio-signature", "x-twilio-email-event-webhook-signature"] {
                headers.insert(name, value.clone());
            }
        }
    }
    let body = parts.next().unwrap_or_default();
    let (now, tolerance): (DateTime<Utc>, _) = (DateTime::UNIX_EPOCH, Duration::from_secs(300));
    let secret = "example-of-a-secret-that-no-fuzzer-knows";
    assert!(signature::standard_webhooks::verify(&headers, body, secret, now, tolerance).is_err());
    assert!(signature::sendgrid::verify(&headers, body, secret).is_err());
    if let Ok(pairs) = serde_urlencoded::from_bytes(body)
        && let Ok(url) = "https://hooks.example.com".parse()
    {
        let uri = axum::http::Uri::from_static("/webhooks/twilio/token/status?attempt=1");
        assert!(signature::twilio::verify(&url, &uri, &Form(pairs), &headers, secret).is_err());
    }
}
