//! What somebody was told, in the words that left.

use std::collections::HashMap;

use domain::{LeadId, MessageId};

use crate::{Error, Messages};

impl Messages<'_> {
    /// The words of those of a lead's messages that a vendor took, as they were then.
    pub async fn list_said(self, lead: LeadId) -> Result<HashMap<MessageId, String>, Error> {
        let rows = sqlx::query!(
            r#"select m.id, said.body as "body!"
               from messages m
               cross join lateral (
                   select a.body from attempts a
                   where a.tenant_id = $1 and a.message_id = m.id and a.outcome = 'accepted' limit 1
               ) said
               where m.tenant_id = $1 and m.lead_id = $2"#,
            self.0.tenant.uuid(),
            lead.uuid()
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list what a lead was told"))?;
        Ok(rows.into_iter().map(|row| (MessageId::new(row.id), row.body)).collect())
    }

    /// Whether a lead that is, or was, one with this one, or with one that is, has said the same to this recipient: the words of
    /// one step may differ by a letter. Until the transaction ends no other lead of theirs claims anything.
    pub async fn was_said_by_another(self, lead: LeadId, template: &str, recipient: &str) -> Result<bool, Error> {
        let kin = sqlx::query_scalar!(
            r#"with recursive kin (id) as (
                   select $2::uuid
                   union
                   select other.id
                   from kin
                   cross join lateral (
                       select into_lead_id as id from merges where lead_id = kin.id and tenant_id = $1
                       union all
                       select lead_id from merges where into_lead_id = kin.id and tenant_id = $1
                   ) other
               )
               select id as "id!" from kin order by id"#,
            self.0.tenant.uuid(),
            lead.uuid()
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("look for other leads of theirs"))?;
        sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 4))", kin[0])
            .execute(&mut *self.0.inner)
            .await
            .map_err(Error::doing("wait for another lead of theirs"))?;
        sqlx::query_scalar!(
            r#"select exists (
                   select from unnest($2::uuid[]) as other (id)
                   cross join lateral (
                       select from messages m
                       join attempts a on a.message_id = m.id and a.tenant_id = $1
                       where m.tenant_id = $1 and m.lead_id = other.id and m.template = $3
                         and a.recipient = $4 and (a.outcome is null or a.outcome in ('accepted', 'lost'))
                         and not (m.state = 'failed' and m.reason is distinct from 'nobody_knows')
                       limit 1
                   ) said
                   where other.id <> $5
               ) as "was_said!""#,
            self.0.tenant.uuid(),
            &kin,
            template,
            recipient,
            lead.uuid()
        )
        .fetch_one(&mut *self.0.inner)
        .await
        .map_err(Error::doing("look what another lead of theirs has said"))
    }
}
