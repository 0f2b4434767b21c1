//! `X-Twilio-Signature`: HMAC-SHA1 of the address and the form's pairs, sorted, with the account's auth token.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{HeaderMap, Uri};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;
use service::Problem;
use url::Url;

use super::bad;
use crate::twilio::Form;

/// `token` may be several, separated by spaces, while one follows another: only the primary one signs.
pub(crate) fn verify(
    public_url: &Url,
    path_and_query: &Uri,
    form: &Form,
    headers: &HeaderMap,
    token: &str,
) -> Result<(), Problem> {
    let mac = headers
        .get("x-twilio-signature")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| STANDARD.decode(value).ok())
        .ok_or_else(|| bad("The header X-Twilio-Signature is missing or not base64."))?;
    let fits = |token: &str, signed: &str| {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
        hmac::verify(&key, signed.as_bytes(), &mac).is_ok()
    };
    let pairs = sorted(form);
    let is_signed = addresses(public_url, path_and_query).iter().any(|address| {
        let signed = format!("{address}{pairs}");
        token.split_whitespace().any(|token| fits(token, &signed))
    });
    if is_signed { Ok(()) } else { Err(bad("X-Twilio-Signature does not fit this address, form and auth token.")) }
}

/// The address Twilio was given, rebuilt from the configuration (a proxy rewrites Host), without its port and with it.
fn addresses(public_url: &Url, path_and_query: &Uri) -> [String; 2] {
    let host = public_url.host_str().unwrap_or_default();
    let scheme = public_url.scheme();
    let port = public_url.port_or_known_default().unwrap_or(443);
    let base = public_url.path().trim_end_matches('/');
    let rest = path_and_query.path_and_query().map(ToString::to_string).unwrap_or_default();
    [format!("{scheme}://{host}{base}{rest}"), format!("{scheme}://{host}:{port}{base}{rest}")]
}

/// Each distinct key with each of its distinct values, in byte order.
fn sorted(form: &Form) -> String {
    let mut pairs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (key, value) in &form.0 {
        pairs.entry(key).or_default().insert(value);
    }
    pairs.iter().flat_map(|(key, values)| values.iter().flat_map(move |value| [*key, *value])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Form {
        Form(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    fn accepts(url: &str, pairs: &[(&str, &str)], signature: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert("x-twilio-signature", signature.parse().unwrap());
        let uri = Uri::from_static("/myapp.php?foo=1&bar=2");
        verify(&Url::parse(url).unwrap(), &uri, &form(pairs), &headers, "old-token 12345").is_ok()
    }

    const CALL: [(&str, &str); 5] = [
        ("CallSid", "CA1234567890ABCDE"),
        ("Digits", "1234"),
        ("From", "+14158675309"),
        ("To", "+18005551212"),
        ("Caller", "+14158675309"),
    ];

    #[test]
    fn the_vendors_own_vectors_verify() {
        assert!(accepts("https://mycompany.com", &CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="));
        assert!(accepts("https://mycompany.com", &CALL, "kvajT1Ptam85bY51eRf/AJRuM3w="), "signed with the port");
        assert!(accepts("http://mycompany.com", &CALL, "0ZXoZLH/DfblKGATFgpif+LLRf4="));
        let repeated =
            [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234"), ("Digits", "1234")];
        assert!(accepts("https://mycompany.com", &repeated, "IK+Dwps556ElfBT0I3Rgjkr1wJU="));
    }

    #[test]
    fn another_form_or_address_does_not() {
        assert!(!accepts("https://mycompany.com", &CALL[..4], "RSOYDt4T1cUTdK1PDd93/VVr8B8="));
        assert!(!accepts("https://other.example", &CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="));
        assert!(!accepts("https://mycompany.com", &CALL, ""));
        let empty = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b""),
            b"https://mycompany.com/myapp.php?foo=1&bar=2",
        );
        let headers = HeaderMap::from_iter([(
            axum::http::HeaderName::from_static("x-twilio-signature"),
            STANDARD.encode(empty).parse().unwrap(),
        )]);
        let uri = Uri::from_static("/myapp.php?foo=1&bar=2");
        let url = Url::parse("https://mycompany.com").unwrap();
        assert!(verify(&url, &uri, &form(&[]), &headers, " 12345  old ").is_err(), "a space is no token");
    }
}
