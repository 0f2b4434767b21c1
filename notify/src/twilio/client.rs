use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{ErrorClass, TextSender};
use reqwest::StatusCode;

use super::{Credentials, NAME, wire};
use crate::carrier::{Answer, Carrier, Letter, LookupError, Trace, answer_of, ask};

/// How far the vendor's clock may be from ours. Generous: what was sent before is known and left out anyway, and a row that
/// is overlooked would be sent again.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(10);
const AN_OPERATORS_MINUTE: Duration = Duration::from_secs(60);
/// As the vendor takes it.
const LONGEST_VALIDITY_S: i64 = 36_000;
const MUCH_LATER: Duration = Duration::from_secs(1_800);
/// Asks the vendor to try a callback five times, whatever goes wrong. Without it one that we answer with 503 is lost. Neither
/// sent nor signed.
const TRY_AGAIN: &str = "#rc=5&rp=all";

pub(crate) struct Twilio {
    http: reqwest::Client,
    credentials: Credentials,
}

impl Twilio {
    pub(crate) fn new(http: reqwest::Client, credentials: Credentials) -> Self {
        Self { http, credentials }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.credentials.base_url.trim_end_matches('/'))
    }

    fn messages_path(&self) -> String {
        format!("/2010-04-01/Accounts/{}/Messages.json", self.credentials.account_sid)
    }

    fn authorize(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        request.basic_auth(&self.credentials.account_sid, Some(&self.credentials.auth_token))
    }
}

#[async_trait]
impl Carrier for Twilio {
    async fn send(&self, letter: &Letter) -> Answer {
        // The callback carries the attempt's id, which ties the vendor's message to it even if the answer is lost.
        let callback = format!("{}?attempt={}{TRY_AGAIN}", self.credentials.status_callback, letter.attempt);
        let mut form = vec![
            ("To", letter.to.as_str()),
            match &letter.sender {
                None => ("MessagingServiceSid", self.credentials.messaging_service_sid.as_str()),
                Some(TextSender::Service(id)) => ("MessagingServiceSid", id),
                Some(TextSender::Number(number)) => ("From", number.as_str()),
            },
            ("Body", &letter.body),
            // Smart encoding rewrites the body, and a body that is not ours is not found when we ask for it.
            ("SmartEncoded", "false"),
        ];
        let validity =
            letter.valid_for.map(|valid_for| valid_for.num_seconds().clamp(1, LONGEST_VALIDITY_S).to_string());
        if let Some(validity) = &validity {
            form.push(("ValidityPeriod", validity));
        }
        if letter.reports {
            form.push(("StatusCallback", &callback));
        }
        let request = self.http.post(self.url(&self.messages_path())).form(&form);
        let response = match self.authorize(request).send().await {
            Ok(response) => response,
            Err(error) => return answer_of(&error),
        };
        let status = response.status();
        let retry_after = service::http::retry_after(response.headers());
        let body = match response.bytes().await {
            Ok(body) => body,
            Err(_) if status.is_success() => {
                return Answer::Ambiguous { why: "answer cut short".into() };
            }
            Err(error) => return answer_of(&error),
        };
        read_answer(status, retry_after, &body)
    }

    fn vendor(&self) -> &str {
        &self.credentials.base_url
    }

    fn sender(&self, own: Option<&TextSender>) -> String {
        let Credentials { account_sid, messaging_service_sid, .. } = &self.credentials;
        // With its account: whoever writes down somebody else's sender does not get into their line.
        own.map_or_else(|| format!("{account_sid}:{messaging_service_sid}"), |own| format!("{account_sid}:{own}"))
    }

    async fn standing(&self) -> Result<String, String> {
        let account = format!("/2010-04-01/Accounts/{}", self.credentials.account_sid);
        let found: wire::Account = ask(self.authorize(self.http.get(self.url(&format!("{account}.json"))))).await?;
        if found.status.as_deref() != Some("active") {
            return Err(format!("the account is {}", found.status.unwrap_or_else(|| "of no known state".to_owned())));
        }
        let numbers = self.url(&format!("{account}/IncomingPhoneNumbers.json?PageSize=100"));
        let page: wire::Numbers = ask(self.authorize(self.http.get(numbers))).await?;
        let able = page.incoming_phone_numbers.iter().filter(|number| number.can_text()).count();
        if able == 0 {
            return Err("the account has no number that can text".to_owned());
        }
        Ok(format!("the account is active; {able} of its numbers can text"))
    }

    async fn look_up(&self, letter: &Letter, since: DateTime<Utc>) -> Result<Vec<Trace>, LookupError> {
        // No filter by date: rows without a sent date might be left out, and those are the ones in question.
        let mut next = Some(format!("{}?PageSize=100", self.messages_path()));
        let mut first = true;
        let mut traces = Vec::new();
        let since = since - CLOCK_SKEW;
        while let Some(path) = next.take() {
            let mut request = self.http.get(self.url(&path));
            if std::mem::take(&mut first) {
                request = request.query(&[("To", &letter.to)]);
            }
            let response =
                self.authorize(request).send().await.map_err(|e| LookupError::Unreachable(e.without_url()))?;
            if !response.status().is_success() {
                return Err(LookupError::Failing(response.status().as_u16()));
            }
            let page: wire::Page = response.json().await.map_err(|e| LookupError::Unreachable(e.without_url()))?;
            let recent = |message: &wire::Message| message.created_at().is_none_or(|at| at >= since);
            // Newest first, as far as is known: a page with nothing recent ends the search.
            if page.messages.iter().any(recent) {
                next = page.next_page_uri;
            }
            traces.extend(
                page.messages
                    .into_iter()
                    .filter(recent)
                    .filter(|message| is(message, letter))
                    .map(|message| Trace { provider_id: message.sid }),
            );
        }
        Ok(traces)
    }
}

/// By whichever sender: the shop may have got another one since, and the same words reached the same person.
fn is(message: &wire::Message, letter: &Letter) -> bool {
    message.body.as_deref() == Some(&letter.body)
        && message.direction.as_deref().is_none_or(|direction| direction.starts_with("outbound"))
}

/// Every answer to a message that this body could be, for the fuzzers. Only a vendor that says so has a message.
pub(crate) fn read_answers(body: &[u8]) {
    for status in [StatusCode::CREATED, StatusCode::BAD_REQUEST, StatusCode::TOO_MANY_REQUESTS, StatusCode::BAD_GATEWAY]
    {
        let answer = read_answer(status, None, body);
        assert!(status.is_success() || !matches!(answer, Answer::Accepted { .. }));
    }
}

fn read_answer(status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> Answer {
    if status.is_success() {
        return match serde_json::from_slice::<wire::Message>(body) {
            Ok(message) => Answer::Accepted { provider_id: message.sid },
            Err(_) => Answer::Ambiguous { why: "answer not readable".into() },
        };
    }
    let code = serde_json::from_slice::<wire::Problem>(body).ok().and_then(|problem| problem.code);
    let code = code.map_or_else(|| status.as_u16().to_string(), |code| code.to_string());
    let class = ErrorClass::of(NAME, &code);
    match (status, class) {
        // The vendor's word: not processed, a retry is always safe.
        (StatusCode::TOO_MANY_REQUESTS, Some(ErrorClass::MuchLater)) => {
            Answer::NotProcessed { code, retry_after: retry_after.max(Some(MUCH_LATER)) }
        }
        (StatusCode::TOO_MANY_REQUESTS, _) => Answer::NotProcessed { code, retry_after },
        // A failure after the message was made looks the same as one before.
        _ if !status.is_client_error() => Answer::Ambiguous { why: format!("status {}", status.as_u16()) },
        (_, Some(ErrorClass::Busy)) => Answer::NotProcessed { code, retry_after },
        (_, Some(ErrorClass::MuchLater)) => Answer::NotProcessed { code, retry_after: Some(MUCH_LATER) },
        // The account, not the message: an operator mends it, and nothing is lost until then.
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) | (_, Some(ErrorClass::SetUp)) => {
            Answer::NotProcessed { code, retry_after: Some(AN_OPERATORS_MINUTE) }
        }
        (_, class) => Answer::Refused { code, class: class.unwrap_or(ErrorClass::Message) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, body: &str) -> Answer {
        read_answer(StatusCode::from_u16(status).unwrap(), None, body.as_bytes())
    }

    #[test]
    fn only_what_the_vendor_says_it_did_not_do_is_done_again() {
        assert_eq!(said(201, r#"{"sid":"SM1"}"#), Answer::Accepted { provider_id: "SM1".into() });
        assert!(matches!(said(201, "<html>"), Answer::Ambiguous { .. }));
        assert!(matches!(said(500, "{}"), Answer::Ambiguous { .. }));
        assert!(matches!(said(429, r#"{"code":20429}"#), Answer::NotProcessed { .. }));
        assert!(matches!(said(401, r#"{"code":20003}"#), Answer::NotProcessed { .. }));
        assert!(matches!(said(400, r#"{"code":21704}"#), Answer::NotProcessed { .. }), "an operator mends it");
        assert_eq!(
            said(400, r#"{"code":21211}"#),
            Answer::Refused { code: "21211".into(), class: ErrorClass::BadAddress }
        );
        assert_eq!(
            said(400, r#"{"code":21610}"#),
            Answer::Refused { code: "21610".into(), class: ErrorClass::OptedOut }
        );
        assert_eq!(said(404, "not json"), Answer::Refused { code: "404".into(), class: ErrorClass::Message });
    }
}
