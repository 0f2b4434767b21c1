//! What came to a door and was turned away. Kept and listed across tenants: of many, nobody knows whose they are.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::TenantId;

use crate::{Error, Everywhere, token_hash};

/// A request that was turned away, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRefusal {
    pub refused_at: DateTime<Utc>,
    pub source: String,
    /// The last part of the address it came to. Only its hash is looked at.
    pub token: String,
    pub status: u16,
    pub code: &'static str,
    /// As the sender announced it.
    pub size_bytes: Option<i64>,
    /// Names, and what may be seen of the values.
    pub headers: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// `None`: it came to a door that is nobody's.
    pub tenant: Option<TenantId>,
    pub refused_at: DateTime<Utc>,
    pub source: String,
    pub status: u16,
    pub code: String,
    pub size_bytes: Option<i64>,
    pub headers: BTreeMap<String, String>,
}

impl Everywhere<'_> {
    /// Keeps these, and of each tenant's, and of nobody's, the newest thousand.
    pub async fn keep_refusals(&self, refusals: &[NewRefusal]) -> Result<(), Error> {
        let refused_at: Vec<_> = refusals.iter().map(|refusal| refusal.refused_at).collect();
        let sources: Vec<_> = refusals.iter().map(|refusal| refusal.source.clone()).collect();
        let hashes: Vec<_> = refusals.iter().map(|refusal| token_hash(&refusal.token)).collect();
        let statuses: Vec<_> =
            refusals.iter().map(|refusal| i16::try_from(refusal.status).unwrap_or(i16::MAX)).collect();
        let codes: Vec<_> = refusals.iter().map(|refusal| refusal.code.to_owned()).collect();
        let sizes: Vec<_> = refusals.iter().map(|refusal| refusal.size_bytes).collect();
        let headers: Vec<_> = refusals.iter().map(|refusal| serde_json::json!(refusal.headers)).collect();
        sqlx::query!(
            "select keep_refusals($1, $2, $3, $4, $5, $6, $7)",
            &refused_at,
            &sources,
            &hashes,
            &statuses,
            &codes,
            &sizes as &[Option<i64>],
            &headers
        )
        .execute(&mut *self.0.lend().await?)
        .await
        .map(drop)
        .map_err(Error::doing("keep what was refused"))
    }

    /// Newest first.
    pub async fn list_refusals(&self, most: u16) -> Result<Vec<Refusal>, Error> {
        let rows = sqlx::query!(
            r#"select tenant_id, refused_at as "refused_at!", source as "source!", status as "status!", code as "code!",
                      size_bytes, headers as "headers!"
               from list_refusals($1)"#,
            i32::from(most)
        )
        .fetch_all(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("list what was refused"))?;
        rows.into_iter()
            .map(|row| {
                Ok(Refusal {
                    tenant: row.tenant_id.map(TenantId::new),
                    refused_at: row.refused_at,
                    source: row.source,
                    status: u16::try_from(row.status).unwrap_or_default(),
                    code: row.code,
                    size_bytes: row.size_bytes,
                    headers: serde_json::from_value(row.headers)
                        .map_err(|error| Error::corrupt("headers of a refusal", error))?,
                })
            })
            .collect()
    }
}
