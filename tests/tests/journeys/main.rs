//! What a customer sees: the page in a real Chromium, as on a phone, while replicas die behind it.
//!
//! The journeys themselves are in `web/journeys/`; here is all that a page cannot do for itself.

mod balancer;

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use balancer::Balancer;
use domain::{ChosenModel, LeadId, ModelVendor};
use operate::{Desk, give_chat_back, say_in_chat};
use orchestrator::{Program, Role};
use serde_json::{Value, json};
use sim::{Fault, FaultKind, Manners, Vendor};
use sqlx::{Connection as _, PgConnection};
use stage::Bus;
use tests::{Test, quote, until};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::Command,
    time::timeout,
};

const PHONE: &str = "+15125550141";

/// Of a whole journey, on a machine that is busy with others.
const LONGEST: Duration = Duration::from_secs(180);

async fn give_model_key(test: &Test) {
    let (base_url, api_key) = (test.site.sim.url.clone(), sim::anthropic::API_KEY.to_owned());
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    let key = model::Credentials { base_url, api_key };
    tx.tenants().save_credentials(model::ANTHROPIC, &key).await.expect("kept");
    tx.commit().await.expect("committed");
}

/// Three replicas that answer, all else beside them, and somebody whose text has a link.
struct World {
    test: Test,
    rest: Program,
    replicas: Vec<Program>,
    balancer: Balancer,
    lead: LeadId,
    bus: Bus,
}

impl World {
    async fn start() -> Self {
        let test = Test::start().await;
        let model = "claude-haiku-5-5".to_owned();
        test.choose(|settings| settings.assistant = Some(ChosenModel { vendor: ModelVendor::Anthropic, model })).await;
        give_model_key(&test).await;
        test.site.sim.world.stock(orchestrator::demo::LOCATIONS[0].0);
        let rest: Vec<Role> = Role::ALL.into_iter().filter(|role| *role != Role::Chat).collect();
        let config = test.site.config(&rest, &[]).expect("settings");
        let rest = Program::start(&config, &rest, None).await.expect("the roles start");
        let mut replicas = Vec::new();
        for _ in 0..3 {
            let config = test.site.config(&[Role::Chat], &[("http.listen", "127.0.0.1:0")]).expect("settings");
            replicas.push(Program::start(&config, &[Role::Chat], None).await.expect("a replica starts"));
        }
        let balancer = Balancer::start(replicas.iter().map(|replica| replica.address)).await.expect("a door");
        let asked = sim::Quote { phone: Some(PHONE.into()), email: None, ..quote("o-1") };
        test.site.sim.world.ask_for_quote(&asked, Manners::default());
        test.until_texted(&asked).await;
        let lead = test.lead_id(&asked);
        let bus = Bus::connect(&test.site.bus_config("operate")).await.expect("a connection");
        Self { test, rest, replicas, balancer, lead, bus }
    }

    /// The link in the newest text on the customer's phone, at the door that stands before the replicas.
    fn link(&self) -> String {
        let text = self.test.texts_to(PHONE).pop().expect("a text");
        let link = text.split_whitespace().find(|word| word.contains("/c/")).expect("a link in it").to_owned();
        link.replace(&self.test.site.public_url, &format!("http://{}", self.balancer.address))
    }

    fn desk(&self) -> Desk {
        let site = &self.test.site;
        let config = site.config(&[], &[]).expect("settings");
        let limiter = limits::Limiter::new(&config.limits).expect("a limiter");
        Desk {
            store: site.store.clone(),
            accounts: accounts::Accounts::new(&config.accounts, limiter.into()),
            clock: site.clock.clone(),
            public_url: config.ingest.public_url,
        }
    }

    /// What a journey asks for.
    async fn act(&mut self, what: &str) -> Value {
        let slug = self.test.site.franchise.slug.clone();
        match what {
            "kill the replica that serves" => {
                let serves = self.balancer.serves().expect("somebody has served");
                let place = self.replicas.iter().position(|replica| replica.address == serves);
                self.balancer.cut(serves);
                self.replicas.remove(place.expect("it lives")).crash().await;
            }
            "have the model speak slowly" => {
                self.test.site.sim.world.anthropic.speak_slowly(Duration::from_millis(120));
            }
            "have the model break off" => {
                let fault = Fault { vendor: Vendor::Anthropic, kind: FaultKind::CutStream, times: 1 };
                self.test.site.sim.world.faults.add(fault);
            }
            "let nobody answer" => self.replicas.iter().for_each(|replica| self.balancer.cut(replica.address)),
            "answer again" => self.replicas.iter().for_each(|replica| self.balancer.add(replica.address)),
            "a person joins" => {
                let desk = self.desk();
                let said = say_in_chat(&desk, &self.bus, &slug, self.lead, "Hola, soy Sam. ¿Qué necesita?", "Sam");
                said.await.expect("said");
            }
            "the person gives it back" => {
                give_chat_back(&self.desk(), &self.bus, &slug, self.lead).await.expect("given back");
            }
            other => panic!("nobody knows how to {other:?}"),
        }
        Value::Bool(true)
    }

    async fn travel(&mut self, journey: &str) {
        let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web");
        let mut command = Command::new("node");
        command.arg(web.join("journeys").join(format!("{journey}.mjs"))).current_dir(&web).kill_on_drop(true);
        command.env("JOURNEY", json!({ "link": self.link() }).to_string());
        // Whoever wants to see it names a folder.
        if let Some(pictures) = std::env::var_os("PICTURES") {
            let folder = PathBuf::from(pictures).join(journey);
            std::fs::create_dir_all(&folder).expect("a folder for pictures");
            command.env("PICTURES", folder);
        }
        let mut node = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Node, which `make setup` installs");
        let mut wants = BufReader::new(node.stdout.take().expect("a pipe")).lines();
        let mut told = node.stdin.take().expect("a pipe");
        let done = timeout(LONGEST, async {
            while let Some(line) = wants.next_line().await.expect("a readable line") {
                let line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no line of ours: {line}"));
                let Some(what) = line["ask"].as_str() else { return };
                let answer = self.act(what).await;
                told.write_all(format!("{answer}\n").as_bytes()).await.expect("told");
            }
        });
        done.await.unwrap_or_else(|_| panic!("{journey} takes longer than {LONGEST:?}"));
        let ended = node.wait_with_output().await.expect("it ends");
        assert!(ended.status.success(), "{journey}: {}", String::from_utf8_lossy(&ended.stderr));
    }

    /// How many appointments the CRM's own calendar and ours have.
    async fn booked(&self) -> i64 {
        let mut database =
            PgConnection::connect(&self.test.site.settings["postgres.owner_url"]).await.expect("a connection");
        sqlx::query_scalar("select count(*) from appointments where state = 'booked' and lead_id is not null")
            .fetch_one(&mut database)
            .await
            .expect("counted")
    }

    async fn stop(self) {
        self.bus.close().await;
        for replica in self.replicas {
            replica.stop().await;
        }
        self.rest.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_asks_a_price_and_books_a_time_while_replicas_die_and_the_model_breaks_off() {
    let mut world = World::start().await;
    world.travel("book").await;
    assert_eq!(world.booked().await, 1);
    let crm = &world.test.site.sim.world;
    until("the CRM has it", async || crm.shopmonkey.rows("appointment").len() == 1).await;
    until("it is confirmed", async || world.test.texts_to(PHONE).iter().any(|text| text.contains("ou're booked")))
        .await;
    world.test.assert_settled().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_written_is_lost_while_the_network_or_the_server_is_away() {
    let mut world = World::start().await;
    world.travel("away").await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_takes_over_in_spanish_in_the_dark_and_by_keyboard_alone() {
    let mut world = World::start().await;
    world.travel("person").await;
    world.stop().await;
}
