//! SendGrid's event webhook: ECDSA over P-256 of the timestamp and the raw body.

use axum::http::HeaderMap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use p256::{
    ecdsa::{Signature, VerifyingKey, signature::Verifier as _},
    pkcs8::DecodePublicKey as _,
};
use service::Problem;

use super::bad;

/// The timestamp is signed but not judged: retries go on for a day, and whether they are signed anew is not documented.
/// A recorded batch that is sent again finds its receipts known.
pub(crate) fn verify(headers: &HeaderMap, body: &[u8], public_key: &str) -> Result<(), Problem> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let timestamp = header("x-twilio-email-event-webhook-timestamp").ok_or_else(missing)?;
    let signature = header("x-twilio-email-event-webhook-signature").ok_or_else(missing)?;
    let key = STANDARD.decode(public_key.trim()).ok().and_then(|der| VerifyingKey::from_public_key_der(&der).ok());
    let key = key.ok_or_else(|| bad("The verification key stored for this address cannot be read; store it again."))?;
    let signature = STANDARD.decode(signature).ok().and_then(|der| Signature::from_der(&der).ok());
    let signed = [timestamp.as_bytes(), body].concat();
    if signature.is_some_and(|signature| key.verify(&signed, &signature).is_ok()) {
        Ok(())
    } else {
        Err(bad("The signature does not fit this body and the verification key of this address."))
    }
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
