//! Anthropic's Messages (<https://platform.claude.com/docs/en/api/messages>).

mod decode;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use reqwest::StatusCode;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use self::decode::Messages;
use crate::{Failed, Model, Prompt, Speaking, Timeouts, Unavailable};

pub const NAME: &str = "anthropic";
/// From this version on there is no temperature.
const VERSION: &str = "2026-10-21";
const CONNECT: Duration = Duration::from_secs(2);
const LONGEST_TRIAL: Duration = Duration::from_secs(10);
/// Of an error's words.
const LONGEST_SAID: usize = 300;

#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// `https://api.anthropic.com`.
    pub base_url: String,
    pub api_key: String,
}

/// One of its models, with a tenant's key.
pub struct Anthropic {
    http: reqwest::Client,
    base_url: String,
    api_key: SecretString,
    model: String,
    timeouts: Timeouts,
}

impl Anthropic {
    /// `http`: one that gives up a connection soon, and an answer never: here it is waited for by itself.
    pub fn new(http: reqwest::Client, credentials: Credentials, model: String, timeouts: Timeouts) -> Self {
        let Credentials { base_url, api_key } = credentials;
        Self { http, base_url, api_key: api_key.into(), model, timeouts }
    }
}

impl Anthropic {
    /// Whether the vendor takes this key; in words, what is well or wrong. It costs nothing.
    pub async fn try_key(credentials: &Credentials) -> Result<String, String> {
        let http = service::http::client(CONNECT, LONGEST_TRIAL);
        let url = format!("{}/v1/models?limit=1", credentials.base_url.trim_end_matches('/'));
        let request = http.get(url).header("x-api-key", &credentials.api_key).header("anthropic-version", VERSION);
        let response = request.send().await.map_err(|error| service::telemetry::causes(&error.without_url()))?;
        match response.status() {
            StatusCode::OK => Ok("the key works".to_owned()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err("Anthropic refuses the key".to_owned()),
            status => Err(format!("Anthropic answers {}", status.as_u16())),
        }
    }
}

#[async_trait]
impl Model for Anthropic {
    fn vendor(&self) -> &'static str {
        NAME
    }

    fn name(&self) -> &str {
        &self.model
    }

    async fn ask(&self, prompt: &Prompt<'_>) -> Result<Speaking, Failed> {
        let url = format!("{}/v1/messages", self.base_url.trim_end_matches('/'));
        let request = self.http.post(url).header("x-api-key", self.api_key.expose_secret());
        let request = request.header("anthropic-version", VERSION).json(&wire::Request::of(prompt, &self.model));
        let answered = timeout(self.timeouts.answer, request.send()).await;
        let response = answered.map_err(|_| Failed::NoAnswer(self.timeouts.answer))?;
        let response = response.map_err(|error| Failed::Unreachable(error.without_url()))?;
        if response.status() == StatusCode::OK {
            return Ok(Speaking::new(response, Box::new(Messages::default()), self.timeouts));
        }
        let (status, retry_after) = (response.status(), service::http::retry_after(response.headers()));
        let body = timeout(self.timeouts.answer, response.bytes()).await;
        let body = body.ok().and_then(Result::ok).unwrap_or_default();
        Err(failure(status, &body, retry_after))
    }
}

fn failure(status: StatusCode, body: &[u8], retry_after: Option<Duration>) -> Failed {
    let error = serde_json::from_slice::<wire::Problem>(body).map(|problem| problem.error).unwrap_or_default();
    let says: String = format!("{}: {}", error.r#type, error.message).chars().take(LONGEST_SAID).collect();
    // Our own limit of money comes as a 400 like a prompt that is wrong; its words tell them apart.
    let is_money = ["spend", "credit", "billing"].iter().any(|word| error.message.to_lowercase().contains(word));
    let why = match status.as_u16() {
        400 if is_money => Unavailable::OurAccount,
        401..=403 => Unavailable::OurAccount,
        429 => Unavailable::TooMany,
        408 | 409 | 500.. => Unavailable::Away,
        status => return Failed::WrongPrompt { status, says },
    };
    Failed::Unavailable { status: status.as_u16(), why, says, retry_after }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_to_mend_is_told_from_what_passes() {
        let of = |status: u16, message: &str| {
            let body = format!(r#"{{"type":"error","error":{{"type":"x","message":"{message}"}}}}"#);
            failure(StatusCode::from_u16(status).unwrap(), body.as_bytes(), None).as_str()
        };
        assert_eq!(of(529, "Overloaded"), "away");
        assert_eq!(of(429, "slow down"), "too_many");
        assert_eq!(of(401, "invalid x-api-key"), "our_account");
        assert_eq!(of(400, "You have reached your specified API usage limits: spend limit"), "our_account");
        assert_eq!(of(400, "temperature: unknown field"), "wrong_prompt");
        assert_eq!(failure(StatusCode::BAD_GATEWAY, b"<html>", None).as_str(), "away");
    }
}
