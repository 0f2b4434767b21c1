//! Signed callbacks: what became of a text, and what a customer wrote.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use super::{ACCOUNT_SID, AUTH_TOKEN, FROM, MESSAGING_SERVICE_SID};
use crate::{Event, FaultKind, world::World};

/// The address, then each distinct key in byte order with each distinct value, sorted.
pub(super) fn sign(url: &str, form: &[(&str, String)], token: &str) -> String {
    let mut pairs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (key, value) in form {
        pairs.entry(key).or_default().insert(value);
    }
    let mut text = url.to_owned();
    for (key, values) in pairs {
        for value in values {
            text.push_str(key);
            text.push_str(value);
        }
    }
    let hmac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).expect("HMAC takes keys of any length");
    STANDARD.encode(hmac.chain_update(text).finalize().into_bytes())
}

async fn post(world: &World, url: &str, form: &[(&str, String)]) -> u16 {
    // The fragment is not sent, not signed, and says how often to try: once more, and only when nobody could be reached,
    // where it says nothing.
    let (url, wishes) = url.split_once('#').unwrap_or((url, ""));
    let wish = |name: &str| wishes.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let retries: u32 = wish("rc").and_then(|count| count.parse().ok()).unwrap_or(1).min(5);
    let after_answers = matches!(wish("rp"), Some("all" | "5xx"));
    let signature = sign(url, form, AUTH_TOKEN);
    let mut status = 0;
    for attempt in 0..=retries {
        let sent = world.http.post(url).header("x-twilio-signature", &signature).form(form).send().await;
        status = sent.map_or(0, |response| response.status().as_u16());
        let is_worth_another = status == 0 || (status >= 500 && after_answers);
        if !is_worth_another {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200 << attempt)).await;
    }
    world.journal.write(Event::CallbackAnswered { vendor: "twilio".into(), status });
    status
}

/// The statuses a text goes through after it was taken.
pub(crate) async fn report(
    world: Arc<World>,
    url: String,
    (sid, to): (String, String),
    delay: Duration,
    statuses: &'static [&'static str],
) {
    for status in statuses.iter().copied() {
        tokio::time::sleep(delay).await;
        {
            let mut messages = world.twilio.messages.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(message) = messages.iter_mut().rev().find(|message| message.sid == sid) {
                message.status = status.into();
            }
        }
        // With a service the vendor reports `queued` too; we are told of the others.
        if status == "queued" {
            continue;
        }
        let mut form = vec![
            ("AccountSid", ACCOUNT_SID.to_owned()),
            ("ApiVersion", "2010-04-01".to_owned()),
            ("From", FROM.to_owned()),
            ("MessageSid", sid.clone()),
            ("MessageStatus", status.to_owned()),
            ("MessagingServiceSid", MESSAGING_SERVICE_SID.to_owned()),
            ("SmsSid", sid.clone()),
            ("SmsStatus", status.to_owned()),
            ("To", to.clone()),
        ];
        if status == "undelivered" {
            // A landline, or a carrier that cannot be reached.
            form.push(("ErrorCode", "30006".to_owned()));
        }
        if status == "failed" {
            form.push(("ErrorCode", "30036".to_owned()));
        }
        post(&world, &url, &form).await;
    }
}

/// What is reported, in its order; the end of a text that does not arrive comes twice.
pub(super) fn statuses(fault: Option<FaultKind>) -> &'static [&'static str] {
    match fault {
        Some(FaultKind::Undelivered) => &["queued", "sent", "undelivered", "undelivered"],
        Some(FaultKind::Expired) => &["queued", "failed", "failed"],
        _ => &["queued", "sent", "delivered"],
    }
}

impl World {
    /// A customer writes a text. Answers the receiver's status.
    pub async fn reply(&self, from: &str, body: &str) -> u16 {
        self.journal.write(Event::Reply { from: from.into(), body: body.into() });
        let word = body.trim().to_uppercase();
        {
            let mut blocked = self.twilio.blocked.lock().unwrap_or_else(PoisonError::into_inner);
            match word.as_str() {
                "STOP" | "STOPALL" | "UNSUBSCRIBE" | "CANCEL" | "END" | "QUIT" | "REVOKE" | "OPTOUT" => {
                    blocked.insert(from.to_owned());
                }
                "START" | "YES" | "UNSTOP" => {
                    blocked.remove(from);
                }
                _ => {}
            }
        }
        let Some(url) = self.twilio.reply_url.lock().unwrap_or_else(PoisonError::into_inner).clone() else {
            return 0;
        };
        let sid = format!("SM{}", uuid::Uuid::new_v4().simple());
        let form = [
            ("AccountSid", ACCOUNT_SID.to_owned()),
            ("ApiVersion", "2010-04-01".to_owned()),
            ("Body", body.to_owned()),
            ("From", from.to_owned()),
            ("MessageSid", sid.clone()),
            ("MessagingServiceSid", MESSAGING_SERVICE_SID.to_owned()),
            ("NumMedia", "0".to_owned()),
            ("NumSegments", "1".to_owned()),
            ("SmsMessageSid", sid.clone()),
            ("SmsSid", sid),
            ("SmsStatus", "received".to_owned()),
            ("To", FROM.to_owned()),
        ];
        post(self, &url, &form).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_own_vector_is_what_we_sign() {
        let form = [
            ("CallSid", "CA1234567890ABCDE".to_owned()),
            ("Digits", "1234".to_owned()),
            ("From", "+14158675309".to_owned()),
            ("To", "+18005551212".to_owned()),
            ("Caller", "+14158675309".to_owned()),
        ];
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        assert_eq!(sign(url, &form, "12345"), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    }
}
