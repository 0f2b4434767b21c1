//! A month of a thousand leads in six time zones, with everything that happens in one: replies, bookings, opt-outs, pauses, rude
//! vendors, workers that die, programs that start anew. A binary of its own, because nothing else should run beside it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Timelike as _, Utc, Weekday};
use chrono_tz::{America, Pacific, Tz};
use domain::{ApprovedName, Cadence, Channel, Clock, Language, MessageId, TaskId};
use operate::{Desk, WantedScope, pause, resume};
use orchestrator::{Program, Role, demo::LOCATIONS};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::json;
use sim::{Event, Fault, FaultKind, Manners, Quote, Vendor};
use sqlx::{Connection as _, PgConnection, Row as _};
use stage::{Faults, Step};
use store::Template;
use tests::{Test, until};
use uuid::Uuid;

const CONFIRMATION: &str = "you will get no more messages from us. Text START to undo this.";

const LEADS: usize = 1_000;
/// The same month each time; another number is another one.
const SEED: u64 = 20_260_212;
const MOST_DEATHS: u32 = 25;
/// Where a number is from, and from which hour on its state, or the shop's, lets somebody be texted there.
const AREAS: [(&str, Tz, u32); 6] = [
    ("212", America::New_York, 8),
    ("312", America::Chicago, 9),
    ("303", America::Denver, 8),
    ("415", America::Los_Angeles, 9),
    ("907", America::Anchorage, 8),
    ("808", Pacific::Honolulu, 8),
];
/// The same of the demo's shops, in Florida, Texas and Colorado.
const SHOPS_FROM: [u32; 3] = [8, 9, 8];

/// A Thursday noon in Denver, before a holiday, a change of the clocks and the end of winter.
fn start() -> DateTime<Utc> {
    "2026-02-12T19:00:00Z".parse().expect("a constant time")
}

/// Workers die now and then, at any step of any stage.
struct Dying {
    random: Mutex<StdRng>,
    deaths: AtomicU32,
}

impl Faults for Dying {
    fn dies(&self, _stage: &'static str, _event_id: &str, _step: Step) -> bool {
        let dies = self.random.lock().unwrap_or_else(PoisonError::into_inner).random_bool(0.000_5);
        dies && self
            .deaths
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| (n < MOST_DEATHS).then_some(n + 1))
            .is_ok()
    }
}

struct Month {
    test: Test,
    desk: Desk,
    random: StdRng,
    dying: Arc<Dying>,
    program: Option<Program>,
    owner: PgConnection,
    asked: Vec<Quote>,
    /// What is paused, and when it is resumed.
    pauses: Vec<(DateTime<Utc>, WantedScope)>,
    counts: BTreeMap<&'static str, u32>,
}

fn customer(number: usize) -> Quote {
    let (area, ..) = AREAS[number % AREAS.len()];
    Quote {
        order_id: format!("m-{number:04}"),
        location_id: Some(LOCATIONS[number % 7 % LOCATIONS.len()].0.into()),
        phone: (number % 20 != 19).then(|| format!("+1{area}555{number:04}")),
        email: (number % 10 != 9).then(|| format!("customer.{number}@example.com")),
        ..Quote::default()
    }
}

/// Of the thirteen touches some go by WhatsApp, to whoever can be reached there.
const BY_WHATSAPP: [&str; 3] = ["day_3", "day_10", "day_19"];

async fn by_whatsapp_too(test: &Test) {
    let steps = serde_json::to_value(Cadence::default()).expect("steps");
    let mut steps: Vec<serde_json::Value> = serde_json::from_value(steps).expect("steps");
    for step in &mut steps {
        if BY_WHATSAPP.iter().any(|name| step["template"] == *name) {
            step["channels"] = json!(["whatsapp", "sms", "email"]);
        }
    }
    let cadence: Cadence = serde_json::from_value(json!(steps)).expect("a cadence");
    test.choose(|settings| {
        settings.sla.is_kept = false;
        settings.cadence = cadence;
    })
    .await;
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    for name in BY_WHATSAPP {
        let template = Template {
            name: name.into(),
            channel: Channel::Whatsapp,
            language: Language::English,
            subject: None,
            body: format!("Hi {{{{ first_name }}}}, this is {name}."),
            mjml: None,
            approved_as: Some(ApprovedName::try_from(format!("{name}:en")).expect("a name")),
        };
        tx.tenants().save_template(&template).await.expect("saved");
        test.site.sim.world.whatsapp.approve(name, "en", &format!("Hi {{{{1}}}}, this is {name}."));
    }
    tx.commit().await.expect("committed");
}

impl Month {
    async fn start() -> Self {
        let test = Test::start_with(|options| {
            options.sim.clock = Clock::movable(start());
            options.settings.push(("notify.safe_mode".into(), "off".into()));
        })
        .await;
        by_whatsapp_too(&test).await;
        let random = StdRng::seed_from_u64(SEED);
        let dying = Arc::new(Dying { random: Mutex::new(StdRng::seed_from_u64(SEED + 1)), deaths: AtomicU32::new(0) });
        let owner = PgConnection::connect(&test.site.settings["postgres.owner_url"]).await.expect("the owner");
        let config = test.site.config(&[Role::Operate], &[]).expect("settings");
        let desk = Desk {
            store: test.site.store.clone(),
            accounts: accounts::Accounts::new(
                &config.accounts,
                Arc::new(limits::Limiter::new(&config.limits).expect("a limiter")),
            ),
            clock: test.site.clock.clone(),
            public_url: test.site.public_url.parse().expect("an address"),
        };
        let program = Some(test.run_with(dying.clone()).await);
        let (asked, pauses, counts) = (Vec::new(), Vec::new(), BTreeMap::new());
        Self { test, desk, random, dying, program, owner, asked, pauses, counts }
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn somebody(&mut self) -> Option<Quote> {
        self.asked.choose(&mut self.random).cloned()
    }

    /// What happens within one hour.
    async fn live(&mut self, hour: usize) {
        let world = self.test.site.sim.world.clone();
        if hour < 48 {
            for number in (hour * LEADS / 48)..((hour + 1) * LEADS / 48) {
                let manners = Manners { duplicates: u32::from(number % 9 == 0), ..Manners::default() };
                world.ask_for_quote(&customer(number), manners);
                self.asked.push(customer(number));
            }
        }
        self.resume_what_was_paused_long_enough().await;
        if hour > 720 {
            return;
        }
        if self.random.random_bool(0.25)
            && let Some(phone) = self.somebody().and_then(|somebody| somebody.phone)
        {
            if hour.is_multiple_of(3) {
                world.write_whatsapp(&phone, "When can I come in?").await;
            } else {
                world.reply(&phone, "When can I come in?").await;
            }
            self.count("replies");
        }
        if self.random.random_bool(0.2)
            && let Some(phone) = self.somebody().and_then(|somebody| somebody.phone)
        {
            let words = ["STOP", "please stop texting me", "Take me off your list", "no me escriban más"];
            if hour.is_multiple_of(4) {
                world.write_whatsapp(&phone, words[hour / 4 % words.len()]).await;
            } else {
                world.reply(&phone, words[hour % words.len()]).await;
            }
            self.count("opt-outs by text");
        }
        if self.random.random_bool(0.2)
            && let Some(address) = self.somebody().and_then(|somebody| somebody.email)
            && world.unsubscribe(&address).await.is_some()
        {
            self.count("unsubscribes");
        }
        if self.random.random_bool(0.25)
            && let Some(somebody) = self.somebody()
        {
            let soon = (self.test.site.clock.now() + TimeDelta::days(2)).to_rfc3339();
            let order = somebody.order_id;
            world.book(&json!({"id": format!("a-{hour}"), "orderId": order, "customerId": format!("c-{order}"), "startDate": soon}), Manners::default());
            self.count("bookings");
        }
        if self.random.random_bool(0.15) {
            self.be_rude();
        }
        self.pause_something(hour).await;
        if [130, 260, 500].contains(&hour) {
            // In the middle of its work, and another one takes over.
            let program = self.program.take().expect("a program");
            program.stop().await;
            self.program = Some(self.test.run_with(self.dying.clone()).await);
            self.count("restarts");
        }
    }

    fn be_rude(&mut self) {
        let vendors = [Vendor::Twilio, Vendor::Twilio, Vendor::Sendgrid, Vendor::Whatsapp];
        let vendor = *vendors.choose(&mut self.random).expect("a vendor");
        let kinds = [
            FaultKind::FailAfter,
            FaultKind::FailAfter,
            FaultKind::CutAfter,
            FaultKind::FailBefore,
            FaultKind::CutBefore,
            FaultKind::TooMany { retry_after_s: None },
            FaultKind::LoseReceipts,
            FaultKind::Undelivered,
            FaultKind::Expired,
        ];
        let kind = *kinds.choose(&mut self.random).expect("a kind");
        let times = self.random.random_range(1..4);
        self.test.site.sim.world.faults.add(Fault { vendor, kind, times });
        self.count("faults");
    }

    async fn pause_something(&mut self, hour: usize) {
        let (tenant, now) = (self.test.site.franchise.slug.clone(), self.test.site.clock.now());
        if hour > 48 && self.random.random_bool(0.03) {
            let scope = match self.random.random_range(0..4) {
                0 => WantedScope::Everything,
                1 => WantedScope::Location(LOCATIONS[hour % LOCATIONS.len()].0.to_owned()),
                2 => WantedScope::Channel(Channel::ALL[hour % Channel::ALL.len()]),
                _ => WantedScope::Lead(self.test.lead_id(&self.asked[hour % self.asked.len()])),
            };
            if pause(&self.desk, &tenant, &scope, "a month has such days", "somebody").await.expect("paused") {
                self.pauses.push((now + TimeDelta::hours(self.random.random_range(2..50)), scope));
                self.count("pauses");
            }
        }
    }

    async fn resume_what_was_paused_long_enough(&mut self) {
        let (tenant, now) = (self.test.site.franchise.slug.clone(), self.test.site.clock.now());
        let (over, last): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pauses).into_iter().partition(|(until, _)| *until <= now);
        self.pauses = last;
        for (_, scope) in over {
            resume(&self.desk, &tenant, &scope, "somebody").await.expect("resumed");
        }
    }

    /// Messages that the pipeline owes something by now.
    async fn owed(&mut self) -> i64 {
        sqlx::query_scalar(
            "select (select count(*) from messages where state in ('claimed', 'unknown')
                        or (state = 'planned' and due_at <= $1 and release_at < '9999-01-01'))
                  + (select count(*) from pauses where resumed_at is not null and not is_released)",
        )
        .bind(self.test.site.clock.now())
        .fetch_one(&mut self.owner)
        .await
        .expect("a count")
    }

    async fn left(&mut self) -> i64 {
        sqlx::query_scalar("select count(*) from messages where state in ('planned', 'claimed', 'unknown')")
            .fetch_one(&mut self.owner)
            .await
            .expect("a count")
    }

    async fn until_handled(&mut self) {
        until("nothing is owed", async || self.owed().await == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_of_a_thousand_leads_loses_nothing_and_says_nothing_twice() {
    let mut month = Month::start().await;
    for hour in 0..90 * 24 {
        // A little past the hour: what is due at ten is due.
        let now = start() + TimeDelta::hours(i64::try_from(hour).expect("few")) + TimeDelta::seconds(30);
        month.test.advance_to(now.max(month.test.site.clock.now()));
        month.live(hour).await;
        if hour < 48 {
            let wanted = i64::try_from((hour + 1) * LEADS / 48).expect("few");
            until("whoever asked is a lead with a plan", async || {
                let planned = sqlx::query_scalar::<_, i64>(
                    "select count(*) from leads where planned_at is not null or no_contact is not null",
                );
                planned.fetch_one(&mut month.owner).await.expect("a count") >= wanted
            })
            .await;
        }
        month.until_handled().await;
        if hour > 720 && month.pauses.is_empty() && month.left().await == 0 {
            break;
        }
    }
    let Month { test, mut owner, counts, dying, program, .. } = month;
    println!("{counts:?}; {} workers died", dying.deaths.load(Ordering::SeqCst));
    assert_accounted(&mut owner).await;
    assert_lawful(&test);
    assert_quiet_after_a_stop(&test, &mut owner).await;
    assert_confirmed_at_once(&test, &mut owner).await;
    assert_said_once(&test);
    let by_whatsapp = test.site.sim.world.journal.count(|event| matches!(event, Event::Whatsapp { .. }));
    assert!(by_whatsapp > 500, "{by_whatsapp} by WhatsApp");
    test.assert_settled().await;
    program.expect("a program").stop().await;
    for what in ["replies", "opt-outs by text", "unsubscribes", "bookings", "faults", "pauses", "restarts"] {
        assert!(counts.get(what).is_some_and(|times| *times > 2), "{what}: {counts:?}");
    }
    assert!(dying.deaths.load(Ordering::SeqCst) > 5);
}

/// Every touch of every lead is sent or explained, and nobody waits for a vendor's answer.
async fn assert_accounted(owner: &mut PgConnection) {
    let open: Vec<(String, String, Option<String>, DateTime<Utc>)> = sqlx::query_as(
        "select channel, state, reason, due_at from messages where state in ('planned', 'claimed', 'unknown') limit 20",
    )
    .fetch_all(&mut *owner)
    .await
    .expect("what is left");
    assert!(open.is_empty(), "still to come: {open:?}");
    let rows = sqlx::query(
        "select state, reason is not null as is_explained, count(*) as messages from messages group by 1, 2 order by 1, 2",
    )
    .fetch_all(&mut *owner)
    .await
    .expect("counts");
    for row in rows {
        let (state, is_explained, messages): (String, bool, i64) = (row.get(0), row.get(1), row.get(2));
        println!("{messages:>6} {state}{}", if is_explained { ", with a reason" } else { "" });
        match state.as_str() {
            "sent" | "delivered" => {}
            "withheld" | "cancelled" | "failed" => assert!(is_explained, "{messages} {state} without a reason"),
            other => panic!("{messages} are still {other}"),
        }
    }
    let dropped: i64 = sqlx::query_scalar(
        "select count(*) from leads l where l.no_contact is null
         and (select count(distinct step) from messages m where m.lead_id = l.id and m.tenant_id = l.tenant_id) < 12",
    )
    .fetch_one(&mut *owner)
    .await
    .expect("a count");
    assert_eq!(dropped, 0, "leads whose steps are not all there");
    let open: i64 = sqlx::query_scalar("select count(*) from attempts where outcome is null")
        .fetch_one(&mut *owner)
        .await
        .expect("a count");
    assert_eq!(open, 0, "attempts without an end");
    // WhatsApp cannot be asked, so a person is, unless nobody may write to them any more.
    let lost: Vec<(Uuid, bool, Option<String>)> = sqlx::query_as(
        "select a.message_id, l.stopped_at is not null, a.channel
         from attempts a join messages m on m.id = a.message_id and m.tenant_id = a.tenant_id
         join leads l on l.id = m.lead_id and l.tenant_id = m.tenant_id
         where a.outcome = 'lost'",
    )
    .fetch_all(&mut *owner)
    .await
    .expect("what was lost");
    println!("{:>6} of which nobody knows", lost.len());
    for (message, is_over, channel) in lost {
        let task = TaskId::of_unknown(MessageId::new(message));
        let asked: bool = sqlx::query_scalar("select exists (select from tasks where id = $1)")
            .bind(task.uuid())
            .fetch_one(&mut *owner)
            .await
            .expect("an answer");
        assert_eq!(channel.as_deref(), Some("whatsapp"), "only of a vendor that cannot be asked");
        assert!(asked || is_over, "nobody asks after {message}");
    }
    let leads: i64 = sqlx::query_scalar("select count(*) from leads").fetch_one(&mut *owner).await.expect("a count");
    assert_eq!(leads, i64::try_from(LEADS).expect("few"));
}

/// By the clocks of wherever they may be, worked out here once more: the hours, Sundays, the one holiday, and the cap.
fn assert_lawful(test: &Test) {
    let presidents_day = NaiveDate::from_ymd_opt(2026, 2, 16).expect("a date");
    let mut by_person: HashMap<usize, Vec<DateTime<Utc>>> = HashMap::new();
    let mut confirmed = HashSet::new();
    for entry in test.site.sim.world.journal.entries() {
        match entry.event {
            // It answers an opt-out, at whatever hour that came; how soon, `assert_confirmed_at_once` looks.
            Event::Text { to, body, .. } | Event::Whatsapp { to, body, .. } if body.ends_with(CONFIRMATION) => {
                assert!(confirmed.insert(to.clone()), "{to} was told twice that they have opted out");
            }
            Event::Text { to, .. } | Event::Whatsapp { to, .. } => {
                let number: usize = to[8..].parse().expect("a customer's number");
                by_person.entry(number).or_default().push(entry.business_at);
                let (_, zone, from) = AREAS[number % AREAS.len()];
                let shop = number % 7 % LOCATIONS.len();
                let opens = from.max(SHOPS_FROM[shop]);
                for zone in [zone, LOCATIONS[shop].2] {
                    let local = entry.business_at.with_timezone(&zone);
                    let opens = if local.weekday() == Weekday::Sun { 12 } else { opens };
                    assert!((opens..20).contains(&local.hour()), "{to} was texted at {local}");
                    assert_ne!(local.date_naive(), presidents_day, "{to} was texted on a holiday");
                }
            }
            Event::Email { to, .. } => {
                let number =
                    to.trim_start_matches("customer.").split('@').next().and_then(|number| number.parse().ok());
                by_person.entry(number.expect("a customer's address")).or_default().push(entry.business_at);
            }
            _ => {}
        }
    }
    assert!(!confirmed.is_empty(), "nobody opted out in words of their own");
    for (number, mut sent) in by_person {
        sent.sort();
        assert!(sent.windows(4).all(|four| four[3] - four[0] >= TimeDelta::hours(24)), "customer {number}: {sent:?}");
    }
}

/// Five minutes is what the law gives; and the clock here jumps by an hour, also between a decision and its call.
async fn assert_confirmed_at_once(test: &Test, owner: &mut PgConnection) {
    let replies: Vec<(String, DateTime<Utc>)> = sqlx::query_as(
        "select l.crm_order_id, r.received_at from replies r join leads l on l.id = r.lead_id and l.tenant_id = r.tenant_id",
    )
    .fetch_all(owner)
    .await
    .expect("what they wrote");
    for entry in test.site.sim.world.journal.entries() {
        if let Event::Text { to, body, .. } | Event::Whatsapp { to, body, .. } = &entry.event
            && body.ends_with(CONFIRMATION)
        {
            let order = format!("m-{}", &to[8..]);
            let said = replies.iter().filter(|(of, at)| *of == order && *at <= entry.business_at);
            let said = said.map(|(_, at)| *at).max().expect("nobody is told so who has not said anything");
            assert!(
                entry.business_at - said < TimeDelta::minutes(65),
                "{order} wrote at {said} and was told at {}",
                entry.business_at
            );
        }
    }
}

async fn assert_quiet_after_a_stop(test: &Test, owner: &mut PgConnection) {
    let stops: HashMap<String, DateTime<Utc>> =
        sqlx::query("select crm_order_id, stopped_at from leads where stopped_at is not null")
            .fetch_all(owner)
            .await
            .expect("the stops")
            .into_iter()
            .map(|row| (row.get(0), row.get(1)))
            .collect();
    // What was on its way at that moment left within seconds.
    let by_then = |order: &str| stops.get(order).map(|at| *at + TimeDelta::minutes(1));
    for entry in test.site.sim.world.journal.entries() {
        let number = match &entry.event {
            // Whoever has left by email may say so by text as well.
            Event::Text { body, .. } | Event::Whatsapp { body, .. } if body.ends_with(CONFIRMATION) => continue,
            Event::Text { to, .. } | Event::Whatsapp { to, .. } => to[8..].to_owned(),
            Event::Email { to, .. } => {
                format!("{:0>4}", to.trim_start_matches("customer.").split('@').next().unwrap_or_default())
            }
            _ => continue,
        };
        if let Some(quiet_from) = by_then(&format!("m-{number}")) {
            assert!(entry.business_at <= quiet_from, "m-{number} ended at {quiet_from} and got {:?}", entry.event);
        }
    }
}

fn assert_said_once(test: &Test) {
    let mut seen = HashSet::new();
    for entry in test.site.sim.world.journal.entries() {
        if let Event::Email { to, subject, body, .. } = entry.event {
            assert!(seen.insert((to.clone(), subject.clone(), body)), "{to} got {subject:?} twice");
        }
    }
}
