use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{ErrorClass, TextSender};
use reqwest::StatusCode;

use super::{Credentials, NAME, wire};
use crate::carrier::{Answer, Carrier, Letter, LookupError, Trace, answer_of, ask};

/// Of the vendor's interface, which keeps each for two years.
const VERSION: &str = "v23.0";
const AN_OPERATORS_MINUTE: Duration = Duration::from_secs(60);
const MUCH_LATER: Duration = Duration::from_secs(1_800);

pub(crate) struct Whatsapp {
    http: reqwest::Client,
    credentials: Credentials,
}

impl Whatsapp {
    pub(crate) fn new(http: reqwest::Client, credentials: Credentials) -> Self {
        Self { http, credentials }
    }

    fn url(&self, rest: &str) -> String {
        let Credentials { base_url, phone_number_id, .. } = &self.credentials;
        format!("{}/{VERSION}/{phone_number_id}{rest}", base_url.trim_end_matches('/'))
    }
}

#[async_trait]
impl Carrier for Whatsapp {
    async fn send(&self, letter: &Letter) -> Answer {
        let message = wire::Message {
            messaging_product: "whatsapp",
            recipient_type: "individual",
            to: letter.to.trim_start_matches('+'),
            content: content(letter),
        };
        let request = self.http.post(self.url("/messages")).bearer_auth(&self.credentials.access_token).json(&message);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return answer_of(&error),
        };
        let status = response.status();
        let retry_after = service::http::retry_after(response.headers());
        match response.bytes().await {
            Ok(body) => read_answer(status, retry_after, &body),
            Err(_) if status.is_success() => Answer::Ambiguous { why: "answer cut short".into() },
            Err(error) => answer_of(&error),
        }
    }

    fn vendor(&self) -> &str {
        &self.credentials.base_url
    }

    fn sender(&self, _own: Option<&TextSender>) -> String {
        format!("whatsapp:{}", self.credentials.phone_number_id)
    }

    async fn standing(&self) -> Result<String, String> {
        let fields = [("fields", "verified_name,display_phone_number,quality_rating")];
        let request = self.http.get(self.url("")).query(&fields).bearer_auth(&self.credentials.access_token);
        let number: wire::Number = ask(request).await?;
        let (name, shown) = (number.verified_name.unwrap_or_default(), number.display_phone_number.unwrap_or_default());
        match number.quality_rating.as_deref() {
            Some("RED") => Err(format!("{shown} is about to be limited: too many people blocked or reported it")),
            _ => Ok(format!("messages come from {name}, {shown}")),
        }
    }

    async fn answers(&self) -> bool {
        let question = self.http.get(self.url("")).bearer_auth(&self.credentials.access_token);
        question.send().await.is_ok_and(|answer| !answer.status().is_server_error())
    }

    /// The vendor has no list that says to whom a message went: what became of one, its webhooks alone tell.
    async fn look_up(&self, _letter: &Letter, _since: DateTime<Utc>) -> Result<Vec<Trace>, LookupError> {
        Ok(Vec::new())
    }

    fn knows_what_it_sent(&self) -> bool {
        false
    }
}

fn content(letter: &Letter) -> wire::Content<'_> {
    let Some(approved) = &letter.approved else {
        return wire::Content::Text { text: wire::Text { body: &letter.body, preview_url: false } };
    };
    let parameters: Vec<_> = approved.parameters.iter().map(|text| wire::Parameter { r#type: "text", text }).collect();
    let body = wire::Component { r#type: "body", parameters };
    let components = if body.parameters.is_empty() { Vec::new() } else { vec![body] };
    let language = wire::LanguageCode { code: &approved.name.language_code };
    wire::Content::Template { template: wire::Template { name: &approved.name.name, language, components } }
}

/// Every answer to a message that this body could be, for the fuzzers. Only a vendor that says so has a message.
pub(crate) fn read_answers(body: &[u8]) {
    for status in [StatusCode::OK, StatusCode::BAD_REQUEST, StatusCode::TOO_MANY_REQUESTS, StatusCode::BAD_GATEWAY] {
        let answer = read_answer(status, None, body);
        assert!(status.is_success() || !matches!(answer, Answer::Accepted { .. }));
    }
}

fn read_answer(status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> Answer {
    if status.is_success() {
        let first =
            serde_json::from_slice::<wire::Accepted>(body).ok().and_then(|taken| taken.messages.into_iter().next());
        return match first {
            Some(message) => Answer::Accepted { provider_id: message.id },
            None => Answer::Ambiguous { why: "answer not readable".into() },
        };
    }
    let code = serde_json::from_slice::<wire::Problem>(body).ok().and_then(|problem| problem.error.code);
    let code = code.map_or_else(|| status.as_u16().to_string(), |code| code.to_string());
    let class = ErrorClass::of(NAME, &code);
    match (status, class) {
        // A failure after the message was made looks the same as one before.
        _ if !status.is_client_error() || status == StatusCode::REQUEST_TIMEOUT => {
            Answer::Ambiguous { why: format!("status {}", status.as_u16()) }
        }
        (_, Some(ErrorClass::MuchLater)) => Answer::NotProcessed { code, retry_after: Some(MUCH_LATER) },
        (_, Some(ErrorClass::Busy)) | (StatusCode::TOO_MANY_REQUESTS, _) => Answer::NotProcessed { code, retry_after },
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) | (_, Some(ErrorClass::SetUp)) => {
            Answer::NotProcessed { code, retry_after: Some(AN_OPERATORS_MINUTE) }
        }
        (_, class) => Answer::Refused { code, class: class.unwrap_or(ErrorClass::Message) },
    }
}

#[cfg(test)]
mod tests {
    use domain::{ApprovedName, AttemptId};

    use super::*;
    use crate::carrier::Approved;

    fn said(status: u16, body: &str) -> Answer {
        read_answer(StatusCode::from_u16(status).unwrap(), None, body.as_bytes())
    }

    #[test]
    fn only_what_the_vendor_says_it_did_not_do_is_done_again() {
        let taken = r#"{"messaging_product":"whatsapp","messages":[{"id":"wamid.1"}]}"#;
        assert_eq!(said(200, taken), Answer::Accepted { provider_id: "wamid.1".into() });
        assert!(matches!(said(200, r#"{"messages":[]}"#), Answer::Ambiguous { .. }));
        assert!(matches!(said(500, "{}"), Answer::Ambiguous { .. }));
        assert!(matches!(said(400, r#"{"error":{"code":131056}}"#), Answer::NotProcessed { .. }));
        assert!(matches!(said(401, r#"{"error":{"code":190}}"#), Answer::NotProcessed { .. }), "an operator mends it");
        let undeliverable = Answer::Refused { code: "131026".into(), class: ErrorClass::BadAddress };
        assert_eq!(said(400, r#"{"error":{"code":131026}}"#), undeliverable);
        assert_eq!(said(404, "not json"), Answer::Refused { code: "404".into(), class: ErrorClass::Message });
    }

    #[test]
    fn approved_words_leave_by_their_name_with_what_stands_in_them() {
        let mut letter = Letter {
            to: "+15125550142".into(),
            body: "Hi Dana".into(),
            ..Letter::plain(AttemptId::new(uuid::Uuid::nil()))
        };
        let sent = |letter: &Letter| serde_json::to_value(content(letter)).unwrap();
        assert_eq!(
            sent(&letter),
            serde_json::json!({"type": "text", "text": {"body": "Hi Dana", "preview_url": false}})
        );
        let name = ApprovedName::try_from("follow_up_1:en_US".to_owned()).unwrap();
        letter.approved = Some(Approved { name: name.clone(), parameters: vec!["Dana".into()] });
        let template = serde_json::json!({"name": "follow_up_1", "language": {"code": "en_US"},
            "components": [{"type": "body", "parameters": [{"type": "text", "text": "Dana"}]}]});
        assert_eq!(sent(&letter), serde_json::json!({"type": "template", "template": template}));
        letter.approved = Some(Approved { name, parameters: Vec::new() });
        assert!(sent(&letter)["template"].get("components").is_none());
    }
}
