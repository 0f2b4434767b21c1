//! What the tests of the whole pipeline stand on: real servers of their own, a simulator, a clock they move, and waiting
//! for states instead of for time.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Clock, CrmName, LeadId, MessageState};
use orchestrator::{
    Program, Role,
    demo::{Franchise, Site, SiteOptions, seed},
    supervise::Durability,
};
use sim::{Entry, Event, Quote};
use stage::{Faults, Step};
use store::{Lead, MessageLine, TenantSettings};

/// How long a state may take to come about on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A site in a folder that goes with it.
pub struct Test {
    pub site: Site,
    _folder: tempfile::TempDir,
}

/// Noon in Denver on a Saturday: inside everybody's window.
pub fn noon() -> DateTime<Utc> {
    "2026-01-10T19:00:00Z".parse().expect("a constant time")
}

impl Test {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut SiteOptions)) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::Builder::new()
            .prefix("leads-test-")
            .permissions(std::fs::Permissions::from_mode(0o755))
            .tempdir_in("/tmp")
            .expect("a folder for the test");
        let mut options = SiteOptions::new(folder.path(), Durability::None);
        options.sim.clock = Clock::movable(noon());
        options.sim.receipt_delay = Duration::from_millis(10);
        options.ack_wait = Duration::from_secs(2);
        let settings = [
            ("notify.allow", "+1512*,*@example.com"),
            ("notify.vendor_timeout", "1s"),
            ("notify.claim_lease", "3s"),
            ("notify.lookup_1", "50ms"),
            ("notify.lookup_2", "100ms"),
            ("notify.lookup_3", "200ms"),
            ("notify.lookup_4", "300ms"),
            ("notify.retry_delay", "50ms"),
            ("schedule.poll", "50ms"),
            ("schedule.lease", "3s"),
            ("enrich.longest_delay", "1s"),
            // What no webhook tells stays untold, but where a test is about it.
            ("ingest.poll", "false"),
        ];
        options.settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        change(&mut options);
        let site = Site::start(options).await.expect("a site for the test");
        let test = Self { site, _folder: folder };
        // Most tests have one customer ask for several things; when these are one lead is the matter of `merges`.
        test.choose(|settings| settings.duplicates.within_days = 0).await;
        // Whatever the hour a test begins at: its customers asked after the shop went live.
        test.went_live(noon() - TimeDelta::days(365)).await;
        test
    }

    /// The franchise chooses something else. What it is has to be asked for anew: start the roles after this.
    pub async fn choose(&self, change: impl FnOnce(&mut TenantSettings)) {
        self.choose_for(&self.site.franchise, change).await;
    }

    async fn choose_for(&self, franchise: &Franchise, change: impl FnOnce(&mut TenantSettings)) {
        let Franchise { tenant, slug, .. } = franchise;
        let mut tx = self.site.store.begin(*tenant).await.expect("a transaction");
        let mut settings = tx.tenants().settings().await.expect("settings");
        change(&mut settings);
        tx.tenants().save(slug, "Sample Tint", &settings, noon()).await.expect("saved");
        tx.commit().await.expect("committed");
    }

    /// A second franchise, set up as the first.
    pub async fn add_tenant(&self, slug: &str) -> Franchise {
        let other = Franchise::random(slug);
        let Site { store, sim, public_url, clock, .. } = &self.site;
        seed(store, &other, &sim.url, public_url, clock.now()).await.expect("a second tenant");
        other
    }

    /// A second franchise, whose shops have Tekmetric.
    pub async fn add_tekmetric_tenant(&self, slug: &str) -> Franchise {
        let other = Franchise { crm: CrmName::Tekmetric, ..Franchise::random(slug) };
        let Site { store, sim, public_url, clock, .. } = &self.site;
        seed(store, &other, &sim.url, public_url, clock.now()).await.expect("a second tenant");
        self.contact_since(&other, noon() - TimeDelta::days(365)).await;
        self.choose_for(&other, |settings| settings.duplicates.within_days = 0).await;
        sim.world.tekmetric.add_webhook(&other.door(public_url, "tekmetric/{crm}"));
        for shop in sim::tekmetric::SHOPS {
            sim.world.stock_jobs(shop, 0);
        }
        other
    }

    /// Nobody is written to who asked before this.
    pub async fn went_live(&self, at: DateTime<Utc>) {
        self.contact_since(&self.site.franchise, at).await;
    }

    async fn contact_since(&self, franchise: &Franchise, at: DateTime<Utc>) {
        let mut tx = self.site.store.begin(franchise.tenant).await.expect("a transaction");
        tx.tenants().contact_since(at).await.expect("set");
        tx.commit().await.expect("committed");
    }

    pub async fn run(&self) -> Program {
        self.site.run().await.expect("the roles start")
    }

    pub async fn run_with(&self, faults: Arc<dyn Faults>) -> Program {
        let config = self.site.config(&Role::ALL, &[]).expect("settings");
        Program::start(&config, &Role::ALL, Some(faults)).await.expect("the roles start")
    }

    pub fn lead_id(&self, quote: &Quote) -> LeadId {
        LeadId::of_order(self.site.franchise.tenant, CrmName::Shopmonkey.as_str(), &quote.order_id)
    }

    pub async fn lead(&self, quote: &Quote) -> Option<Lead> {
        let mut tx = self.site.store.begin(self.site.franchise.tenant).await.ok()?;
        tx.leads().lookup(self.lead_id(quote)).await.expect("a readable lead")
    }

    pub async fn messages(&self, quote: &Quote) -> Vec<MessageLine> {
        let Ok(mut tx) = self.site.store.begin(self.site.franchise.tenant).await else {
            return Vec::new();
        };
        tx.messages().list(self.lead_id(quote)).await.unwrap_or_default()
    }

    /// A lead's messages as words, in order: `sms delivered`, `email planned`, …
    pub async fn states(&self, quote: &Quote) -> Vec<String> {
        let messages = self.messages(quote).await;
        messages.iter().map(|message| format!("{} {}", message.channel.as_str(), message.state.as_str())).collect()
    }

    /// Waits until a lead's first text is delivered.
    pub async fn until_texted(&self, quote: &Quote) {
        until("the text is delivered", async || {
            self.states(quote).await.first().is_some_and(|state| state == "sms delivered")
        })
        .await;
    }

    /// What Twilio took for this number.
    pub fn texts_to(&self, number: &str) -> Vec<String> {
        let entries = self.site.sim.world.journal.entries();
        entries
            .into_iter()
            .filter_map(|entry| match entry.event {
                Event::Text { to, body, .. } if to == number => Some(body),
                _ => None,
            })
            .collect()
    }

    /// Every number for which Twilio took something.
    pub fn texted(&self) -> HashSet<String> {
        let entries = self.site.sim.world.journal.entries();
        let to = |entry: Entry| match entry.event {
            Event::Text { to, .. } => Some(to),
            _ => None,
        };
        entries.into_iter().filter_map(to).collect()
    }

    /// The subjects of what SendGrid took for this address.
    pub fn emails_to(&self, address: &str) -> Vec<String> {
        let entries = self.site.sim.world.journal.entries();
        entries
            .into_iter()
            .filter_map(|entry| match entry.event {
                Event::Email { to, subject, .. } if to == address => Some(subject),
                _ => None,
            })
            .collect()
    }

    /// Lives until `end`, from one due message of these leads to the next, as the world does: what comes due together is apart.
    pub async fn live_until(&self, quotes: &[&Quote], end: DateTime<Utc>) {
        for _ in 0..500 {
            let mut next = None;
            for quote in quotes {
                let planned = self.messages(quote).await;
                let planned = planned.iter().filter(|message| message.state == MessageState::Planned);
                next = planned.map(|message| message.due_at).chain(next).min();
            }
            let Some(next) = next.filter(|at| *at < end) else { break };
            self.advance_to(next.max(self.site.clock.now()));
            until("what is due is handled", async || {
                let mut handled = true;
                for quote in quotes {
                    handled &= self.messages(quote).await.iter().all(|message| {
                        message.due_at > next || !matches!(message.state, MessageState::Planned | MessageState::Claimed)
                    });
                }
                handled
            })
            .await;
        }
        self.advance_to(end.max(self.site.clock.now()));
    }

    /// Every lead has what it should have, once: no message in hand, no dead letter.
    pub async fn assert_settled(&self) {
        until("no message is in hand", async || {
            let counts = self.site.store.everywhere().count_messages_by_state().await.unwrap_or_default();
            counts.iter().all(|count| !["claimed", "unknown"].contains(&count.state.as_str()))
        })
        .await;
        let dead = self.site.store.everywhere().list_open_dead_letters(10).await.expect("dead letters");
        assert!(dead.is_empty(), "dead letters: {dead:?}");
        assert_eq!(self.site.sim.world.twilio.repeated_texts(), [], "texts that were sent twice");
        assert_eq!(self.site.sim.world.whatsapp.repeated_messages(), [], "messages that were sent twice");
    }

    /// Lets business time pass. Whatever falls due in between is released by the running roles.
    pub fn advance_to(&self, at: DateTime<Utc>) {
        self.site.clock.set(at);
    }
}

/// A quote of Dana's with an order of its own.
pub fn quote(order: &str) -> Quote {
    Quote { order_id: order.to_owned(), ..Quote::default() }
}

/// Waits for a state, with a deadline that says which state it was.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// As [`until`], of many things one after the other: the deadline is for each next one.
pub async fn until_all(what: &str, wanted: usize, mut count: impl AsyncFnMut() -> usize) {
    let (mut most, mut deadline) = (0, Instant::now() + PATIENCE);
    loop {
        let now = count().await;
        if now >= wanted {
            return;
        }
        if now > most {
            (most, deadline) = (now, Instant::now() + PATIENCE);
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}: {most} of {wanted}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Kills the worker of one stage the first time it comes to one step.
#[derive(Debug)]
pub struct KillOnce {
    stage: &'static str,
    step: Step,
    each: bool,
    killed: Mutex<Vec<String>>,
}

impl KillOnce {
    pub fn new(stage: &'static str, step: Step) -> Arc<Self> {
        Arc::new(Self { stage, step, each: false, killed: Mutex::default() })
    }

    /// Kills it once for each event.
    pub fn each(stage: &'static str, step: Step) -> Arc<Self> {
        Arc::new(Self { stage, step, each: true, killed: Mutex::default() })
    }

    /// The event during whose handling it killed, if it came to that.
    pub fn killed(&self) -> Vec<String> {
        self.killed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Faults for KillOnce {
    fn dies(&self, stage: &'static str, event_id: &str, step: Step) -> bool {
        let mut killed = self.killed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_spared = killed.iter().any(|killed| !self.each || killed == event_id);
        let now = stage == self.stage && step == self.step && !is_spared;
        if now {
            killed.push(event_id.to_owned());
        }
        now
    }
}
