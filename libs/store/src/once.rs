//! Work of one tenant that is one statement, and with it a transaction: one round trip instead of three. What every message
//! does is here; everything else is a [`Transaction`](crate::Transaction).

use chrono::{DateTime, Utc};
use domain::{AttemptId, Channel, LeadId, MessageId, MessageState, TenantId};
use sqlx::PgConnection;

use crate::{Error, Store};

#[derive(Debug)]
pub struct Once<'s> {
    pub(crate) store: &'s Store,
    pub(crate) tenant: TenantId,
}

/// What a vendor says about a message, as it is kept.
#[derive(Debug, Clone)]
pub struct NewReceipt<'a> {
    pub source: &'a str,
    /// What makes this receipt itself; a repeat has the same.
    pub key: &'a str,
    pub channel: Channel,
    pub provider_id: &'a str,
    pub attempt: Option<AttemptId>,
    /// `accepted`, `delivered`, `failed` or `opted_out`.
    pub kind: &'a str,
    pub code: Option<&'a str>,
    pub received_at: DateTime<Utc>,
}

/// What a receipt is about, and what it did.
#[derive(Debug, Clone)]
pub struct Reported {
    pub message: MessageId,
    pub lead: LeadId,
    /// The address that was written to, which may no longer be the lead's.
    pub recipient: String,
    /// The message's state before.
    pub state: MessageState,
    /// It was this receipt that proved the message sent.
    pub is_sent: bool,
    /// It was this receipt that brought the message to its last state.
    pub is_finished: bool,
}

impl Once<'_> {
    /// The vendor has the message: settles the attempt, moves the message to sent and a new lead to contacted. A receipt
    /// may have been faster than the answer; then nothing is left to do.
    pub async fn accept(
        self,
        id: AttemptId,
        message: MessageId,
        provider_id: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let mut loan = self.store.lend().await?;
        accept(&mut loan, self.tenant, id, message, provider_id, now).await?;
        loan.done();
        Ok(())
    }

    /// Keeps a receipt, once, and moves its message as far as it goes. `None`: a message that is not ours.
    pub async fn take_receipt(self, receipt: &NewReceipt<'_>) -> Result<Option<Reported>, Error> {
        let mut loan = self.store.lend().await?;
        let found = take_receipt(&mut loan, self.tenant, receipt).await?;
        loan.done();
        Ok(found)
    }
}

pub(crate) async fn take_receipt(
    connection: &mut PgConnection,
    tenant: TenantId,
    receipt: &NewReceipt<'_>,
) -> Result<Option<Reported>, Error> {
    let row = sqlx::query!(
        r#"select message as "message!", lead as "lead!", address as "address!", state_before as "state_before!",
                      is_sent as "is_sent!", is_finished as "is_finished!"
               from take_receipt($1, $2, $3, $4, $5, $6, $7, $8, $9)"#,
        tenant.uuid(),
        receipt.source,
        receipt.key,
        receipt.channel.as_str(),
        receipt.provider_id,
        receipt.attempt.map(AttemptId::uuid),
        receipt.kind,
        receipt.code,
        receipt.received_at
    )
    .fetch_optional(connection)
    .await
    .map_err(Error::doing("keep a receipt"))?;
    row.map(|row| {
        Ok(Reported {
            message: MessageId::new(row.message),
            lead: LeadId::new(row.lead),
            recipient: row.address,
            state: row.state_before.parse().map_err(|error| Error::corrupt("message state", error))?,
            is_sent: row.is_sent,
            is_finished: row.is_finished,
        })
    })
    .transpose()
}

pub(crate) async fn accept(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: AttemptId,
    message: MessageId,
    provider_id: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query!(
        "select accept_attempt($1, $2, $3, $4, $5)",
        tenant.uuid(),
        id.uuid(),
        message.uuid(),
        provider_id,
        now
    )
    .fetch_one(connection)
    .await
    .map(drop)
    .map_err(Error::doing("record that a vendor has a message"))
}
