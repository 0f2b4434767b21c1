//! Meta: `X-Hub-Signature-256: sha256=` and the HMAC-SHA256 of the raw body, in hex, with the application's secret.

use axum::http::HeaderMap;
use ring::hmac;
use service::Problem;

use super::bad;

pub(crate) fn verify(headers: &HeaderMap, body: &[u8], secret: &str) -> Result<(), Problem> {
    let given = headers.get("x-hub-signature-256").and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("sha256=")).and_then(|value| hex::decode(value).ok());
    let given = given.ok_or_else(|| bad("X-Hub-Signature-256 is missing or not readable."))?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::verify(&key, body, &given).map_err(|_| bad("The signature does not fit: check the application's secret."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_was_changed_on_the_way_is_refused() {
        const BODY: &[u8] = br#"{"object":"whatsapp_business_account","entry":[]}"#;
        let signed =
            |value: &str| HeaderMap::from_iter([("x-hub-signature-256".parse().unwrap(), value.parse().unwrap())]);
        let right = signed("sha256=cea28f432504bec595648ba0d6cfb09f88a60a35f7c722df13039617b1589183");
        assert!(verify(&right, BODY, "wa-app-secret-0123").is_ok());
        assert!(verify(&right, b"{}", "wa-app-secret-0123").is_err());
        assert!(verify(&right, BODY, "another").is_err());
        for wrong in ["", "sha256=", "sha256=zz", "cea28f432504bec595648ba0d6cfb09f88a60a35f7c722df13039617b1589183"] {
            assert!(verify(&signed(wrong), BODY, "wa-app-secret-0123").is_err(), "{wrong}");
        }
        assert!(verify(&HeaderMap::new(), BODY, "wa-app-secret-0123").is_err());
    }
}
