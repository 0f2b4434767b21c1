//! The event webhook: signed batches that end with CR LF.

use std::{
    sync::{Arc, LazyLock, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::Utc;
use p256::{
    ecdsa::{Signature, SigningKey, signature::Signer as _},
    pkcs8::EncodePublicKey as _,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::Mail;
use crate::{Event, world::World};

/// Always the same key, so that a set-up made once fits every run.
static KEY: LazyLock<SigningKey> = LazyLock::new(|| {
    SigningKey::from_slice(&Sha256::digest(b"simulated sendgrid")).expect("a hash below the order of the curve")
});

/// As the vendor shows it: base64 of the DER, without PEM lines.
pub fn public_key() -> String {
    let der = KEY.verifying_key().to_public_key_der().expect("a key that encodes");
    STANDARD.encode(der.as_bytes())
}

pub(crate) async fn report(world: Arc<World>, mail: Mail, delay: Duration, is_undelivered: bool) {
    tokio::time::sleep(delay).await;
    let now = now();
    if is_undelivered {
        // Twice, under two ids, as has been seen.
        let body = format!("[{},\r\n{}]\r\n", event(&mail, "bounce", now), event(&mail, "bounce", now));
        post(&world, &body).await;
        return;
    }
    // Delivered before processed: the vendor does not promise an order.
    let body = format!("[{},\r\n{}]\r\n", event(&mail, "delivered", now), event(&mail, "processed", now));
    post(&world, &body).await;
}

impl World {
    /// A customer presses their mailbox's own button in the newest email to this address. Answers the receiver's status.
    pub async fn unsubscribe(&self, address: &str) -> Option<u16> {
        let mail = self.newest_mail_to(address)?;
        let Some(address) = mail.one_click else { return self.unsubscribe_at_vendor(&mail.to).await };
        // As most mailboxes send it; nobody follows a redirect.
        let body = "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
        let request = self.http.post(address).header("content-type", "multipart/form-data; boundary=b").body(body);
        Some(request.send().await.map_or(0, |response| response.status().as_u16()))
    }

    /// As somebody who uses a link of the vendor's own.
    pub async fn unsubscribe_at_vendor(&self, address: &str) -> Option<u16> {
        let mail = self.newest_mail_to(address)?;
        Some(post(self, &format!("[{}]\r\n", event(&mail, "unsubscribe", now()))).await)
    }

    fn newest_mail_to(&self, address: &str) -> Option<Mail> {
        let mails = self.sendgrid.mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails.iter().rev().find(|mail| mail.to == address).cloned()
    }
}

#[expect(clippy::disallowed_methods, reason = "a vendor has its own clock")]
fn now() -> i64 {
    Utc::now().timestamp()
}

fn event(mail: &Mail, name: &str, at: i64) -> String {
    let mut event = json!({
        "email": mail.to, "timestamp": at, "event": name, "sg_event_id": uuid::Uuid::new_v4().simple().to_string(),
        "sg_message_id": format!("{}.recvd-sim-1-0", mail.id), "smtp-id": format!("<{}@sim>", mail.id),
        "attempt_id": mail.attempt
    });
    if name == "bounce" {
        event["type"] = "bounce".into();
        event["status"] = "5.1.1".into();
        event["reason"] = "550 5.1.1 no such user".into();
    }
    event.to_string()
}

/// Posts a batch until it is taken, for a while. Answers the last status, 0 where there is nobody.
async fn post(world: &World, body: &str) -> u16 {
    let Some(url) = world.sendgrid.event_url.lock().unwrap_or_else(PoisonError::into_inner).clone() else {
        return 0;
    };
    let timestamp = now().to_string();
    let signature: Signature = KEY.sign(&[timestamp.as_bytes(), body.as_bytes()].concat());
    let signature = STANDARD.encode(signature.to_der().as_bytes());
    let mut status = 0;
    for attempt in 0..8_u32 {
        let sent = world
            .http
            .post(&url)
            .header("content-type", "application/json")
            .header("x-twilio-email-event-webhook-timestamp", &timestamp)
            .header("x-twilio-email-event-webhook-signature", &signature)
            .body(body.to_owned())
            .send()
            .await;
        status = sent.map_or(0, |response| response.status().as_u16());
        if (200..300).contains(&status) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200 << attempt.min(4))).await;
    }
    world.journal.write(Event::CallbackAnswered { vendor: "sendgrid".into(), status });
    status
}
