//! One look through one tenant's CRM.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fmt::Write as _,
    time::{Duration, Instant},
};

use accounts::{Account, Patience, Step, Walk};
use chrono::{DateTime, TimeDelta, Utc};
use crm::{Feed, Row, Stamp, Window};
use domain::ToldBy;
use service::telemetry::causes;
use stage::PublishError;
use store::{Judged, NewPollRun, PollOutcome, TakenPoll};
use tokio::time::timeout;
use tracing::{info, warn};

use super::{PATIENCE, Poller, watch};

/// After a long outage a CRM is looked through in stretches, after each of which it is written down how far we are.
const LONGEST_STRETCH: TimeDelta = TimeDelta::hours(6);

/// At most, before each request.
const GIVES_WAY_FOR: Duration = Duration::from_millis(200);

#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("the CRM could not be looked through")]
    Account(#[from] accounts::Error),
    #[error("what is known already could not be looked up")]
    Store(#[from] store::Error),
    #[error("Postgres does not answer")]
    DatabaseHangs(#[from] tokio::time::error::Elapsed),
    #[error("what was found could not be stored")]
    Publish(#[from] PublishError),
    #[error("another replica has taken this over")]
    TakenOver,
    #[error("the program stops; another replica goes on")]
    Stopping,
}

/// What a run has found so far.
#[derive(Default)]
struct Found {
    requests: u32,
    rows_listed: u32,
    told: u32,
    /// Orders made within the window, by how we first heard of them.
    by_webhook: HashSet<String>,
    by_poll: HashSet<String>,
    /// Orders that we knew and that changed within it.
    changed: HashSet<String>,
    /// Those of them whose change no webhook had told.
    late_changes: u32,
    slowest_webhook: Option<TimeDelta>,
    crowded: u32,
    /// What could not be looked at as it should.
    weak: BTreeSet<String>,
    leased_at: Option<Instant>,
    /// What the CRM takes from us.
    per_second: f64,
}

pub(super) async fn run(poller: &Poller, mut poll: TakenPoll) {
    let started_at = poller.runtime.clock.wall();
    let mut found = Found::default();
    let problem = match look_through(poller, &mut poll, &mut found).await {
        Ok(()) => None,
        Err(Error::TakenOver) => {
            warn!("the look through this CRM took longer than its lease; another replica goes on");
            return;
        }
        Err(Error::Stopping) => {
            // The next one need not wait for the lease's end.
            let now = poller.runtime.clock.wall();
            let _ = timeout(PATIENCE, give_back(poller, &poll, now)).await;
            return;
        }
        Err(error) => Some(error),
    };
    let ended_at = poller.runtime.clock.wall();
    let pause = match &problem {
        Some(Error::Account(error)) => error.retry_after().map(|after| after.max(poller.config.interval)),
        _ => None,
    };
    // A CRM that is asked shop by shop is asked less often: whoever looks through it takes half of what it takes from us.
    let share = Duration::try_from_secs_f64(2.0 * f64::from(found.requests) / found.per_second).unwrap_or_default();
    let due_at = (ended_at.max(started_at) + pause.unwrap_or(poller.config.interval)).max(started_at + share);
    let run = describe(started_at, ended_at, &found, problem.as_ref());
    say(&found, problem.as_ref(), run.outcome);
    match timeout(PATIENCE, keep(poller, &poll, due_at, &run)).await {
        Ok(Ok(())) => {}
        // The lease ends by itself, and the next run looks through the same stretch again.
        Ok(Err(error)) => {
            warn!(error = causes(&error), "the outcome of a look through a CRM could not be written down");
        }
        Err(_) => warn!("the outcome of a look through a CRM could not be written down: Postgres does not answer"),
    }
}

fn describe(started_at: DateTime<Utc>, ended_at: DateTime<Utc>, found: &Found, problem: Option<&Error>) -> NewPollRun {
    let crowded = (found.crowded > 0).then(|| {
        format!("{} instants have more rows than the CRM shows at once; compare with: leads ledger", found.crowded)
    });
    let weak: Vec<_> = found.weak.iter().cloned().chain(crowded).collect();
    NewPollRun {
        started_at,
        ended_at,
        outcome: match problem {
            Some(_) => PollOutcome::Failed,
            None if found.told > 0 => PollOutcome::Found,
            None => PollOutcome::Quiet,
        },
        requests: found.requests,
        rows_listed: found.rows_listed,
        told: found.told,
        by_webhook: count(&found.by_webhook),
        by_poll: count(&found.by_poll),
        changes: count(&found.changed),
        late_changes: found.late_changes,
        slowest_webhook_ms: found.slowest_webhook.map(|slowest| slowest.num_milliseconds()),
        problem: problem.map(|error| causes(error)).or_else(|| (!weak.is_empty()).then(|| weak.join("; "))),
    }
}

fn say(found: &Found, problem: Option<&Error>, outcome: PollOutcome) {
    metrics::counter!("poll_runs_total", "outcome" => outcome.as_str()).increment(1);
    metrics::counter!("poll_requests_total").increment(found.requests.into());
    metrics::counter!("poll_told_total").increment(found.told.into());
    if let Some(error) = problem {
        warn!(error = causes(error), "a CRM could not be looked through; the next look starts where this one did");
    }
    if found.told > 0 {
        info!(rows = found.told, "found {} rows that were news to us", found.told);
    }
}

async fn give_back(poller: &Poller, poll: &TakenPoll, due_at: DateTime<Utc>) -> Result<(), store::Error> {
    let mut tx = poller.runtime.store.begin(poll.tenant).await?;
    tx.polls().advance(poll, due_at).await?;
    tx.commit().await
}

async fn keep(poller: &Poller, poll: &TakenPoll, due_at: DateTime<Utc>, run: &NewPollRun) -> Result<(), store::Error> {
    let mut tx = poller.runtime.store.begin(poll.tenant).await?;
    if tx.polls().advance(poll, due_at).await? {
        tx.polls().add_run(&poll.crm, run).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Looks through everything that is due, and moves `poll` on as it comes along.
async fn look_through(poller: &Poller, poll: &mut TakenPoll, found: &mut Found) -> Result<(), Error> {
    let account = poller.accounts.find(&poller.runtime.store, poll.tenant).await?;
    found.per_second = account.per_second();
    let clock = &poller.runtime.clock;
    let now = clock.now();
    while let Some((window, until)) = stretch(poller, account.crm.settles_within(), poll.orders_until, now) {
        orders(poller, poll, &account, window, found).await?;
        poll.orders_until = until;
        still_ours(poller, poll).await?;
        if until >= now {
            break;
        }
    }
    if poll.others_due_at > clock.wall() {
        return Ok(());
    }
    others(poller, poll, &account, now, found).await;
    poll.others_due_at = clock.wall() + poller.config.others_interval;
    still_ours(poller, poll).await?;
    watch::watch(poller, &account).await
}

/// Orders, by every date they are to be looked for by. A CRM that does not filter by one of them is noted; whoever cannot be asked
/// for what was made, nor for what was changed, cannot be looked through.
async fn orders(
    poller: &Poller,
    poll: &TakenPoll,
    account: &Account,
    window: Window,
    found: &mut Found,
) -> Result<(), Error> {
    let mut deaf = None;
    let mut is_looked_through = false;
    for stamp in account.crm.stamps(Feed::Orders) {
        match walk(poller, poll, account, Feed::Orders, *stamp, window, found).await {
            Err(Error::Account(accounts::Error::Crm(error @ crm::Error::FilterIgnored { .. }))) => {
                found.weak.insert(error.to_string());
                deaf = Some(error);
            }
            walked => {
                walked?;
                is_looked_through |= *stamp != Stamp::Deleted;
            }
        }
    }
    match deaf {
        Some(error) if !is_looked_through => Err(accounts::Error::Crm(error).into()),
        _ => Ok(()),
    }
}

/// Appointments and customers, whose list a CRM may not show us: what is wrong with it is noted, and keeps nobody from the rest.
async fn others(poller: &Poller, poll: &mut TakenPoll, account: &Account, now: DateTime<Utc>, found: &mut Found) {
    while let Some((window, until)) = stretch(poller, account.crm.settles_within(), poll.others_until, now) {
        let stamps = |feed| account.crm.stamps(feed).iter().map(move |stamp| (feed, *stamp));
        for (feed, stamp) in stamps(Feed::Appointments).chain(stamps(Feed::Customers)) {
            if let Err(error) = walk(poller, poll, account, feed, stamp, window, found).await {
                found.weak.insert(format!("{}: {}", feed.as_str(), causes(&error)));
                if !matches!(error, Error::Account(accounts::Error::Crm(_))) {
                    return;
                }
                // An outage passes, and then this stretch is looked at; a refusal does not, and is not waited for.
                let is_refused = matches!(
                    error,
                    Error::Account(accounts::Error::Crm(
                        crm::Error::FilterIgnored { .. }
                            | crm::Error::KeyRefused { .. }
                            | crm::Error::Failing { status: 404, .. }
                    ))
                );
                if !is_refused {
                    return;
                }
            }
        }
        poll.others_until = until;
        if until >= now {
            return;
        }
    }
}

/// The next window after `looked_until`, and until when everything has been looked at after it. It overlaps with what was looked
/// at, for rows that became visible late, and reaches beyond now, for a CRM whose clock is ahead of ours.
fn stretch(
    poller: &Poller,
    settles_within: TimeDelta,
    looked_until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<(Window, DateTime<Utc>)> {
    let overlap = TimeDelta::from_std(poller.config.overlap).unwrap_or_default().max(settles_within);
    // A replica whose clock is ahead may have written down a time that is still to come.
    let from = looked_until.min(now) - overlap;
    let until = now.min(looked_until + LONGEST_STRETCH).max(looked_until);
    let ahead = TimeDelta::from_std(poller.config.overlap).unwrap_or_default();
    Window::new(from, until + ahead).map(|window| (window, until))
}

/// Writes down how far we have come, while nobody else has taken over.
async fn still_ours(poller: &Poller, poll: &TakenPoll) -> Result<(), Error> {
    let leased_until = poller.runtime.clock.wall() + poller.config.lease;
    let advance = async {
        let mut tx = poller.runtime.store.begin(poll.tenant).await?;
        let is_ours = tx.polls().advance(poll, leased_until).await?;
        tx.commit().await?;
        Ok::<_, store::Error>(is_ours)
    };
    if timeout(PATIENCE, advance).await?? { Ok(()) } else { Err(Error::TakenOver) }
}

async fn walk(
    poller: &Poller,
    poll: &TakenPoll,
    account: &Account,
    feed: Feed,
    stamp: Stamp,
    window: Window,
    found: &mut Found,
) -> Result<(), Error> {
    let mut walk = Walk::new(account, feed, stamp, window, Patience::Background(poller.config.patience));
    let (mut refused, mut is_shown_any) = (0_u32, false);
    let walked = loop {
        if poller.runtime.lifecycle.stopping().is_cancelled() {
            break Err(Error::Stopping);
        }
        // A customer who waits for an answer goes before what nobody waits for.
        poller.runtime.store.wait_while_busy(GIVES_WAY_FOR).await;
        match walk.next().await {
            // Nothing was looked at, so it is not over.
            None if refused > 0 && !is_shown_any => {
                break Err(accounts::Error::Crm(crm::Error::ShopRefused { status: 403 }).into());
            }
            None => break Ok(()),
            Some(Err(error)) => break Err(error.into()),
            Some(Ok(Step::Halved)) => {}
            Some(Ok(Step::Refused(shop))) => {
                refused += 1;
                found.weak.insert(format!("the CRM does not show us shop {shop}; later, compare with: leads ledger"));
            }
            Some(Ok(Step::Looked(rows))) => {
                is_shown_any = true;
                found.rows_listed += u32::try_from(rows.len()).unwrap_or(u32::MAX);
                if let Err(error) = tell(poller, account, feed, window, rows, found).await {
                    break Err(error);
                }
            }
        }
        // Each request waits for its turn; a crowded window takes many.
        if found.leased_at.get_or_insert_with(Instant::now).elapsed() > poller.config.lease / 3 {
            found.leased_at = Some(Instant::now());
            still_ours(poller, poll).await?;
        }
    };
    found.requests += walk.requests();
    found.crowded += walk.crowded();
    walked
}

/// Puts what is news to us where a webhook would have put it.
async fn tell(
    poller: &Poller,
    account: &Account,
    feed: Feed,
    window: Window,
    rows: Vec<Row>,
    found: &mut Found,
) -> Result<(), Error> {
    let now = poller.runtime.clock.now();
    let settled = |row: &Row| row.changed_at.or(row.created_at).is_none_or(|at| at + poller.config.settle <= now);
    // The webhook of what has just changed is on its way; this row is listed again by the next run.
    let rows: Vec<_> = rows.into_iter().filter(settled).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let judged = match feed {
        Feed::Orders => timeout(PATIENCE, list_judged(poller, account, &rows)).await??,
        Feed::Appointments | Feed::Customers => HashMap::new(),
    };
    for row in rows {
        let known = judged.get(&row.id);
        if let Some(judged) = known {
            // An old order that changes was not made within the window.
            if row.created_at.is_some_and(|made| window.holds(made)) {
                note_arrival(found, &row, judged);
            }
            let is_told = account.crm.has_in_it(judged.crm_version, judged.judged_at, row.version);
            note_change(found, &row, window, is_told);
            if is_told {
                continue;
            }
        }
        let mut inbound = account.inbound(feed, row, ToldBy::Poll, poller.runtime.clock.wall());
        if let Some(judged) = known {
            // A version that was told before, and may not have been read to its end, is told again.
            let _ = write!(inbound.key, ":{}:{}", judged.crm_version, judged.judged_at.timestamp_millis());
        }
        if poller.runtime.bus.publish(&inbound.pack(), PATIENCE).await? {
            found.told += 1;
        }
    }
    Ok(())
}

async fn list_judged(
    poller: &Poller,
    account: &Account,
    rows: &[Row],
) -> Result<HashMap<String, Judged>, store::Error> {
    let ids: Vec<_> = rows.iter().map(|row| row.id.clone()).collect();
    let mut tx = poller.runtime.store.begin(account.tenant).await?;
    tx.leads().list_judged(account.crm_name(), &ids).await
}

/// Whether a change of an order that is older than its making came to us without our looking.
fn note_change(found: &mut Found, row: &Row, window: Window, is_told: bool) {
    let is_change = row.changed_at.is_some_and(|at| window.holds(at) && row.created_at.is_some_and(|made| made < at));
    if is_change && found.changed.insert(row.id.clone()) && !is_told {
        found.late_changes += 1;
    }
}

/// How we first heard of an order, and how long it took from its making to our judgement, where a webhook told of it.
fn note_arrival(found: &mut Found, row: &Row, judged: &Judged) {
    let (Some(made), Some(first)) = (row.created_at, judged.first_judged_at) else { return };
    match judged.told_by {
        Some(ToldBy::Webhook) => {
            found.by_webhook.insert(row.id.clone());
            found.slowest_webhook = found.slowest_webhook.max(Some((first - made).max(TimeDelta::zero())));
        }
        Some(ToldBy::Poll) => {
            found.by_poll.insert(row.id.clone());
        }
        Some(ToldBy::Backfill | ToldBy::BackfillToContact | ToldBy::Ledger) | None => {}
    }
}

fn count(orders: &HashSet<String>) -> u32 {
    u32::try_from(orders.len()).unwrap_or(u32::MAX)
}
