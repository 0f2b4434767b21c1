//! The event webhook: a batch of events of many kinds, of which a few are receipts.

use domain::{AttemptId, Channel, ErrorClass, Receipt};
use serde_json::Value;

use super::{NAME, client::request_id, wire};
use crate::receive::Report;

#[derive(Debug, thiserror::Error)]
#[error("the event webhook's body is not a list")]
pub(crate) struct NotAList(#[source] serde_json::Error);

/// Reads every event that says something about a message. An event we cannot read, or of a kind that is no receipt,
/// does not keep the others from being read.
pub(crate) fn read_receipts(body: &[u8]) -> Result<Vec<Report>, NotAList> {
    let events: Vec<Value> = serde_json::from_slice(body).map_err(NotAList)?;
    Ok(events.into_iter().filter_map(|event| report(serde_json::from_value(event).ok()?)).collect())
}

fn report(event: wire::Event) -> Option<Report> {
    let receipt = match event.event.as_str() {
        "processed" | "deferred" => Receipt::Accepted,
        "delivered" => Receipt::Delivered,
        "bounce" | "dropped" => {
            let code = event.status.as_ref().or(event.r#type.as_ref()).or(event.reason.as_ref());
            Receipt::Failed { code: code.unwrap_or(&event.event).clone() }
        }
        "spamreport" | "unsubscribe" | "group_unsubscribe" => Receipt::Accepted,
        _ => return None,
    };
    // A bounce says by its type whether it is for good, and what was dropped says why.
    let class = match event.event.as_str() {
        "bounce" => ErrorClass::of(NAME, event.r#type.as_deref().unwrap_or("bounce")),
        "dropped" => event.reason.as_deref().and_then(|reason| ErrorClass::of(NAME, reason)),
        "spamreport" | "unsubscribe" | "group_unsubscribe" => Some(ErrorClass::OptedOut),
        _ => None,
    };
    let opted_out = class == Some(ErrorClass::OptedOut);
    let attempt = event.attempt_id.as_deref().and_then(|id| id.parse::<AttemptId>().ok());
    // A delayed bounce may come without the vendor's id; the attempt's own then stands in for it.
    let provider_id = match (event.sg_message_id.as_deref().map(request_id), attempt) {
        (Some(id), _) if !id.is_empty() => id.to_owned(),
        (_, Some(attempt)) => format!("attempt:{attempt}"),
        (_, None) => return None,
    };
    // Not the event's own id: duplicates with different ids have been reported.
    let key = format!(
        "{provider_id}:{}:{}:{}",
        event.event,
        event.email.as_deref().unwrap_or_default(),
        event.timestamp.unwrap_or_default()
    );
    Some(Report {
        channel: Channel::Email,
        provider_id,
        attempt,
        key,
        receipt,
        opted_out,
        class,
        address: event.email,
        said_at: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_with_strange_events_still_yields_its_receipts() {
        let body = br#"[{"event":"open","email":"dana@example.com"},{"nonsense":true},
            {"event":"delivered","email":"dana@example.com","timestamp":1,"sg_message_id":"X1.recvd-85ab-1","sg_event_id":"a"},
            {"event":"bounce","type":"blocked","timestamp":2,"attempt_id":"00000000-0000-0000-0000-000000000001"}]"#;
        let reports = read_receipts(body).unwrap();
        assert_eq!(reports.len(), 2);
        assert_eq!(reports[0].provider_id, "X1");
        assert_eq!(reports[1].receipt, Receipt::Failed { code: "blocked".into() });
        assert_eq!(reports[1].class, Some(ErrorClass::Soft));
    }
}
