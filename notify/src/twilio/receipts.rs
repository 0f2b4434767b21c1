//! Status callbacks: a form, with the attempt's id in the query we gave.

use domain::{AttemptId, Channel, ErrorClass, Receipt};
use events::Inbound;

use super::NAME;
use crate::receive::Report;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the status callback is not a form")]
    NotAForm(#[source] serde_urlencoded::de::Error),
    #[error("the status callback has no {0}")]
    Missing(&'static str),
}

pub(crate) fn read_receipt(inbound: &Inbound) -> Result<Vec<Report>, Error> {
    let form: Vec<(String, String)> = serde_urlencoded::from_bytes(&inbound.body).map_err(Error::NotAForm)?;
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let sid = field("MessageSid").ok_or(Error::Missing("MessageSid"))?;
    let status = field("MessageStatus").ok_or(Error::Missing("MessageStatus"))?;
    let code = field("ErrorCode").unwrap_or_else(|| status.clone());
    let class = ErrorClass::of(NAME, &code);
    let receipt = match status.as_str() {
        "delivered" | "read" => Receipt::Delivered,
        "undelivered" | "failed" | "canceled" => Receipt::Failed { code: code.clone() },
        // On its way; a word the vendor adds later is no end either.
        _ => Receipt::Accepted,
    };
    let query: Vec<(String, String)> = serde_urlencoded::from_str(&inbound.query).unwrap_or_default();
    let attempt = query.iter().find(|(key, _)| key == "attempt").and_then(|(_, id)| id.parse::<AttemptId>().ok());
    Ok(vec![Report {
        channel: Channel::Sms,
        key: format!("{sid}:{status}"),
        provider_id: sid,
        attempt,
        receipt,
        opted_out: class == Some(ErrorClass::OptedOut),
        class,
        address: field("To"),
        said_at: None,
    }])
}
