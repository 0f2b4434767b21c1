//! The conversation: from a lead's link to a booked appointment, whichever replica answers and whoever dies.

use chrono::{DateTime, Utc};
use domain::{Channel, LeadId};
use operate::{give_chat_back, say_in_chat};
use orchestrator::{Program, Role};
use reqwest::{Client, StatusCode, header};
use serde_json::{Value, json};
use sim::Manners;
use stage::{Bus, Step};
use tests::{KillOnce, Test, quote, until};

use crate::{killed::unacked, ledger::desk, merges::TENANT};

/// Somebody with the page open.
pub(crate) struct Page {
    pub(crate) http: Client,
    base: String,
    lead: LeadId,
    pub(crate) cookie: String,
}

/// Part of a stream: each event's id and its data.
pub(crate) type Events = Vec<(String, Value)>;

impl Page {
    /// Opens the lead's link, as it would stand in a text.
    pub(crate) async fn open(test: &Test, program: &Program, lead: LeadId) -> Self {
        let link = link_of(test, lead).await;
        let (http, base) = (Client::new(), format!("http://{}", program.address));
        let opened =
            http.post(format!("{base}/api/chat/open")).json(&json!({ "link": link })).send().await.expect("an answer");
        assert_eq!(opened.status(), StatusCode::OK);
        let cookie = opened.headers()[header::SET_COOKIE].to_str().expect("a cookie").to_owned();
        assert!(cookie.contains("HttpOnly") && cookie.contains(&format!("Path=/api/chat/{lead}")), "{cookie}");
        let cookie = cookie.split(';').next().expect("its value").to_owned();
        Self { http, base, lead, cookie }
    }

    /// The same page, served by another replica.
    pub(crate) fn at(&self, program: &Program) -> Self {
        let (http, base) = (Client::new(), format!("http://{}", program.address));
        Self { http, base, lead: self.lead, cookie: self.cookie.clone() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/api/chat/{}/{path}", self.base, self.lead)
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        let answer =
            self.http.get(self.url(path)).header(header::COOKIE, &self.cookie).send().await.expect("an answer");
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = self.http.post(self.url(path)).header(header::COOKIE, &self.cookie).json(body);
        let answer = request.send().await.expect("an answer");
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    /// Says something, and waits for the answer in one piece.
    pub(crate) async fn say(&self, id: &str, words: &str) -> Value {
        let (status, said) = self.post("message?wait=20", &json!({ "id": id, "words": words })).await;
        assert_eq!(status, StatusCode::OK, "{said}");
        said["answer"].clone()
    }

    async fn turns(&self) -> Vec<(String, String)> {
        let (_, history) = self.get("history").await;
        let turn = |turn: &Value| (text(&turn["said_by"]), text(&turn["words"]));
        history["turns"].as_array().expect("turns").iter().map(turn).collect()
    }

    /// Reads the stream behind an event until one of these types has come.
    pub(crate) async fn read(&self, from: &str, until_type: &str) -> Events {
        let request =
            self.http.get(self.url("stream")).header(header::COOKIE, &self.cookie).header("last-event-id", from);
        let mut answer = request.send().await.expect("a stream");
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/event-stream");
        let (mut events, mut buffer) = (Events::new(), String::new());
        while let Ok(Some(more)) = answer.chunk().await {
            buffer.push_str(&String::from_utf8_lossy(&more));
            while let Some((event, rest)) =
                buffer.split_once("\n\n").map(|(event, rest)| (event.to_owned(), rest.to_owned()))
            {
                buffer = rest;
                let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
                if let (Some(id), Some(data)) = (line("id: "), line("data: ")) {
                    let data: Value = serde_json::from_str(&data).expect("JSON");
                    let is_last = data["type"] == until_type;
                    events.push((id, data));
                    if is_last {
                        return events;
                    }
                }
            }
        }
        panic!("the stream ended before {until_type}: {events:?}");
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What a page shows of an answer, by the parts that came: its words, and how many cards.
pub(crate) fn shown(events: &Events) -> (String, usize) {
    let mut texts: Vec<(String, String)> = Vec::new();
    let mut cards = 0;
    let mut before = (0, 0);
    for (_, part) in events {
        match part["type"].as_str().unwrap_or_default() {
            "start" => before = (texts.len(), cards),
            "data-card" => cards += 1,
            "text-start" => texts.push((text(&part["id"]), String::new())),
            "text-delta" => {
                let of = texts.iter_mut().find(|(id, _)| *id == text(&part["id"])).expect("a text that was begun");
                of.1.push_str(part["delta"].as_str().expect("words"));
            }
            "data-reset" => {
                texts.drain(..before.0);
                cards -= before.1;
                before = (0, 0);
            }
            _ => {}
        }
    }
    (texts.into_iter().map(|(_, words)| words).collect(), cards)
}

/// What the history has of an answer, as [`shown`] says it.
pub(crate) fn as_kept(answer: &Value) -> (String, usize) {
    (text(&answer["words"]), answer["cards"].as_array().map_or(0, Vec::len))
}

pub(crate) async fn link_of(test: &Test, lead: LeadId) -> String {
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    let token = tx.links().of_lead(lead, test.site.clock.now()).await.expect("a token");
    tx.commit().await.expect("committed");
    token.as_str().to_owned()
}

/// Somebody else for each order.
pub(crate) async fn asked(test: &Test, order: &str) -> LeadId {
    let number = order.trim_start_matches("o-");
    let phone = Some(format!("+1512555014{number}"));
    let asked = sim::Quote { phone, email: None, ..quote(order) };
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    test.until_texted(&asked).await;
    test.lead_id(&asked)
}

pub(crate) fn stock(test: &Test) {
    test.site.sim.world.stock(orchestrator::demo::LOCATIONS[0].0);
}

pub(crate) fn slots(answer: &Value) -> Vec<(String, DateTime<Utc>)> {
    let cards = answer["cards"].as_array().expect("cards");
    let card = cards.iter().find(|card| card["kind"] == "slots").unwrap_or_else(|| panic!("no times: {answer}"));
    let slot = |slot: &Value| (text(&slot["hold"]), text(&slot["starts_at"]).parse().expect("a time"));
    card["slots"].as_array().expect("slots").iter().map(slot).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_opens_their_link_asks_a_price_and_books_a_time() {
    let test = Test::start().await;
    stock(&test);
    let program = test.run().await;
    let lead = asked(&test, "o-1").await;
    let page = Page::open(&test, &program, lead).await;
    let (status, context) = page.get("context").await;
    assert_eq!((status, context["language"].as_str()), (StatusCode::OK, Some("en")));

    let answer = page.say("m-1", "How much is ceramic tint for a full sedan?").await;
    let words = text(&answer["words"]);
    assert!(words.contains("automated assistant"), "it says what it is: {words}");
    let price = answer["cards"][0]["price_cents"].as_i64().unwrap_or_else(|| panic!("no price: {answer}"));
    assert!(words.contains(&domain::dollars(price)), "{words}");

    let answer = page.say("m-2", "Can I book that for Tuesday?").await;
    let offered = slots(&answer);
    let (hold, starts_at) = offered[0].clone();
    let (status, booked) = page.post("book", &json!({ "hold": hold })).await;
    assert_eq!(status, StatusCode::OK, "{booked}");
    // Pressed twice it is booked once.
    let (status, again) = page.post("book", &json!({ "hold": hold })).await;
    assert_eq!((status, &again["appointment"]), (StatusCode::OK, &booked["appointment"]));
    // What was offered beside it is kept no more.
    let (status, gone) = page.post("book", &json!({ "hold": offered[1].0 })).await;
    assert_eq!((status, gone["code"].as_str()), (StatusCode::CONFLICT, Some("slot-gone")));

    let (_, context) = page.get("context").await;
    assert_eq!(text(&context["booked"][0]["starts_at"]).parse(), Ok(starts_at));
    let ended = test.lead(&quote("o-1")).await.and_then(|lead| lead.stop_reason);
    assert!(ended.is_some(), "the follow-up has ended");
    let turns = page.turns().await;
    let who: Vec<_> = turns.iter().map(|(who, _)| who.as_str()).collect();
    assert_eq!(who, ["customer", "assistant", "customer", "assistant", "assistant"], "{turns:?}");
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_cut_off_goes_on_behind_what_it_has_at_any_replica() {
    let test = Test::start().await;
    stock(&test);
    let one = test.run().await;
    let elsewhere = test.site.config(&Role::ALL, &[("http.listen", "127.0.0.1:0")]).expect("settings");
    let other = Program::start(&elsewhere, &Role::ALL, None).await.expect("a second replica");
    let lead = asked(&test, "o-1").await;
    let page = Page::open(&test, &one, lead).await;
    let (_, before) = page.get("history").await;
    let as_of = text(&before["as_of"]);
    let answer = page.say("m-1", "How much is ceramic tint?").await;
    let whole = page.read(&as_of, "finish").await;
    assert_eq!(shown(&whole), as_kept(&answer));
    // Cut after each of its events, and gone on at the other replica.
    let there = page.at(&other);
    for cut in 0..whole.len() - 1 {
        let rest = there.read(&whole[cut].0, "finish").await;
        assert_eq!(rest, whole[cut + 1..], "behind event {cut}");
    }
    // One that is over has no more to say, and one that nobody remembers is told to read the history.
    let (status, _) = page.get(&format!("stream?answer={}", text(&answer["id"]))).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let lost = page.read("99999-1", "data-resync").await;
    assert_eq!(lost.len(), 1);
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_is_answered_once_whatever_step_its_worker_dies_at() {
    for step in Step::ALL {
        let test = Test::start().await;
        stock(&test);
        let program = test.run().await;
        let lead = asked(&test, "o-1").await;
        program.stop().await;
        let kill = KillOnce::new("chat", step);
        let program = test.run_with(kill.clone()).await;
        let page = Page::open(&test, &program, lead).await;
        let (_, before) = page.get("history").await;
        let answer = page.say("m-1", "How much is ceramic tint for a full sedan?").await;
        until("it has died once", async || !kill.killed().is_empty()).await;
        until("nothing is left to do", async || unacked(&test).await == 0).await;
        let whole = page.read(&text(&before["as_of"]), "finish").await;
        assert_eq!(shown(&whole), as_kept(&answer), "{step:?}: {whole:?}");
        let is_reset = whole.iter().any(|(_, part)| part["type"] == "data-reset");
        assert_eq!(is_reset, step == Step::AfterCall, "only what was begun is taken back: {step:?}");
        let turns = page.turns().await;
        assert_eq!(turns.len(), 2, "{step:?}: {turns:?}");
        test.assert_settled().await;
        program.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_message_sent_twice_is_one_turn_with_one_answer() {
    let test = Test::start().await;
    stock(&test);
    let program = test.run().await;
    let lead = asked(&test, "o-1").await;
    let page = Page::open(&test, &program, lead).await;
    let first = page.say("m-1", "hello").await;
    let second = page.say("m-1", "hello").await;
    assert_eq!(first, second);
    assert_eq!(page.turns().await.len(), 2);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_open_to_its_own_session_alone() {
    let test = Test::start().await;
    let program = test.run().await;
    let (one, other) = (asked(&test, "o-1").await, asked(&test, "o-2").await);
    let page = Page::open(&test, &program, one).await;
    let theirs = Page { lead: other, http: Client::new(), base: page.base.clone(), cookie: page.cookie.clone() };
    let nobody = Page { lead: one, http: Client::new(), base: page.base.clone(), cookie: "leads_chat=nonsense".into() };
    let said = json!({ "id": "m-1", "words": "hello" });
    for stranger in [&theirs, &nobody] {
        for path in ["history", "context", "stream"] {
            let (status, refused) = stranger.get(path).await;
            assert_eq!((status, refused["code"].as_str()), (StatusCode::UNAUTHORIZED, Some("no-session")), "{path}");
        }
        for (path, body) in [
            ("message", said.clone()),
            ("stop", json!({})),
            ("book", json!({ "hold": one })),
            ("cancel", json!({ "appointment": one })),
        ] {
            let (status, refused) = stranger.post(path, &body).await;
            assert_eq!((status, refused["code"].as_str()), (StatusCode::UNAUTHORIZED, Some("no-session")), "{path}");
        }
    }
    // A link that was taken back opens nothing.
    let link = link_of(&test, one).await;
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    assert_eq!(tx.links().revoke(one, test.site.clock.wall()).await.expect("revoked"), 1);
    tx.commit().await.expect("committed");
    for link in [link.as_str(), "", "12345678901234", &"x".repeat(500)] {
        let opened = page.http.post(format!("{}/api/chat/open", page.base)).json(&json!({ "link": link }));
        assert_eq!(opened.send().await.expect("an answer").status(), StatusCode::UNAUTHORIZED, "{link}");
    }
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused_in_words() {
    let test = Test::start().await;
    let program = test.run().await;
    let lead = asked(&test, "o-1").await;
    let page = Page::open(&test, &program, lead).await;
    for (body, wanted) in [
        (json!({ "id": "", "words": "hi" }), "invalid-fields"),
        (json!({ "id": "m 1", "words": "hi" }), "invalid-fields"),
        (json!({ "id": "m-1", "words": "  \u{7} " }), "invalid-fields"),
        (json!({ "id": "m-1", "words": "x".repeat(2_001) }), "invalid-fields"),
        (json!({ "id": "m-1" }), "not-readable"),
        (json!(["hi"]), "not-readable"),
    ] {
        let (status, refused) = page.post("message", &body).await;
        assert!(status.is_client_error() && refused["code"] == wanted, "{body}: {status} {refused}");
    }
    for query in ["history?most=0", "history?most=101", "history?before=x", "stream?last_event_id=x", "stream?answer=x"]
    {
        let (status, refused) = page.get(query).await;
        assert_eq!((status, refused["code"].as_str()), (StatusCode::BAD_REQUEST, Some("wrong-query")), "{query}");
    }
    assert_eq!(page.turns().await, []);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bay_is_nobodys_twice_however_many_press_at_once() {
    let test = Test::start().await;
    stock(&test);
    let program = test.run().await;
    let mut pages = Vec::new();
    for order in ["o-1", "o-2", "o-3"] {
        let lead = asked(&test, order).await;
        pages.push(Page::open(&test, &program, lead).await);
    }
    let mut booked = Vec::new();
    for page in &pages {
        let answer = page.say("m-1", "Can I bring it in for ceramic tint, full sedan, on Tuesday morning?").await;
        let (hold, starts_at) = slots(&answer)[0].clone();
        let pressed =
            futures::future::join_all((0..5).map(|_| async { page.post("book", &json!({ "hold": hold })).await.0 }))
                .await;
        assert!(pressed.iter().all(|status| *status == StatusCode::OK), "{pressed:?}");
        booked.push(starts_at);
    }
    booked.sort();
    booked.dedup();
    assert_eq!(booked.len(), pages.len(), "the shop has one bay");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_person_has_the_conversation_the_assistant_is_silent() {
    let test = Test::start().await;
    let program = test.run().await;
    let lead = asked(&test, "o-1").await;
    let page = Page::open(&test, &program, lead).await;
    page.say("m-1", "hello").await;
    let (_, before) = page.get("history").await;
    let (desk, bus) = (desk(&test), Bus::connect(&test.site.bus_config("operate")).await.expect("a connection"));
    say_in_chat(&desk, &bus, TENANT, lead, "Hi, this is Kim. What can I do?", "kim").await.expect("said");
    let heard = page.read(&text(&before["as_of"]), "data-turn").await;
    let last = &heard[heard.len() - 1].1["data"];
    assert_eq!((last["said_by"].as_str(), last["name"].as_str()), (Some("person"), Some("kim")), "{heard:?}");
    assert!(heard.iter().any(|(_, part)| part["data"]["state"] == "joined"), "{heard:?}");
    let (status, _) = page.post("message?wait=2", &json!({ "id": "m-2", "words": "how much is tint?" })).await;
    assert_eq!(status, StatusCode::ACCEPTED, "nobody answers in their place");
    until("it is heard", async || page.turns().await.len() == 4).await;
    let (_, history) = page.get("history").await;
    assert_eq!(history["held_by"], "kim");

    give_chat_back(&desk, &bus, TENANT, lead).await.expect("given back");
    assert!(give_chat_back(&desk, &bus, TENANT, lead).await.is_err(), "nobody has it any more");
    let answer = page.say("m-3", "what are your hours?").await;
    assert!(text(&answer["words"]).contains("open"), "{answer}");
    for wrong in ["", " \n ", "a\u{7}b", &"x".repeat(2_001)] {
        assert!(say_in_chat(&desk, &bus, TENANT, lead, wrong, "kim").await.is_err(), "{wrong}");
    }
    let turns = page.turns().await;
    let who: Vec<_> = turns.iter().map(|(who, _)| who.as_str()).collect();
    assert_eq!(who, ["customer", "assistant", "person", "customer", "customer", "assistant"], "{turns:?}");
    bus.close().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_wants_no_more_messages_says_so_in_the_chat_too() {
    let test = Test::start().await;
    let program = test.run().await;
    let lead = asked(&test, "o-1").await;
    let page = Page::open(&test, &program, lead).await;
    let answer = page.say("m-1", "Please stop texting me, I only look around").await;
    assert!(text(&answer["words"]).contains("no more texts"), "{answer}");
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    for channel in [Channel::Sms, Channel::Whatsapp] {
        assert!(tx.messages().is_suppressed(channel, "+15125550141").await.expect("an answer"), "{channel:?}");
    }
    drop(tx);
    let lead = test.lead(&quote("o-1")).await.expect("the lead");
    assert_eq!(lead.stop_reason.as_deref(), Some("opted_out"));
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_wants_a_person_gets_one_and_the_staff_is_told() {
    let test = Test::start().await;
    let program = test.run().await;
    let lead = asked(&test, "o-1").await;
    let page = Page::open(&test, &program, lead).await;
    let answer = page.say("m-1", "Quiero hablar con una persona, por favor").await;
    assert!(text(&answer["words"]).contains("Soy el asistente automático"), "{answer}");
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    let tasks = tx.tasks().list_open(10).await.expect("tasks");
    assert!(tasks.iter().any(|task| task.lead == lead && task.title.contains("in the chat")), "{tasks:?}");
    drop(tx);
    program.stop().await;
}
