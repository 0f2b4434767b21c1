use std::time::Duration;

use domain::ErrorClass;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::Credentials;
use crate::carrier::{Answer, Letter, answer_of, ask};

pub(crate) struct Telegram {
    http: reqwest::Client,
    credentials: Credentials,
}

#[derive(Deserialize)]
struct Said {
    ok: bool,
    error_code: Option<u16>,
    description: Option<String>,
    #[serde(default)]
    parameters: Parameters,
    result: Option<Sent>,
}

#[derive(Deserialize, Default)]
struct Parameters {
    retry_after: Option<u64>,
}

#[derive(Deserialize)]
struct Sent {
    message_id: Option<i64>,
}

impl Telegram {
    pub(crate) fn new(http: reqwest::Client, credentials: Credentials) -> Self {
        Self { http, credentials }
    }

    /// The token is a part of the address, so nothing says the address when it fails.
    fn call(&self, method: &str) -> reqwest::RequestBuilder {
        let Credentials { base_url, bot_token } = &self.credentials;
        self.http.post(format!("{}/bot{bot_token}/{method}", base_url.trim_end_matches('/')))
    }

    pub(crate) async fn standing(&self) -> Result<String, String> {
        let said: Said = ask(self.call("getMe")).await?;
        if said.ok { Ok("the bot may write".to_owned()) } else { Err(said.description.unwrap_or_default()) }
    }

    pub(crate) async fn send(&self, letter: &Letter) -> Answer {
        let Ok(chat_id) = letter.to.parse::<i64>() else {
            return Answer::Refused { code: "no_chat_id".to_owned(), class: ErrorClass::Message };
        };
        let button = json!({"text": "I take it", "callback_data": format!("take:{}", letter.attempt)});
        let message = json!({
            "chat_id": chat_id, "text": letter.body, "reply_markup": {"inline_keyboard": [[button]]},
            "link_preview_options": {"is_disabled": true}
        });
        let response = match self.call("sendMessage").json(&message).send().await {
            Ok(response) => response,
            Err(error) => return answer_of(&error),
        };
        let status = response.status();
        match response.bytes().await {
            Ok(body) => read_answer(status, &body),
            Err(error) => answer_of(&error),
        }
    }
}

fn read_answer(status: StatusCode, body: &[u8]) -> Answer {
    let code = status.as_u16().to_string();
    match serde_json::from_slice::<Said>(body) {
        Ok(Said { ok: true, result, .. }) => {
            let id = result.and_then(|sent| sent.message_id);
            Answer::Accepted { provider_id: id.map(|id| id.to_string()).unwrap_or_default() }
        }
        Ok(Said { error_code: Some(429), parameters, .. }) => {
            Answer::NotProcessed { code, retry_after: parameters.retry_after.map(Duration::from_secs) }
        }
        _ if status == StatusCode::TOO_MANY_REQUESTS => Answer::NotProcessed { code, retry_after: None },
        _ if status.is_client_error() => Answer::Refused { code, class: ErrorClass::Message },
        _ => Answer::Ambiguous { why: format!("status {code}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_it_asks_for_is_in_the_body() {
        let said = |status: u16, body: &str| read_answer(StatusCode::from_u16(status).unwrap(), body.as_bytes());
        assert_eq!(said(200, r#"{"ok":true,"result":{"message_id":7}}"#), Answer::Accepted { provider_id: "7".into() });
        let busy = r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 17","parameters":{"retry_after":17}}"#;
        let wait = Some(Duration::from_secs(17));
        assert_eq!(said(429, busy), Answer::NotProcessed { code: "429".into(), retry_after: wait });
        let blocked = r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#;
        assert_eq!(said(403, blocked), Answer::Refused { code: "403".into(), class: ErrorClass::Message });
        assert!(matches!(said(502, "<html>"), Answer::Ambiguous { .. }));
    }
}
