//! Our webhook in their words.

use serde_json::{Value, json};

use super::wire;
use crate::{Feed, NewRegistration, Registration, lenient::plain};

/// What triggers are called begins with this.
fn entity(feed: Feed) -> &'static str {
    match feed {
        Feed::Orders => "Order",
        Feed::Appointments => "Appointment",
        Feed::Customers => "Customer",
    }
}

pub(super) fn read(row: wire::Webhook) -> Registration {
    let has = |name: &str| row.triggers.iter().any(|trigger| trigger == name);
    let is_told = |feed: &Feed| {
        let entity = entity(*feed);
        has(entity) || (has(&format!("{entity}Insert")) && has(&format!("{entity}Update")))
    };
    Registration {
        feeds: Feed::ALL.into_iter().filter(is_told).collect(),
        problem: row.error.then(|| plain(row.error_message.unwrap_or_else(|| "it does not say what".to_owned()))),
        id: row.id,
        name: row.name.unwrap_or_default(),
        url: row.url.unwrap_or_default(),
        is_enabled: row.enabled,
    }
}

/// The names of all triggers we need, in the ways they may be called, the best known first; and of canned services, for which
/// nobody has seen any.
pub(super) fn vocabularies() -> [Vec<String>; 4] {
    const SERVICES: &str = "CannedService";
    let by_operation = |entity: &str| ["Insert", "Update", "Delete"].map(|what| format!("{entity}{what}"));
    let needed = Feed::ALL.map(entity);
    let operations: Vec<_> = needed.into_iter().flat_map(by_operation).collect();
    let entities: Vec<_> = needed.map(str::to_owned).into();
    let with = |names: &[String], more: &[String]| [names, more].concat();
    [with(&operations, &by_operation(SERVICES)), operations, with(&entities, &[SERVICES.to_owned()]), entities]
}

pub(super) fn write(webhook: &NewRegistration, triggers: &[String]) -> Value {
    let mut body = json!({"name": webhook.name, "url": webhook.url, "enabled": true, "triggers": triggers});
    if let Some(secret) = &webhook.secret {
        body["secret"] = secret.as_str().into();
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_vocabularies_of_triggers_are_understood() {
        let told = |triggers: &str| {
            let row = format!(r#"{{"id":"w-1","url":"https://x","enabled":true,"error":null,"triggers":{triggers}}}"#);
            read(serde_json::from_str(&row).unwrap()).feeds
        };
        assert_eq!(told(r#"["OrderInsert","OrderUpdate","CustomerInsert"]"#), [Feed::Orders]);
        assert_eq!(told(r#"["Order","Appointment","Payment"]"#), [Feed::Orders, Feed::Appointments]);
        assert_eq!(told("null"), []);
        for vocabulary in vocabularies() {
            assert_eq!(told(&serde_json::to_string(&vocabulary).unwrap()), Feed::ALL);
        }
    }
}
