use std::{
    io,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use redis::{
    Client, RedisError,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use secrecy::ExposeSecret as _;
use tokio::sync::OnceCell;

use crate::Config;

/// A connection that is made when first needed and made again when it breaks.
pub struct Redis {
    client: Client,
    timeout: Duration,
    connection: OnceCell<ConnectionManager>,
    /// Until then nobody waits for it: it has just kept somebody waiting in vain.
    away_until: Mutex<Option<Instant>>,
}

const LEFT_ALONE_FOR: Duration = Duration::from_secs(2);

impl Redis {
    pub fn new(config: &Config) -> Result<Self, RedisError> {
        let client = Client::open(config.url.expose_secret())?;
        Ok(Self { client, timeout: config.timeout, connection: OnceCell::new(), away_until: Mutex::default() })
    }

    /// A connection, or at once the word that there was none a moment ago.
    pub async fn connection(&self) -> Result<ConnectionManager, RedisError> {
        let away_until = *self.away_until.lock().unwrap_or_else(PoisonError::into_inner);
        if away_until.is_some_and(|until| Instant::now() < until) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "Redis did not answer a moment ago").into());
        }
        let connect = async || {
            let config = ConnectionManagerConfig::new()
                .set_connection_timeout(Some(self.timeout))
                .set_response_timeout(Some(self.timeout))
                .set_number_of_retries(1);
            self.client.get_connection_manager_with_config(config).await
        };
        let connected = self.connection.get_or_try_init(connect).await.cloned();
        connected.inspect_err(|error| self.note(error))
    }

    /// Whoever got this error from a connection tells the others, so that they need not wait for the same.
    pub fn note(&self, error: &RedisError) {
        if error.is_timeout() || error.is_io_error() || error.is_connection_dropped() {
            let mut away_until = self.away_until.lock().unwrap_or_else(PoisonError::into_inner);
            let is_known = away_until.is_some_and(|until| Instant::now() < until);
            if !is_known {
                *away_until = Some(Instant::now() + LEFT_ALONE_FOR);
            }
        }
    }
}
