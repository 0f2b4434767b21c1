//! Whose door a token opens, remembered for a short while so that a burst of webhooks asks the database once.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{StatusCode, header, request::Parts},
};
use domain::TenantId;
use events::Source;
use moka::future::Cache;
use secrecy::{ExposeSecret as _, SecretString};
use service::{Code, Problem};
use store::Store;

use crate::{
    app::refuse,
    remembered::{BETWEEN_QUESTIONS, Found, Remembered},
};

#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) tenant: TenantId,
    pub(crate) secret: SecretString,
    /// The database was away: this is what stood there before, and may not be so any more.
    is_old: bool,
}

pub(crate) struct Doors {
    store: Store,
    doors: Remembered<(Source, String), Door>,
    /// Doors that were looked up anew a moment ago, because a signature did not fit.
    asked_again: Cache<(Source, String), ()>,
}

/// Longer than any token we make; what is longer is not looked up.
pub(crate) const LONGEST_TOKEN: usize = 128;

impl Doors {
    /// `patience`: how long a request waits for the database before it is told to come again.
    pub(crate) fn new(store: Store, ttl: Duration, patience: Duration) -> Self {
        let asked_again = Cache::builder().max_capacity(10_000).time_to_live(BETWEEN_QUESTIONS).build();
        Self { store, doors: Remembered::new(ttl, patience), asked_again }
    }

    /// Whose request this is, if it is signed with the secret of its door, as it is now: the one we remember may have been
    /// replaced a moment ago.
    pub(crate) async fn verify(
        &self,
        source: Source,
        token: &str,
        door: &Door,
        is_signed: impl Fn(&str) -> Result<(), Problem>,
    ) -> Result<TenantId, Problem> {
        let Err(problem) = is_signed(door.secret.expose_secret()) else { return Ok(door.tenant) };
        if problem.code() != Code::BadSignature {
            return Err(refuse(source, problem));
        }
        let key = (source, token.to_owned());
        if !self.asked_again.contains_key(&key) {
            // In this order: whoever finds that somebody has asked finds the answer too, or waits for it.
            self.doors.forget(&key).await;
            self.asked_again.insert(key, ()).await;
        }
        let door = self.open(source, token).await?;
        match is_signed(door.secret.expose_secret()) {
            Ok(()) => Ok(door.tenant),
            // It may be signed with a newer secret than we can know of now.
            Err(problem) if door.is_old && problem.code() == Code::BadSignature => Err(refuse(source, come_again())),
            Err(problem) => Err(refuse(source, problem)),
        }
    }

    pub(crate) async fn open(&self, source: Source, token: &str) -> Result<Door, Problem> {
        let refused = || refuse(source, unknown());
        if token.len() > LONGEST_TOKEN {
            return Err(refused());
        }
        let key = (source, token.to_owned());
        let look_up = async {
            let found = self.store.everywhere().find_door(token).await?;
            Ok(found.filter(|door| door.source == source.as_str()).map(|door| Door {
                tenant: door.tenant,
                secret: door.secret,
                is_old: false,
            }))
        };
        match self.doors.find(&key, "a door", look_up).await {
            Found::Now(door) => Ok(door),
            Found::Before(door) => Ok(Door { is_old: true, ..door }),
            Found::Nothing => Err(refused()),
            Found::Away => Err(refuse(source, come_again())),
        }
    }
}

/// The last part of an address. One that is no text opens nothing, like any other that is unknown.
pub(crate) struct Token(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Token {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let token = Path::<String>::from_request_parts(parts, state).await;
        token.map(|Path(token)| Self(token)).map_err(|_| unknown())
    }
}

pub(crate) fn come_again() -> Problem {
    Problem::new(Code::DatabaseAway, "Please send this again later.").retry_after(5)
}

fn unknown() -> Problem {
    Problem::new(Code::UnknownDoor, "Check the last part of the address.")
}

/// No vendor sends more, and JetStream takes no more.
pub(crate) const LARGEST_BODY_BYTES: usize = 1 << 20;

/// The body, or why it was not read to its end. One that announces to be far too large is not read at all.
pub(crate) struct Body(Result<Bytes, Problem>);

impl Body {
    pub(crate) fn whole(self, source: Source) -> Result<Bytes, Problem> {
        self.0.map_err(|problem| refuse(source, problem))
    }
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Infallible> {
        let too_large = || Problem::new(Code::TooLarge, "A webhook may have 1 MiB.");
        let length = request.headers().get(header::CONTENT_LENGTH);
        let announced: Option<u64> = length.and_then(|length| length.to_str().ok()?.parse().ok());
        // A sender in the middle of a body may never see an answer; so what is a little too large is read to our limit.
        if announced.is_some_and(|length| length > 2 * LARGEST_BODY_BYTES as u64) {
            return Ok(Self(Err(too_large())));
        }
        Ok(Self(Bytes::from_request(request, state).await.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                return too_large();
            }
            Problem::new(Code::NotReadable, "The body ended before it was complete.")
        })))
    }
}
