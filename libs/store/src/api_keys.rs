//! Keys of machines that ask the operators' API.

use chrono::{DateTime, Utc};
use domain::TenantId;
use serde::Serialize;

use crate::{Error, Transaction, tenants::token_hash};

/// Whose key somebody came with, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub tenant: TenantId,
    /// The tenant's name in commands.
    pub slug: String,
    pub name: String,
    pub scopes: Vec<String>,
}

/// A key as it is listed: nobody can see it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiKeyLine {
    pub name: String,
    pub scopes: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
}

#[derive(Debug)]
pub struct ApiKeys<'t>(pub(crate) &'t mut Transaction);

impl ApiKeys<'_> {
    /// Adds a key. Answers false if there is one of this name.
    pub async fn add(self, name: &str, key: &str, scopes: &[String], now: DateTime<Utc>) -> Result<bool, Error> {
        sqlx::query!(
            "insert into api_keys (tenant_id, name, key_hash, scopes, created_at) values ($1, $2, $3, $4, $5)
             on conflict (tenant_id, name) do nothing",
            self.0.tenant.uuid(),
            name,
            token_hash(key),
            scopes,
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(Error::doing("add an API key"))
    }

    pub async fn list(self) -> Result<Vec<ApiKeyLine>, Error> {
        sqlx::query_as!(
            ApiKeyLine,
            "select name, scopes, created_at, revoked_at from api_keys where tenant_id = $1 order by created_at, name",
            self.0.tenant.uuid()
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list API keys"))
    }

    /// From now on the key opens nothing. Answers false if there is none of this name that opens anything.
    pub async fn revoke(self, name: &str, now: DateTime<Utc>) -> Result<bool, Error> {
        sqlx::query!(
            "update api_keys set revoked_at = $3 where tenant_id = $1 and name = $2 and revoked_at is null",
            self.0.tenant.uuid(),
            name,
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(Error::doing("revoke an API key"))
    }
}
