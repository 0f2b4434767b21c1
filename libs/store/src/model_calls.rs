//! What was asked of models, and what it cost.

use chrono::{DateTime, Utc};
use domain::{LeadId, TurnId};

use crate::{Error, Fence, Transaction};

/// One call, however it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCall {
    pub vendor: &'static str,
    pub model: String,
    /// Which of the vendor's models answered. `None`: none did.
    pub served_by: Option<String>,
    pub input_tokens: u64,
    pub cache_read_tokens: u64,
    pub cache_write_tokens: u64,
    pub output_tokens: u64,
    /// In billionths of a dollar. `None`: nobody knows the price.
    pub cost_nanos: Option<u64>,
    /// `None`: it did not fail.
    pub failed_because: Option<&'static str>,
}

#[derive(Debug)]
pub struct ModelCalls<'t>(pub(crate) &'t mut Transaction);

impl ModelCalls<'_> {
    /// Keeps the calls of one try at an answer.
    pub async fn keep(
        self,
        lead: LeadId,
        answer: TurnId,
        fence: Fence,
        calls: &[ModelCall],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let number = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
        for (place, call) in calls.iter().enumerate() {
            sqlx::query!(
                "insert into model_calls
                     (tenant_id, lead_id, answer_id, fence, number, vendor, model, served_by, input_tokens, cache_read_tokens,
                      cache_write_tokens, output_tokens, cost_nanos, failed_because, asked_at)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) on conflict do nothing",
                self.0.tenant.uuid(),
                lead.uuid(),
                answer.uuid(),
                fence.0,
                i16::try_from(place).unwrap_or(i16::MAX),
                call.vendor,
                call.model,
                call.served_by,
                number(call.input_tokens),
                number(call.cache_read_tokens),
                number(call.cache_write_tokens),
                number(call.output_tokens),
                call.cost_nanos.map(number),
                call.failed_because,
                now
            )
            .execute(&mut *self.0.inner)
            .await
            .map_err(Error::doing("keep what was asked of a model"))?;
        }
        Ok(())
    }
}
