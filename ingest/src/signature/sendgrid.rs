//! SendGrid's event webhook: ECDSA over P-256 of the timestamp and the raw body.

use axum::http::HeaderMap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use service::Problem;

use super::bad;

/// What precedes the point of the curve in every public key for P-256 (RFC 5480, section 2).
const BEFORE_THE_POINT: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The timestamp is signed but not judged: retries go on for a day, and whether they are signed anew is not documented.
/// A recorded batch that is sent again finds its receipts known.
pub(crate) fn verify(headers: &HeaderMap, body: &[u8], public_key: &str) -> Result<(), Problem> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let timestamp = header("x-twilio-email-event-webhook-timestamp").ok_or_else(missing)?;
    let signature = header("x-twilio-email-event-webhook-signature").ok_or_else(missing)?;
    let point = point_of(public_key)
        .ok_or_else(|| bad("The verification key stored for this address cannot be read; store it again."))?;
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point);
    let signed = [timestamp.as_bytes(), body].concat();
    if STANDARD.decode(signature).is_ok_and(|signature| key.verify(&signed, &signature).is_ok()) {
        Ok(())
    } else {
        Err(bad("The signature does not fit this body and the verification key of this address."))
    }
}

/// Where a public key lies on its curve.
pub(crate) fn point_of(public_key: &str) -> Option<Vec<u8>> {
    let der = STANDARD.decode(public_key.trim()).ok()?;
    der.strip_prefix(&BEFORE_THE_POINT).filter(|point| point.len() == 65).map(<[u8]>::to_vec)
}

fn missing() -> Problem {
    bad("The headers X-Twilio-Email-Event-Webhook-Signature and -Timestamp are both needed.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEiVlxRo4s5q4O2P7P0YcaUtopLnffxDmsA3uBLiqAgSJzYEa3LcmGmgVjD3KUNq2P9i82tQX/vgn3wrX1QgBh+w==";
    const BODY: &str = "[{\"email\":\"dana@example.com\",\"timestamp\":1795187045,\"event\":\"delivered\",\"sg_event_id\":\"sim-1\",\"attempt_id\":\"01JC3Z\"}]\r\n";

    fn headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-twilio-email-event-webhook-timestamp", "1795187050".parse().unwrap());
        headers.insert(
            "x-twilio-email-event-webhook-signature",
            "MEUCIBBCQlAuw9vGxOmSqyMY1G8I6otw9S1u2my99OVV4uTeAiEA/L8fJN34P0oforKNFx3UMRbJmElRt3wAZUg9+qb9Q/w="
                .parse()
                .unwrap(),
        );
        headers
    }

    #[test]
    fn a_known_vector_verifies_with_its_line_end_and_not_without() {
        assert!(verify(&headers(), BODY.as_bytes(), KEY).is_ok());
        assert!(verify(&headers(), BODY.trim_end().as_bytes(), KEY).is_err());
        assert!(verify(&HeaderMap::new(), BODY.as_bytes(), KEY).is_err());
        assert!(verify(&headers(), BODY.as_bytes(), "not a key").is_err());
    }
}
