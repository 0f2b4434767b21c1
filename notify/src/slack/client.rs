use std::time::Duration;

use domain::ErrorClass;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::Credentials;
use crate::carrier::{Answer, Letter, answer_of, ask};

/// What the vendor says of itself, and not of the message: it may be well in a moment.
const OF_THE_MOMENT: [&str; 5] =
    ["ratelimited", "fatal_error", "internal_error", "service_unavailable", "request_timeout"];

pub(crate) struct Slack {
    http: reqwest::Client,
    credentials: Credentials,
}

#[derive(Deserialize)]
struct Said {
    ok: bool,
    error: Option<String>,
    ts: Option<String>,
}

impl Slack {
    pub(crate) fn new(http: reqwest::Client, credentials: Credentials) -> Self {
        Self { http, credentials }
    }

    fn call(&self, method: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/api/{method}", self.credentials.base_url.trim_end_matches('/'));
        self.http.post(url).bearer_auth(&self.credentials.bot_token)
    }

    pub(crate) async fn standing(&self) -> Result<String, String> {
        let said: Said = ask(self.call("auth.test")).await?;
        if said.ok {
            Ok("the bot may write".to_owned())
        } else {
            Err(format!("Slack says {}", said.error.unwrap_or_default()))
        }
    }

    pub(crate) async fn send(&self, letter: &Letter) -> Answer {
        let button = json!({
            "type": "button", "text": {"type": "plain_text", "text": "I take it"}, "style": "primary",
            "action_id": "take", "value": format!("take:{}", letter.attempt)
        });
        let message = json!({
            "channel": letter.to, "text": letter.body, "unfurl_links": false, "unfurl_media": false,
            "blocks": [
                {"type": "section", "text": {"type": "plain_text", "text": letter.body}},
                {"type": "actions", "elements": [button]}
            ]
        });
        let response = match self.call("chat.postMessage").json(&message).send().await {
            Ok(response) => response,
            Err(error) => return answer_of(&error),
        };
        let (status, retry_after) = (response.status(), service::http::retry_after(response.headers()));
        match response.bytes().await {
            Ok(body) => read_answer(status, retry_after, &body),
            Err(error) => answer_of(&error),
        }
    }
}

/// It says 200 also when it says no.
fn read_answer(status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> Answer {
    let word = status.as_u16().to_string();
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Answer::NotProcessed { code: word, retry_after };
    }
    match serde_json::from_slice::<Said>(body) {
        Ok(Said { ok: true, ts, .. }) => Answer::Accepted { provider_id: ts.unwrap_or_default() },
        Ok(Said { error, .. }) => {
            let code = error.unwrap_or(word);
            if OF_THE_MOMENT.contains(&code.as_str()) {
                Answer::NotProcessed { code, retry_after }
            } else {
                Answer::Refused { code, class: ErrorClass::Message }
            }
        }
        Err(_) if status.is_client_error() => Answer::Refused { code: word, class: ErrorClass::Message },
        Err(_) => Answer::Ambiguous { why: format!("status {word}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_200_may_be_a_no() {
        let said = |status: u16, body: &str| read_answer(StatusCode::from_u16(status).unwrap(), None, body.as_bytes());
        assert_eq!(said(200, r#"{"ok":true,"ts":"1.2"}"#), Answer::Accepted { provider_id: "1.2".into() });
        assert!(matches!(said(200, r#"{"ok":false,"error":"channel_not_found"}"#), Answer::Refused { .. }));
        assert!(matches!(said(200, r#"{"ok":false,"error":"internal_error"}"#), Answer::NotProcessed { .. }));
        assert!(matches!(said(429, r#"{"ok":false,"error":"ratelimited"}"#), Answer::NotProcessed { .. }));
        assert!(matches!(said(502, "<html>"), Answer::Ambiguous { .. }));
        assert!(matches!(said(404, "no_service"), Answer::Refused { .. }));
    }
}
