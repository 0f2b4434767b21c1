//! Shopmonkey's signature, in the form of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, base64, as `v1,<mac>`.

use std::time::Duration;

use axum::http::HeaderMap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use ring::hmac;
use service::{Code, Problem};

use super::bad;

/// Accepts any `v1` entry made with the secret as it is written or, when it starts with `whsec_`, with its decoded rest:
/// which of the two the vendor means is not documented.
pub(crate) fn verify(
    headers: &HeaderMap,
    body: &[u8],
    secret: &str,
    now: DateTime<Utc>,
    tolerance: Duration,
) -> Result<(), Problem> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (id, timestamp, signatures) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    if id.is_empty() || timestamp.is_empty() || signatures.is_empty() {
        return Err(bad("The headers webhook-id, webhook-timestamp and webhook-signature are all needed."));
    }
    let mut keys = vec![secret.as_bytes().to_vec()];
    keys.extend(secret.strip_prefix("whsec_").and_then(|rest| STANDARD.decode(rest).ok()));
    // Anybody can sign with nothing, and with the prefix of nothing.
    keys.retain(|key| !key.is_empty() && key != b"whsec_");
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    let fits =
        |mac: &[u8]| keys.iter().any(|key| hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key), &signed, mac).is_ok());
    let is_signed = signatures
        .split(' ')
        .filter_map(|entry| entry.strip_prefix("v1,"))
        .filter_map(|mac| STANDARD.decode(mac).ok())
        .any(|mac| fits(&mac));
    if !is_signed {
        return Err(bad("No signature in webhook-signature fits this body and the secret of this address."));
    }
    // Judged after the signature: an unsigned timestamp says nothing.
    let signed_at = timestamp.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let tolerance = TimeDelta::from_std(tolerance).unwrap_or(TimeDelta::MAX);
    if signed_at.is_none_or(|at| (now - at).abs() > tolerance) {
        return Err(Problem::new(Code::StaleTimestamp, "The signed time is too far from ours."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"apiVersion":"3","operation":"INSERT","table":"order","data":{"id":"a1"}}"#;
    const TOLERANCE: Duration = Duration::from_secs(300);

    fn headers(signature: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", "8f2d6c1e-0a4b-4a57-9d0e-3b1f7c2a9e10".parse().unwrap());
        headers.insert("webhook-timestamp", "1764892800".parse().unwrap());
        headers.insert("webhook-signature", signature.parse().unwrap());
        headers
    }

    fn code(headers: &HeaderMap, body: &[u8], secret: &str, now: i64) -> Option<Code> {
        let now = DateTime::from_timestamp(now, 0).unwrap();
        verify(headers, body, secret, now, TOLERANCE).err().map(|problem| problem.code())
    }

    #[test]
    fn a_known_vector_verifies_and_any_changed_byte_does_not() {
        let good = "v1,rgJnjvqucEPb0znSJqOSVPMnqF+aLx8tN3adh5LhTMs=";
        let secret = "whsec-sim-0123456789";
        assert_eq!(code(&headers(good), BODY, secret, 1764892800), None);
        assert_eq!(code(&headers(&format!("v2,zzzz v1,AAAA {good}")), BODY, secret, 1764892900), None);
        let mut body = BODY.to_vec();
        body[70] ^= 1;
        assert_eq!(code(&headers(good), &body, secret, 1764892800), Some(Code::BadSignature));
        assert_eq!(code(&headers(good), BODY, "another", 1764892800), Some(Code::BadSignature));
        assert_eq!(code(&headers("v1,"), BODY, secret, 1764892800), Some(Code::BadSignature));
        assert_eq!(code(&HeaderMap::new(), BODY, secret, 1764892800), Some(Code::BadSignature));
    }

    #[test]
    fn an_empty_secret_opens_nothing() {
        let signed = [b"8f2d6c1e-0a4b-4a57-9d0e-3b1f7c2a9e10.1764892800.", BODY].concat();
        for secret in ["", "whsec_"] {
            let of_nothing = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b""), &signed);
            let of_itself = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), &signed);
            for mac in [of_nothing, of_itself] {
                let signature = format!("v1,{}", STANDARD.encode(mac));
                assert_eq!(code(&headers(&signature), BODY, secret, 1764892800), Some(Code::BadSignature));
            }
        }
    }

    #[test]
    fn a_recorded_request_is_refused_when_it_comes_late() {
        let good = headers("v1,rgJnjvqucEPb0znSJqOSVPMnqF+aLx8tN3adh5LhTMs=");
        assert_eq!(code(&good, BODY, "whsec-sim-0123456789", 1764892800 + 301), Some(Code::StaleTimestamp));
        assert_eq!(code(&good, BODY, "whsec-sim-0123456789", 1764892800 - 301), Some(Code::StaleTimestamp));
    }

    #[test]
    fn a_prefixed_secret_may_be_meant_decoded() {
        let key = b"0123456789abcdef";
        let secret = format!("whsec_{}", STANDARD.encode(key));
        let signed = [b"8f2d6c1e-0a4b-4a57-9d0e-3b1f7c2a9e10.1764892800.", BODY].concat();
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), &signed);
        let signature = format!("v1,{}", STANDARD.encode(mac));
        assert_eq!(code(&headers(&signature), BODY, &secret, 1764892800), None);
    }
}
