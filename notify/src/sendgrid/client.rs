use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use domain::{ErrorClass, TextSender};
use reqwest::StatusCode;

use super::{Credentials, wire};
use crate::carrier::{Answer, Carrier, Letter, LookupError, Trace, answer_of, ask};

const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(10);

pub(crate) struct Sendgrid {
    http: reqwest::Client,
    credentials: Credentials,
}

impl Sendgrid {
    pub(crate) fn new(http: reqwest::Client, credentials: Credentials) -> Self {
        Self { http, credentials }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.credentials.base_url.trim_end_matches('/'))
    }
}

#[async_trait]
impl Carrier for Sendgrid {
    async fn send(&self, letter: &Letter) -> Answer {
        let way_out = letter.unsubscribe.as_deref();
        let text = wire::Content { r#type: "text/plain", value: &letter.body };
        let html = letter.html.as_deref().map(|html| wire::Content { r#type: "text/html", value: html });
        let attached = letter.attachment.as_ref().map(|file| wire::Attachment {
            content: STANDARD.encode(&file.content),
            r#type: file.media_type,
            filename: file.name,
            disposition: "attachment",
        });
        let mail = wire::Mail {
            attachments: attached.map(|file| [file]),
            personalizations: [wire::Personalization {
                to: [wire::Address { email: &letter.to, name: None }],
                custom_args: letter.reports.then(|| ("attempt_id", letter.attempt.to_string())).into_iter().collect(),
            }],
            from: wire::Address { email: &self.credentials.from_email, name: Some(&self.credentials.from_name) },
            subject: letter.subject.as_deref().unwrap_or_default(),
            content: [text].into_iter().chain(html).collect(),
            headers: one_click(way_out),
            tracking_settings: wire::Tracking {
                subscription_tracking: wire::Subscription {
                    // Somebody of the staff leaves by asking their colleagues.
                    enable: way_out.is_none() && letter.reports,
                    ..wire::Subscription::default()
                },
                ..wire::Tracking::default()
            },
        };
        let request = self.http.post(self.url("/v3/mail/send")).bearer_auth(&self.credentials.api_key).json(&mail);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return answer_of(&error),
        };
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let status = response.status();
        let code = status.as_u16().to_string();
        match status {
            StatusCode::ACCEPTED | StatusCode::OK => match header("x-message-id") {
                Some(id) => Answer::Accepted { provider_id: id },
                None => Answer::Ambiguous { why: "accepted without an id".into() },
            },
            StatusCode::TOO_MANY_REQUESTS => {
                Answer::NotProcessed { code, retry_after: service::http::retry_after(response.headers()) }
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Answer::NotProcessed { code, retry_after: Some(Duration::from_secs(60)) }
            }
            _ if status.is_client_error() => Answer::Refused { code, class: ErrorClass::Message },
            _ => Answer::Ambiguous { why: format!("status {code}") },
        }
    }

    fn vendor(&self) -> &str {
        &self.credentials.base_url
    }

    fn sender(&self, _own: Option<&TextSender>) -> String {
        self.credentials.from_email.clone()
    }

    async fn standing(&self) -> Result<String, String> {
        let request = self.http.get(self.url("/v3/scopes")).bearer_auth(&self.credentials.api_key);
        let granted: wire::Scopes = ask(request).await?;
        if granted.scopes.iter().any(|scope| scope == "mail.send") {
            return Ok(format!("the key may send, as {}", self.credentials.from_email));
        }
        Err("the key may not send: it lacks mail.send".to_owned())
    }

    /// The logs can be asked by recipient and time, not by our arguments: those are in each entry.
    async fn look_up(&self, letter: &Letter, since: DateTime<Utc>) -> Result<Vec<Trace>, LookupError> {
        let since = (since - CLOCK_SKEW).to_rfc3339_opts(SecondsFormat::Secs, true);
        // The address was parsed at the door; a quote in it is doubled all the same.
        let to = letter.to.replace('\'', "''");
        let query = format!("to_email = '{to}' AND sg_message_id_created_at > TIMESTAMP \"{since}\"");
        let call = self.http.post(self.url("/v3/logs")).bearer_auth(&self.credentials.api_key);
        let logs: wire::Logs = read(call.json(&wire::LogsQuery { query, limit: 50 })).await?;
        let mut traces = Vec::new();
        for entry in logs.messages {
            let call = self.http.get(self.url(&format!("/v3/logs/{}", entry.sg_message_id)));
            let log: wire::Log = read(call.bearer_auth(&self.credentials.api_key)).await?;
            if log.custom_args.get("attempt_id") == Some(&letter.attempt.to_string()) {
                traces.push(Trace { provider_id: request_id(&entry.sg_message_id).to_owned() });
            }
        }
        Ok(traces)
    }
}

async fn read<T: serde::de::DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T, LookupError> {
    let response = request.send().await.map_err(|error| LookupError::Unreachable(error.without_url()))?;
    if !response.status().is_success() {
        return Err(LookupError::Failing(response.status().as_u16()));
    }
    response.json().await.map_err(|error| LookupError::Unreachable(error.without_url()))
}

/// An event's `sg_message_id` is the request's `X-Message-Id` with more behind a dot.
pub(super) fn request_id(sg_message_id: &str) -> &str {
    sg_message_id.split('.').next().unwrap_or(sg_message_id)
}

/// What a mailbox shows as a button of its own (RFC 8058).
fn one_click(way_out: Option<&str>) -> BTreeMap<&'static str, String> {
    let headers = way_out.map(|link| {
        [("List-Unsubscribe", format!("<{link}>")), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned())]
    });
    headers.into_iter().flatten().collect()
}
