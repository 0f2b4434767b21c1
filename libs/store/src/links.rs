//! A lead's own link: short enough for a text, and nobody's to guess.

use std::fmt;

use chrono::{DateTime, Utc};
use domain::{Channel, Language, LeadId, TenantId};

use crate::{Error, Everywhere, Transaction, languages::language, token_hash};

/// Without letters that look like others, and without signs that a telephone takes for the end of a link.
const LETTERS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const LETTERS_EACH: usize = 14;

/// What a link ends with: 80 bits that follow from the lead and from our own secret, so that every message of a lead has the same one and
/// it is stored nowhere. Its `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkToken(String);

impl LinkToken {
    pub(crate) fn of(secret: [u8; 10]) -> Self {
        let mut number = secret.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        let letters = (0..LETTERS_EACH).map(|_| {
            let letter = LETTERS[usize::try_from(number % 58).unwrap_or_default()];
            number /= 58;
            char::from(letter)
        });
        Self(letters.collect())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkToken(…)")
    }
}

/// What a lead's link shows to whoever opens it: nothing that is the person's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedShop {
    pub name: String,
    pub phone: String,
    pub postal_address: String,
    pub hours: String,
    /// In which the lead is written to.
    pub language: Language,
}

#[derive(Debug)]
pub struct Links<'t>(pub(crate) &'t mut Transaction);

impl Links<'_> {
    /// The lead's token. Keeps its hash, so that its link opens from the moment this transaction ends.
    pub async fn of_lead(self, lead: LeadId, now: DateTime<Utc>) -> Result<LinkToken, Error> {
        let token = self.0.sealer.link_token(self.0.tenant, lead)?;
        sqlx::query!(
            "insert into links (token_hash, tenant_id, lead_id, made_at) values ($1, $2, $3, $4) on conflict do nothing",
            token_hash(token.as_str()),
            self.0.tenant.uuid(),
            lead.uuid(),
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("keep a lead's link"))?;
        Ok(token)
    }

    /// Nobody talks by the lead's links any more that there are now. Answers how many that was.
    pub async fn revoke(self, lead: LeadId, wall: DateTime<Utc>) -> Result<u64, Error> {
        let done = sqlx::query!(
            "update links set revoked_at = $3 where tenant_id = $1 and lead_id = $2 and revoked_at is null",
            self.0.tenant.uuid(),
            lead.uuid(),
            wall
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("revoke a lead's links"))?;
        Ok(done.rows_affected())
    }

    /// Since when whoever opened a link of the lead's before may talk no more. `None`: they may.
    pub async fn find_revoked_at(self, lead: LeadId) -> Result<Option<DateTime<Utc>>, Error> {
        sqlx::query_scalar!(
            "select max(revoked_at) from links where tenant_id = $1 and lead_id = $2",
            self.0.tenant.uuid(),
            lead.uuid()
        )
        .fetch_one(&mut *self.0.inner)
        .await
        .map_err(Error::doing("look whether a lead's links were revoked"))
    }

    pub async fn find_shop(self, lead: LeadId) -> Result<Option<LinkedShop>, Error> {
        let row = sqlx::query!(
            r#"select s.name, s.phone, s.postal_address, s.hours, coalesce(l.language, t.settings ->> 'language') as language
               from (select location_id, language from leads where tenant_id = $1 and id = $2 limit 1) l
               join locations s on s.tenant_id = $1 and s.id = l.location_id
               join tenants t on t.id = $1"#,
            self.0.tenant.uuid(),
            lead.uuid()
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("find a lead's shop"))?;
        row.map(|row| {
            Ok(LinkedShop {
                name: row.name,
                phone: row.phone,
                postal_address: row.postal_address,
                hours: row.hours,
                language: language(row.language.as_deref())?.unwrap_or_default(),
            })
        })
        .transpose()
    }

    /// Every address of a lead: the ones it has, and those that its messages went to.
    pub async fn list_addresses(self, lead: LeadId) -> Result<Vec<(Channel, String)>, Error> {
        let rows = sqlx::query!(
            r#"select own.channel as "channel!", own.address as "address!"
               from (select phone, email from leads where tenant_id = $1 and id = $2 limit 1) l
               cross join lateral (values ('sms', l.phone), ('whatsapp', l.phone), ('email', lower(l.email))) own (channel, address)
               where own.address is not null
               union
               select said.channel, said.recipient
               from messages m
               cross join lateral (
                   select a.channel, a.recipient from attempts a where a.tenant_id = $1 and a.message_id = m.id
               ) said
               where m.tenant_id = $1 and m.lead_id = $2"#,
            self.0.tenant.uuid(),
            lead.uuid()
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list a lead's addresses"))?;
        rows.into_iter()
            .map(|row| Ok((row.channel.parse().map_err(|error| Error::corrupt("channel", error))?, row.address)))
            .collect()
    }
}

impl Everywhere<'_> {
    /// Who talks by this link, and since when there is one. `None`: nobody, or nobody any more.
    pub async fn find_chat_link(&self, token: &str) -> Result<Option<(TenantId, LeadId, DateTime<Utc>)>, Error> {
        let row = sqlx::query!(
            r#"select tenant_id as "tenant_id!", lead_id as "lead_id!", made_at as "made_at!" from find_chat_link($1)"#,
            token_hash(token)
        )
        .fetch_optional(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("find a link to talk by"))?;
        Ok(row.map(|row| (TenantId::new(row.tenant_id), LeadId::new(row.lead_id), row.made_at)))
    }

    /// Whose link ends with this. `None`: nobody's.
    pub async fn find_link(&self, token: &str) -> Result<Option<(TenantId, LeadId)>, Error> {
        let row = sqlx::query!(
            r#"select tenant_id as "tenant_id!", lead_id as "lead_id!" from find_link($1)"#,
            token_hash(token)
        )
        .fetch_optional(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("find a link"))?;
        Ok(row.map(|row| (TenantId::new(row.tenant_id), LeadId::new(row.lead_id))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_fourteen_letters_that_survive_a_text() {
        for secret in [[0; 10], [255; 10], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]] {
            let token = LinkToken::of(secret);
            assert!(token.as_str().len() == 14 && token.as_str().bytes().all(|letter| letter.is_ascii_alphanumeric()));
            assert_eq!(format!("{token:?}"), "LinkToken(…)");
        }
        assert_ne!(LinkToken::of([0; 10]), LinkToken::of([0, 0, 0, 0, 0, 0, 0, 0, 0, 1]));
    }
}
