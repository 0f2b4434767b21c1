//! The token that stands for a client's id and secret: asked for once, and again when it is refused.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use reqwest::StatusCode;
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use super::{Credentials, client::API_ACCESS};
use crate::{
    Error,
    http::{address, send},
};

/// A token that we got again, as it was, after it was refused will not be better for being asked for at once.
const NOT_AGAIN_WITHIN: Duration = Duration::from_secs(30);
/// Of the life that a token says it has, should the vendor begin to say so.
const MARGIN: Duration = Duration::from_secs(60);

/// Every account's token. Cheap to clone.
#[derive(Clone, Default)]
pub struct Tokens(Arc<Mutex<HashMap<[u8; 32], Place>>>);

/// Where one token is kept. Whoever asks for it first keeps the others waiting, so that it is asked for once.
type Place = Arc<tokio::sync::Mutex<Option<Token>>>;

#[derive(Clone)]
pub(super) struct Token {
    text: SecretString,
    ends_at: Option<Instant>,
    /// When it was refused, and we got the same one again.
    refused_at: Option<Instant>,
}

#[derive(Deserialize)]
pub(super) struct Granted {
    access_token: String,
    /// Normally absent: a token is good until it is revoked.
    expires_in: Option<u64>,
}

impl Tokens {
    /// The token as we know it.
    pub(super) async fn find(&self, http: &reqwest::Client, base: &Url, who: &Credentials) -> Result<Token, Error> {
        let place = self.place_of(who);
        let mut place = place.lock().await;
        match &*place {
            Some(token) if token.ends_at.is_none_or(|end| end > Instant::now()) => Ok(token.clone()),
            _ => Ok(place.insert(ask(http, base, who).await?).clone()),
        }
    }

    /// Another token than the one that was refused. `None`: there is no other.
    pub(super) async fn renew(
        &self,
        http: &reqwest::Client,
        base: &Url,
        who: &Credentials,
        refused: &Token,
    ) -> Result<Option<Token>, Error> {
        let place = self.place_of(who);
        let mut place = place.lock().await;
        match &*place {
            // Somebody else was refused too, and has asked.
            Some(token) if token.expose() != refused.expose() => return Ok(Some(token.clone())),
            Some(token) if token.refused_at.is_some_and(|at| at.elapsed() < NOT_AGAIN_WITHIN) => return Ok(None),
            _ => {}
        }
        let token = place.insert(ask(http, base, who).await?);
        if token.expose() == refused.expose() {
            token.refused_at = Some(Instant::now());
            return Ok(None);
        }
        Ok(Some(token.clone()))
    }

    fn place_of(&self, who: &Credentials) -> Place {
        let account = format!("{}\n{}\n{}", who.base_url, who.client_id, who.client_secret);
        let mut key = [0; 32];
        key.copy_from_slice(digest(&SHA256, account.as_bytes()).as_ref());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone()
    }
}

async fn ask(http: &reqwest::Client, base: &Url, who: &Credentials) -> Result<Token, Error> {
    let request = http
        .post(address(base, &["api", "v1", "oauth", "token"]))
        .basic_auth(&who.client_id, Some(&who.client_secret))
        .header("content-type", "application/x-www-form-urlencoded;charset=UTF-8")
        .body("grant_type=client_credentials");
    let answer = send(request).await?;
    match answer.status {
        StatusCode::OK => {
            let granted: Granted = serde_json::from_slice(&answer.body).map_err(|error| Error::answer(&error))?;
            let lives = granted.expires_in.map(|seconds| Duration::from_secs(seconds).saturating_sub(MARGIN));
            let ends_at = lives.and_then(|life| Instant::now().checked_add(life));
            Ok(Token { text: granted.access_token.into(), ends_at, refused_at: None })
        }
        // Which of these says `invalid_client` the vendor's reference leaves open. An edge's page is HTML.
        status @ (StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) if answer.is_json() => {
            Err(Error::KeyRefused { status: status.as_u16(), check: API_ACCESS })
        }
        _ => Err(answer.failure()),
    }
}

impl Token {
    pub(super) fn expose(&self) -> &str {
        self.text.expose_secret()
    }
}
