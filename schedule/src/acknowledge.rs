//! Somebody of the staff pressed "I take it": nobody further is told.

use anyhow::anyhow;
use domain::AlertId;
use events::{Inbound, Source, Stream};
use serde::Deserialize;
use stage::{Context, Failure, Stage};
use tracing::info;

pub(crate) struct Acknowledge;

/// Whose button it was, and who pressed it.
#[derive(Debug, PartialEq, Eq)]
struct Pressed {
    alert: AlertId,
    by: String,
}

impl Stage for Acknowledge {
    const NAME: &'static str = "schedule-acknowledgements";
    const STREAM: Stream = Stream::Inbound;
    type Input = Inbound;

    async fn handle(&self, cx: &Context, inbound: Inbound) -> Result<(), Failure> {
        let Pressed { alert, by } = read(&inbound)?;
        let mut tx = cx.begin(inbound.tenant).await?;
        let Some(taken) = tx.alerts().acknowledge(alert, &by, cx.now()).await? else {
            // From before a restore, or of another program that shares the bot.
            info!(alert.id = %alert, "somebody took an alert that is not ours");
            return Ok(());
        };
        match taken.task {
            Some(task) => tx.tasks().assign(task, &by, cx.now()).await?,
            None => tx.slas().acknowledge(taken.lead, &by, cx.now()).await?,
        };
        cx.commit(tx).await?;
        info!(lead.id = %taken.lead, "somebody of the staff has taken it");
        Ok(())
    }
}

#[derive(Deserialize)]
struct SlackPress {
    user: SlackUser,
    actions: Vec<SlackAction>,
}

#[derive(Deserialize)]
struct SlackUser {
    id: String,
    username: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct SlackAction {
    value: Option<String>,
}

#[derive(Deserialize)]
struct TelegramUpdate {
    callback_query: TelegramPress,
}

#[derive(Deserialize)]
struct TelegramPress {
    from: TelegramUser,
    data: Option<String>,
}

#[derive(Deserialize)]
struct TelegramUser {
    id: i64,
    username: Option<String>,
    first_name: Option<String>,
}

fn read(inbound: &Inbound) -> Result<Pressed, Failure> {
    let (value, by) = match inbound.source {
        Source::Slack => {
            let form: Vec<(String, String)> = serde_urlencoded::from_bytes(&inbound.body).map_err(Failure::reject)?;
            let payload = form.iter().find(|(name, _)| name == "payload").map(|(_, value)| value.as_str());
            let press: SlackPress = serde_json::from_str(payload.unwrap_or_default()).map_err(Failure::reject)?;
            let SlackUser { id, username, name } = press.user;
            (press.actions.into_iter().find_map(|action| action.value), username.or(name).unwrap_or(id))
        }
        Source::Telegram => {
            let update: TelegramUpdate = serde_json::from_slice(&inbound.body).map_err(Failure::reject)?;
            let TelegramUser { id, username, first_name } = update.callback_query.from;
            (update.callback_query.data, username.or(first_name).unwrap_or_else(|| id.to_string()))
        }
        other => return Err(Failure::reject(anyhow!("{other} has no buttons of ours"))),
    };
    let alert = value.and_then(|value| value.strip_prefix("take:")?.parse().ok());
    let alert = alert.ok_or_else(|| Failure::reject(anyhow!("the button is none of ours")))?;
    // A person chose it, and Postgres has no room for one character.
    Ok(Pressed { alert, by: by.replace('\0', " ") })
}

#[cfg(test)]
mod tests {
    use domain::{TenantId, ToldBy};
    use events::InboundKind;
    use uuid::Uuid;

    use super::*;

    fn inbound(source: Source, body: &str) -> Inbound {
        Inbound {
            tenant: TenantId::new(Uuid::from_u128(7)),
            source,
            kind: InboundKind::Acknowledgement,
            key: String::new(),
            told_by: ToldBy::Webhook,
            received_at: chrono::DateTime::UNIX_EPOCH,
            query: String::new(),
            body: body.to_owned().into(),
        }
    }

    #[test]
    fn a_press_says_which_alert_and_who() {
        let alert = AlertId::new(Uuid::from_u128(2));
        let payload = format!(r#"{{"user":{{"id":"U1","username":"kim"}},"actions":[{{"value":"take:{alert}"}}]}}"#);
        let form = serde_urlencoded::to_string([("payload", payload)]).unwrap();
        assert_eq!(read(&inbound(Source::Slack, &form)).unwrap(), Pressed { alert, by: "kim".into() });
        let update = format!(r#"{{"callback_query":{{"from":{{"id":5,"first_name":"Lee"}},"data":"take:{alert}"}}}}"#);
        assert_eq!(read(&inbound(Source::Telegram, &update)).unwrap(), Pressed { alert, by: "Lee".into() });
        for body in ["", "{}", r#"{"callback_query":{"from":{"id":5},"data":"take:me"}}"#] {
            assert!(read(&inbound(Source::Telegram, body)).is_err(), "{body}");
            assert!(read(&inbound(Source::Slack, body)).is_err(), "{body}");
        }
    }
}
