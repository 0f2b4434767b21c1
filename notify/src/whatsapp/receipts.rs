//! Statuses of messages, of which one webhook may bring several, beside what customers wrote.

use chrono::DateTime;
use domain::{Channel, E164, ErrorClass, Receipt};
use events::Inbound;

use super::{NAME, wire};
use crate::receive::Report;

#[derive(Debug, thiserror::Error)]
#[error("the webhook's body has no entries")]
pub(crate) struct NoEntries(#[source] serde_json::Error);

/// Of the number that the door is for. A status we cannot read, or of a kind that is no receipt, does not keep the others from being read.
pub(crate) fn read_receipts(inbound: &Inbound) -> Result<Vec<Report>, NoEntries> {
    let webhook: wire::Webhook = serde_json::from_slice(&inbound.body).map_err(NoEntries)?;
    let changes = webhook.entry.into_iter().flat_map(|entry| entry.changes);
    let ours = changes.filter(|change| inbound.is_of_number(change.value["metadata"]["phone_number_id"].as_str()));
    let statuses = ours.flat_map(|change| change.value["statuses"].as_array().cloned().unwrap_or_default());
    Ok(statuses.filter_map(|status| report(serde_json::from_value(status).ok()?)).collect())
}

fn report(status: wire::Status) -> Option<Report> {
    let code = status.errors.iter().find_map(|error| error.code).map(|code| code.to_string());
    let receipt = match status.status.as_str() {
        "sent" => Receipt::Accepted,
        "delivered" | "read" | "played" => Receipt::Delivered,
        "failed" => Receipt::Failed { code: code.clone().unwrap_or_else(|| "failed".to_owned()) },
        _ => return None,
    };
    let class = code.as_deref().filter(|_| status.status == "failed").and_then(|code| ErrorClass::of(NAME, code));
    let said_at =
        status.timestamp.as_deref().and_then(|at| at.parse().ok()).and_then(|at| DateTime::from_timestamp(at, 0));
    let address = status.recipient_id.and_then(|id| E164::parse(&format!("+{id}")).ok()).map(String::from);
    Some(Report {
        channel: Channel::Whatsapp,
        key: format!("{}:{}", status.id, status.status),
        provider_id: status.id,
        attempt: None,
        receipt,
        opted_out: class == Some(ErrorClass::OptedOut),
        class,
        address,
        said_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbound(query: &str, body: &'static [u8]) -> Inbound {
        Inbound {
            tenant: domain::TenantId::new(uuid::Uuid::nil()),
            source: events::Source::Whatsapp,
            kind: events::InboundKind::Receipt,
            key: String::new(),
            told_by: domain::ToldBy::Webhook,
            received_at: DateTime::UNIX_EPOCH,
            query: query.to_owned(),
            body: body.into(),
        }
    }

    #[test]
    fn a_webhook_brings_several_statuses_and_other_things() {
        let body = br#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[
            {"field":"messages","value":{"metadata":{"phone_number_id":"7"},"statuses":[
                {"id":"wamid.1","status":"sent","timestamp":"1795366014","recipient_id":"15125550142"},
                {"nonsense":true},
                {"id":"wamid.2","status":"failed","errors":[{"code":131026,"title":"undeliverable"}],"recipient_id":"15125550143"},
                {"id":"wamid.3","status":"warned"}]}},
            {"field":"account_update","value":{"event":"x"}}]}]}"#;
        let reports = read_receipts(&inbound("number=7", body)).unwrap();
        assert_eq!(read_receipts(&inbound("number=8", body)).unwrap(), [], "of another number of the same application");
        assert_eq!(reports.len(), 2);
        assert_eq!(
            (reports[0].receipt.clone(), reports[0].address.as_deref()),
            (Receipt::Accepted, Some("+15125550142"))
        );
        assert_eq!(reports[0].said_at.map(|at| at.timestamp()), Some(1_795_366_014));
        assert_eq!(reports[1].class, Some(ErrorClass::BadAddress));
        assert!(read_receipts(&inbound("", b"not json")).is_err());
    }
}
