use std::time::Duration;

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
}

impl Redis {
    pub fn new(config: &Config) -> Result<Self, RedisError> {
        let client = Client::open(config.url.expose_secret())?;
        Ok(Self { client, timeout: config.timeout, connection: OnceCell::new() })
    }

    pub async fn connection(&self) -> Result<ConnectionManager, RedisError> {
        let connect = async || {
            let config = ConnectionManagerConfig::new()
                .set_connection_timeout(Some(self.timeout))
                .set_response_timeout(Some(self.timeout))
                .set_number_of_retries(1);
            self.client.get_connection_manager_with_config(config).await
        };
        self.connection.get_or_try_init(connect).await.cloned()
    }
}
