//! `X-Slack-Signature`: HMAC-SHA256 of `v0:{timestamp}:{body}` with the app's signing secret.

use std::time::Duration;

use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use ring::hmac;
use service::{Code, Problem};

use super::bad;

pub(crate) fn verify(
    headers: &HeaderMap,
    body: &[u8],
    secret: &str,
    now: DateTime<Utc>,
    tolerance: Duration,
) -> Result<(), Problem> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let timestamp = header("x-slack-request-timestamp").ok_or_else(|| bad("X-Slack-Request-Timestamp is missing."))?;
    let mac = header("x-slack-signature")
        .and_then(|value| hex::decode(value.strip_prefix("v0=")?).ok())
        .ok_or_else(|| bad("X-Slack-Signature is missing or not v0= and hex."))?;
    // Anybody can sign with nothing.
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signed = [b"v0:", timestamp.as_bytes(), b":", body].concat();
    if secret.is_empty() || hmac::verify(&key, &signed, &mac).is_err() {
        return Err(bad("X-Slack-Signature does not fit this body and signing secret."));
    }
    // Judged after the signature: an unsigned timestamp says nothing.
    let sent_at: Option<i64> = timestamp.parse().ok();
    if sent_at.is_none_or(|at| now.timestamp().abs_diff(at) > tolerance.as_secs()) {
        return Err(Problem::new(Code::StaleTimestamp, "The signed time is too far from ours."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vendor's own example, from "Verifying requests from Slack".
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn is_taken(body: &str, signature: &str, later_seconds: i64) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert("x-slack-request-timestamp", "1531420618".parse().unwrap());
        headers.insert("x-slack-signature", signature.parse().unwrap());
        let now = DateTime::from_timestamp(1_531_420_618 + later_seconds, 0).unwrap();
        verify(&headers, body.as_bytes(), SECRET, now, Duration::from_secs(300)).is_ok()
    }

    #[test]
    fn the_vendors_own_vector_verifies_and_nothing_else_does() {
        assert!(is_taken(BODY, SIGNATURE, 1));
        assert!(!is_taken(&BODY.replace("roadrunner", "coyote"), SIGNATURE, 1));
        assert!(!is_taken(BODY, SIGNATURE, 301), "what was signed six minutes ago may be a recording");
        assert!(!is_taken(BODY, "v0=00", 1));
        assert!(!is_taken(BODY, "", 1));
        let mut headers = HeaderMap::new();
        let of_nothing = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b""), b"v0:1:x");
        headers.insert("x-slack-request-timestamp", "1".parse().unwrap());
        headers.insert("x-slack-signature", format!("v0={}", hex::encode(of_nothing)).parse().unwrap());
        let at = DateTime::from_timestamp(1, 0).unwrap();
        assert!(verify(&headers, b"x", "", at, Duration::from_secs(300)).is_err(), "anybody can sign with nothing");
    }
}
