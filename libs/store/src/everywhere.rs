//! The named ways to look across tenants; each is a function in the migrations with a grant of its own.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{DeadLetterId, LeadId, LocationId, MessageId, TenantId};
use secrecy::SecretString;
use uuid::Uuid;

use crate::{
    ApiKey, CrmHealth, DeadLetter, Error, FormKey, NewDeadLetter, NewRefusal, OpenDeadLetter, Refusal, Store,
    TakenPoll, tenants::owner, token_hash,
};

/// A tenant at a glance.
#[derive(Debug, Clone)]
pub struct TenantLine {
    pub tenant: TenantId,
    pub slug: String,
    pub name: String,
    pub crm: String,
    pub locations: i64,
    /// Since when whoever asks is written to. `None`: it is not live yet, or always was.
    pub live_since: Option<DateTime<Utc>>,
}

/// Whose door a token opens, and what its source signs with.
#[derive(Debug, Clone)]
pub struct Door {
    pub tenant: TenantId,
    pub source: String,
    pub secret: SecretString,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRow {
    pub tenant: TenantId,
    pub message: MessageId,
    pub release: DateTime<Utc>,
    /// It is the first answer to somebody who asked, or what tells them that they have left.
    pub is_awaited: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageCount {
    pub channel: String,
    pub state: String,
    pub messages: i64,
}

#[derive(Debug)]
pub struct Everywhere<'s>(pub(crate) &'s Store);

impl<'s> Everywhere<'s> {
    pub(crate) fn new(store: &'s Store) -> Self {
        Self(store)
    }

    pub async fn find_door(&self, token: &str) -> Result<Option<Door>, Error> {
        let row = sqlx::query!(
            r#"select tenant_id as "tenant_id!", source as "source!", sealed_secret as "sealed_secret!" from find_door($1)"#,
            token_hash(token)
        )
        .fetch_optional(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("find a door"))?;
        row.map(|row| {
            let tenant = TenantId::new(row.tenant_id);
            let secret = self.0.sealer().open(&owner(tenant, &row.source), &row.sealed_secret)?;
            let secret = String::from_utf8(secret).map_err(|error| Error::corrupt("door's secret", error))?;
            Ok(Door { tenant, source: row.source, secret: secret.into() })
        })
        .transpose()
    }

    /// Of up to twice `most` sealed values, how many none of our keys opens, and how many there are.
    pub async fn count_closed(&self, most: u16) -> Result<(usize, usize), Error> {
        let rows = sqlx::query!(
            r#"select tenant_id as "tenant_id!", owner as "owner!", sealed as "sealed!" from some_sealed_values($1)"#,
            i32::from(most)
        )
        .fetch_all(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("read sealed values"))?;
        let opens = |row_owner: &str, tenant: Uuid, sealed: &[u8]| {
            self.0.sealer().open(&owner(TenantId::new(tenant), row_owner), sealed).is_ok()
        };
        let closed = rows.iter().filter(|row| !opens(&row.owner, row.tenant_id, &row.sealed)).count();
        Ok((closed, rows.len()))
    }

    /// Takes up to `batch` rows whose time has come; they come up again at `again_at` unless somebody moves them on.
    pub async fn release_due(
        &self,
        now: DateTime<Utc>,
        again_at: DateTime<Utc>,
        batch: u16,
    ) -> Result<Vec<DueRow>, Error> {
        let rows = sqlx::query!(
            r#"select tenant_id as "tenant_id!", id as "id!", released_at as "released_at!", step as "step!"
               from release_due($1, $2, $3)"#,
            now,
            again_at,
            i32::from(batch)
        )
        .fetch_all(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("release due rows"))?;
        let due = rows.into_iter().map(|row| DueRow {
            tenant: TenantId::new(row.tenant_id),
            message: MessageId::new(row.id),
            release: row.released_at,
            is_awaited: row.step <= 1,
        });
        Ok(due.collect())
    }

    /// Has up to `batch` messages looked at again that a pause has held which is over. Answers zero when there are none.
    pub async fn release_held(&self, now: DateTime<Utc>, batch: u16) -> Result<i64, Error> {
        sqlx::query_scalar!(r#"select release_held($1, $2) as "released!""#, now, i32::from(batch))
            .fetch_one(&mut *self.0.lend().await?)
            .await
            .map_err(Error::doing("release what was paused"))
    }

    /// Takes up to `batch` polls that are due, until `leased_until`. By the wall.
    pub async fn take_polls(
        &self,
        now: DateTime<Utc>,
        leased_until: DateTime<Utc>,
        batch: u16,
    ) -> Result<Vec<TakenPoll>, Error> {
        let rows = sqlx::query!(
            r#"select tenant_id as "tenant_id!", crm as "crm!", lease as "lease!", orders_until as "orders_until!",
                      others_due_at as "others_due_at!", others_until as "others_until!"
               from take_polls($1, $2, $3)"#,
            now,
            leased_until,
            i32::from(batch)
        )
        .fetch_all(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("take polls"))?;
        let taken = rows.into_iter().map(|row| TakenPoll {
            tenant: TenantId::new(row.tenant_id),
            crm: row.crm,
            lease: row.lease,
            orders_until: row.orders_until,
            others_due_at: row.others_due_at,
            others_until: row.others_until,
        });
        Ok(taken.collect())
    }

    /// What a form's key opens.
    pub async fn find_form_key(&self, key: &str) -> Result<Option<FormKey>, Error> {
        let row = sqlx::query!(
            r#"select tenant_id as "tenant_id!", name as "name!", location_id, schema, origins as "origins!", shops as "shops!"
               from find_form_key($1)"#,
            key
        )
        .fetch_optional(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("find a form's key"))?;
        row.map(|row| {
            let shops: BTreeMap<String, Uuid> =
                serde_json::from_value(row.shops).map_err(|error| Error::corrupt("shops of a form", error))?;
            let schema = row.schema.map(serde_json::from_value).transpose();
            Ok(FormKey {
                tenant: TenantId::new(row.tenant_id),
                name: row.name,
                location: row.location_id.map(LocationId::new),
                schema: schema.map_err(|error| Error::set_up("form", error))?,
                origins: row.origins,
                shops: shops.into_iter().map(|(name, id)| (name, LocationId::new(id))).collect(),
            })
        })
        .transpose()
    }

    /// Whose key this is. `None`: nobody's, or it was revoked.
    pub async fn find_api_key(&self, key: &str) -> Result<Option<ApiKey>, Error> {
        let row = sqlx::query!(
            r#"select tenant_id as "tenant_id!", slug as "slug!", name as "name!", scopes as "scopes!" from find_api_key($1)"#,
            token_hash(key)
        )
        .fetch_optional(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("find an API key"))?;
        Ok(row.map(|row| ApiKey {
            tenant: TenantId::new(row.tenant_id),
            slug: row.slug,
            name: row.name,
            scopes: row.scopes,
        }))
    }

    pub async fn find_tenant(&self, slug: &str) -> Result<Option<TenantId>, Error> {
        sqlx::query_scalar!("select find_tenant($1)", slug)
            .fetch_one(&mut *self.0.lend().await?)
            .await
            .map(|id| id.map(TenantId::new))
            .map_err(Error::doing("find a tenant"))
    }

    /// By their names in commands.
    pub async fn list_tenants(&self) -> Result<Vec<TenantLine>, Error> {
        let rows = sqlx::query!(
            r#"select tenant_id as "tenant_id!", slug as "slug!", name as "name!", crm as "crm!", locations as "locations!",
                      live_since
               from list_tenants()"#
        )
        .fetch_all(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("list tenants"))?;
        let lines = rows.into_iter().map(|row| TenantLine {
            tenant: TenantId::new(row.tenant_id),
            slug: row.slug,
            name: row.name,
            crm: row.crm,
            locations: row.locations,
            live_since: row.live_since,
        });
        Ok(lines.collect())
    }

    /// By the tenant's name in commands.
    pub async fn list_crm_health(&self) -> Result<Vec<CrmHealth>, Error> {
        let rows = sqlx::query!(
            r#"select tenant_id as "tenant_id!", slug as "slug!", crm as "crm!", due_at as "due_at!", outcome, problem, ended_at,
                      state, says, since, checked_at
               from list_crm_health()"#
        )
        .fetch_all(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("look how CRMs are"))?;
        let health = rows.into_iter().map(|row| CrmHealth {
            tenant: TenantId::new(row.tenant_id),
            slug: row.slug,
            crm: row.crm,
            due_at: row.due_at,
            outcome: row.outcome,
            problem: row.problem,
            looked_at: row.ended_at,
            state: row.state,
            says: row.says,
            since: row.since,
            checked_at: row.checked_at,
        });
        Ok(health.collect())
    }

    /// Takes up to `batch` leads that may have to be given up.
    pub async fn leads_to_give_up(
        &self,
        now: DateTime<Utc>,
        again_at: DateTime<Utc>,
        batch: u16,
    ) -> Result<Vec<(TenantId, LeadId)>, Error> {
        let rows = sqlx::query!(
            r#"select tenant_id as "tenant_id!", id as "id!" from leads_to_give_up($1, $2, $3)"#,
            now,
            again_at,
            i32::from(batch)
        )
        .fetch_all(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("find leads to give up"))?;
        Ok(rows.into_iter().map(|row| (TenantId::new(row.tenant_id), LeadId::new(row.id))).collect())
    }

    /// Keeps a dead letter. Answers false for one that is buried already.
    pub async fn bury(&self, id: DeadLetterId, letter: &NewDeadLetter) -> Result<bool, Error> {
        // Postgres cannot keep this one character, and a letter that cannot be buried would come back for ever.
        let without_nul = |text: &String| text.replace('\0', "\u{fffd}");
        let headers: BTreeMap<_, _> = letter.headers.iter().map(|(name, value)| (name, without_nul(value))).collect();
        let reasons: Vec<_> = letter.reasons.iter().map(without_nul).collect();
        let headers = serde_json::to_value(&headers).map_err(|error| Error::corrupt("headers", error))?;
        sqlx::query_scalar!(
            r#"select bury($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) as "buried!""#,
            id.uuid(),
            letter.tenant.map(TenantId::uuid),
            letter.stage,
            letter.stream,
            i64::try_from(letter.sequence).unwrap_or(i64::MAX),
            letter.subject,
            headers,
            letter.payload,
            &reasons,
            i64::try_from(letter.deliveries).unwrap_or(i64::MAX),
            letter.died_at
        )
        .fetch_one(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("bury a dead letter"))
    }

    /// Counts a start of work on a message and answers how many starts, this one included, had no outcome.
    pub async fn count_start(&self, stage: &str, stream: &str, sequence: u64) -> Result<u32, Error> {
        let starts = sqlx::query_scalar!(
            r#"select count_start($1, $2, $3) as "starts!""#,
            stage,
            stream,
            i64::try_from(sequence).unwrap_or(i64::MAX)
        )
        .fetch_one(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("count a start"))?;
        Ok(u32::try_from(starts).unwrap_or_default())
    }

    pub async fn clear_starts(&self, stage: &str, stream: &str, sequence: u64) -> Result<(), Error> {
        sqlx::query!("select clear_starts($1, $2, $3)", stage, stream, i64::try_from(sequence).unwrap_or(i64::MAX))
            .execute(&mut *self.0.lend().await?)
            .await
            .map(drop)
            .map_err(Error::doing("clear a message's starts"))
    }

    /// Newest first.
    pub async fn list_open_dead_letters(&self, most: u16) -> Result<Vec<OpenDeadLetter>, Error> {
        let rows = sqlx::query!(
            r#"select id as "id!", tenant_id, stage as "stage!", stream as "stream!", sequence as "sequence!",
                      subject as "subject!", reasons as "reasons!", deliveries as "deliveries!", died_at as "died_at!"
               from open_dead_letters($1)"#,
            i32::from(most)
        )
        .fetch_all(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("list dead letters"))?;
        Ok(rows
            .into_iter()
            .map(|row| OpenDeadLetter {
                id: DeadLetterId::new(row.id),
                tenant: row.tenant_id.map(TenantId::new),
                stage: row.stage,
                stream: row.stream,
                sequence: u64::try_from(row.sequence).unwrap_or_default(),
                subject: row.subject,
                reasons: row.reasons,
                deliveries: u64::try_from(row.deliveries).unwrap_or_default(),
                died_at: row.died_at,
            })
            .collect())
    }

    /// Keeps these, and of each tenant's, and of nobody's, the newest thousand.
    pub async fn keep_refusals(&self, refusals: &[NewRefusal]) -> Result<(), Error> {
        let refused_at: Vec<_> = refusals.iter().map(|refusal| refusal.refused_at).collect();
        let sources: Vec<_> = refusals.iter().map(|refusal| refusal.source.clone()).collect();
        let hashes: Vec<_> = refusals.iter().map(|refusal| refusal.token_hash.clone()).collect();
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

    /// The newest `most` of tenants, and a few of nobody's; newest first.
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

    pub async fn lookup_dead_letter(&self, id: DeadLetterId) -> Result<Option<DeadLetter>, Error> {
        let row = sqlx::query!(
            r#"select stage as "stage!", stream as "stream!", subject as "subject!", headers as "headers!",
                      payload as "payload!", redriven_at
               from find_dead_letter($1)"#,
            id.uuid()
        )
        .fetch_optional(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("look up a dead letter"))?;
        row.map(|row| {
            Ok(DeadLetter {
                id,
                stage: row.stage,
                stream: row.stream,
                subject: row.subject,
                headers: serde_json::from_value(row.headers).map_err(|error| Error::corrupt("headers", error))?,
                payload: row.payload,
                redriven_at: row.redriven_at,
            })
        })
        .transpose()
    }

    pub async fn mark_redriven(&self, id: DeadLetterId, now: DateTime<Utc>) -> Result<bool, Error> {
        sqlx::query_scalar!(r#"select mark_redriven($1, $2) as "marked!""#, id.uuid(), now)
            .fetch_one(&mut *self.0.lend().await?)
            .await
            .map_err(Error::doing("mark a dead letter as redriven"))
    }

    pub async fn count_leads_by_status(&self) -> Result<Vec<(String, i64)>, Error> {
        let rows = sqlx::query!(r#"select status as "status!", leads as "leads!" from count_leads_by_status()"#)
            .fetch_all(&mut *self.0.lend().await?)
            .await
            .map_err(Error::doing("count leads"))?;
        Ok(rows.into_iter().map(|row| (row.status, row.leads)).collect())
    }

    pub async fn count_judgements_by_reason(&self) -> Result<Vec<(String, i64)>, Error> {
        let rows = sqlx::query!(r#"select reason as "reason!", orders as "orders!" from count_judgements_by_reason()"#)
            .fetch_all(&mut *self.0.lend().await?)
            .await
            .map_err(Error::doing("count judgements"))?;
        Ok(rows.into_iter().map(|row| (row.reason, row.orders)).collect())
    }

    pub async fn count_messages_by_state(&self) -> Result<Vec<MessageCount>, Error> {
        sqlx::query_as!(
            MessageCount,
            r#"select channel as "channel!", state as "state!", messages as "messages!" from count_messages_by_state()"#
        )
        .fetch_all(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("count messages"))
    }
}
