//! Whether the CRM still tells us: our webhook as the CRM has it, and what of late came by it.

use accounts::{Account, Patience};
use chrono::TimeDelta;
use crm::{Feed, Registration, Registrations};
use store::{Arrivals, Transaction};
use tokio::time::timeout;
use tracing::error;

use super::{PATIENCE, Poller, run::Error};

/// What came within this time is looked at.
const LATELY: TimeDelta = TimeDelta::minutes(30);
/// From the making of an order to our judgement.
const SLOW: TimeDelta = TimeDelta::seconds(60);

/// How a webhook is. Everything but [`State::Ok`] is an alarm.
#[derive(Debug)]
enum State {
    Ok,
    /// What its registration is we cannot see, and what it should tell of arrives.
    Heard,
    /// The CRM has no webhook with our address.
    Missing,
    Disabled,
    /// The CRM says that its deliveries fail.
    Failing(String),
    /// It does not tell of everything we need.
    Incomplete(Vec<Feed>),
    /// It looks well, and orders come without it.
    Silent(Arrivals),
    /// It tells what is made, and not what changes.
    Forgetful(Arrivals),
    Slow(TimeDelta),
    /// Our key may not ask.
    Hidden(crm::Error),
}

impl State {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Ok | Self::Heard => "ok",
            Self::Missing => "missing",
            Self::Disabled => "disabled",
            Self::Failing(_) => "failing",
            Self::Incomplete(_) => "incomplete",
            Self::Silent(_) => "silent",
            Self::Forgetful(_) => "forgetful",
            Self::Slow(_) => "slow",
            Self::Hidden(_) => "hidden",
        }
    }

    /// In an operator's words.
    fn says(&self) -> String {
        match self {
            Self::Ok => "registered, switched on, and heard of".to_owned(),
            Self::Heard => "added by hand, and nothing came without it".to_owned(),
            Self::Missing => "the CRM has no webhook with our address".to_owned(),
            Self::Disabled => "the CRM has switched our webhook off".to_owned(),
            Self::Failing(problem) => format!("the CRM says that it cannot deliver to us: {problem}"),
            Self::Incomplete(feeds) => {
                let feeds = feeds.iter().map(|feed| feed.as_str()).collect::<Vec<_>>().join(" and ");
                format!("our webhook is not told of {feeds}")
            }
            Self::Silent(Arrivals { by_webhook, by_poll, .. }) => format!(
                "of {} orders within a few minutes {by_poll} came without a webhook; they were found by looking",
                by_webhook + by_poll
            ),
            Self::Forgetful(Arrivals { late_changes, .. }) => format!(
                "{late_changes} changes of orders within half an hour came without a webhook; they were found by looking"
            ),
            Self::Slow(lag) => format!("a webhook's order reached us {} seconds after it was made", lag.num_seconds()),
            Self::Hidden(error) => format!("our webhook cannot be looked at: {error}"),
        }
    }
}

/// Looks at the registration, writes down what it found, and raises the alarm.
pub(super) async fn watch(poller: &Poller, account: &Account) -> Result<(), Error> {
    account.wait(1, Patience::Background(poller.config.patience)).await?;
    let registrations = match account.crm.webhooks().await {
        Ok(registrations) => Ok(registrations),
        Err(error @ crm::Error::KeyRefused { .. }) => Err(error),
        // What it was before stays written down, with the time of that look.
        Err(error) => return Err(accounts::Error::Crm(error).into()),
    };
    timeout(PATIENCE, note(poller, account, registrations)).await??;
    Ok(())
}

async fn note(
    poller: &Poller,
    account: &Account,
    registrations: Result<Registrations, crm::Error>,
) -> Result<(), store::Error> {
    let now = poller.runtime.clock.wall();
    let crm = account.crm_name();
    let mut tx = poller.runtime.store.begin(account.tenant).await?;
    let state = match registrations {
        Ok(Registrations::Listed(listed)) => look(poller, crm, &mut tx, &listed).await?,
        Ok(Registrations::ByHand { .. }) => hear(lately(poller, &mut tx).await?).unwrap_or(State::Heard),
        Err(error) => State::Hidden(error),
    };
    let since = tx.polls().save_check(crm, state.as_str(), &state.says(), now).await?;
    tx.commit().await?;
    metrics::counter!("crm_webhook_checks_total", "state" => state.as_str()).increment(1);
    if !matches!(state, State::Ok | State::Heard) {
        error!(
            webhook.state = state.as_str(),
            webhook.since = %since,
            "a CRM's webhook does not work ({}); see: leads tenant webhook list", state.as_str()
        );
    }
    Ok(())
}

async fn look(
    poller: &Poller,
    crm: &str,
    tx: &mut Transaction,
    registrations: &[Registration],
) -> Result<State, store::Error> {
    let ours = accounts::find_ours(tx, crm, &poller.config.public_url, registrations).await?;
    Ok(judge(ours, lately(poller, tx).await?))
}

async fn lately(poller: &Poller, tx: &mut Transaction) -> Result<Arrivals, store::Error> {
    tx.polls().arrivals(poller.runtime.clock.wall() - LATELY).await
}

fn judge(ours: Option<&Registration>, arrivals: Arrivals) -> State {
    let Some(ours) = ours else { return State::Missing };
    let untold = ours.untold();
    match &ours.problem {
        _ if !ours.is_enabled => State::Disabled,
        // It may quote our address, which is half of a secret.
        Some(problem) => State::Failing(problem.replace(&ours.url, "(our address)").replace(token_of(&ours.url), "…")),
        None if !untold.is_empty() => State::Incomplete(untold),
        None => hear(arrivals).unwrap_or(State::Ok),
    }
}

/// What is wrong by what came of late.
fn hear(arrivals: Arrivals) -> Option<State> {
    let lag = TimeDelta::milliseconds(arrivals.slowest_webhook_ms.unwrap_or_default());
    // One lost webhook is the way of the world; none at all, or one in ten, is not.
    let Arrivals { by_webhook, by_poll, .. } = arrivals;
    let is_silent = by_poll > 0 && (by_webhook == 0 || (by_poll >= 3 && by_poll * 10 > by_webhook));
    if is_silent {
        return Some(State::Silent(arrivals));
    }
    if arrivals.late_changes >= 3 && arrivals.late_changes * 10 > i64::from(arrivals.changes) {
        return Some(State::Forgetful(arrivals));
    }
    (lag > SLOW).then_some(State::Slow(lag))
}

fn token_of(url: &str) -> &str {
    url.rsplit('/').next().filter(|token| !token.is_empty()).unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> Registration {
        Registration {
            id: "w-1".into(),
            name: "leads".into(),
            url: "https://hooks.example.com/webhooks/shopmonkey/tok-1".into(),
            is_enabled: true,
            problem: None,
            feeds: Feed::ALL.into(),
        }
    }

    fn arrivals(by_webhook: i32, by_poll: i32, slowest_ms: i64) -> Arrivals {
        Arrivals { by_webhook, by_poll, slowest_webhook_ms: Some(slowest_ms), ..Arrivals::default() }
    }

    #[test]
    fn what_is_wrong_is_said_worst_first() {
        let well = arrivals(9, 0, 800);
        let state = |ours: Option<Registration>, arrivals| judge(ours.as_ref(), arrivals).as_str();
        assert_eq!(state(Some(ours()), well.clone()), "ok");
        assert_eq!(state(None, well.clone()), "missing");
        let quoted = Registration { problem: Some("POST /webhooks/shopmonkey/tok-1: 500".into()), ..ours() };
        assert!(!judge(Some(&quoted), well.clone()).says().contains("tok-1"));
        let failing = Registration { problem: Some("500".into()), ..ours() };
        assert_eq!(state(Some(Registration { is_enabled: false, ..failing.clone() }), well.clone()), "disabled");
        assert_eq!(state(Some(failing), well.clone()), "failing");
        let narrow = Registration { feeds: vec![Feed::Orders, Feed::Customers], ..ours() };
        assert_eq!(judge(Some(&narrow), well).says(), "our webhook is not told of appointments");
        assert_eq!(state(Some(ours()), arrivals(9, 0, 61_000)), "slow");
        let changes = |late_changes| Arrivals { changes: 20, late_changes, ..arrivals(9, 0, 800) };
        assert_eq!(state(Some(ours()), changes(2)), "ok");
        assert_eq!(state(Some(ours()), changes(3)), "forgetful");
    }

    #[test]
    fn a_single_lost_webhook_among_many_is_no_alarm() {
        for (by_webhook, by_poll, is_silent) in
            [(0, 0, false), (20, 2, false), (100, 3, false), (0, 1, true), (5, 3, true), (20, 3, true)]
        {
            let state = judge(Some(&ours()), arrivals(by_webhook, by_poll, 0));
            assert_eq!(matches!(state, State::Silent(_)), is_silent, "{by_webhook} by webhook, {by_poll} without");
        }
    }
}
