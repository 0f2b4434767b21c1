//! Forms of websites: what they bring is a full lead without a CRM, once, and what they get wrong is told.

use std::time::Duration;

use chrono::TimeDelta;
use domain::{FieldKind, FormField, FormSchema, LeadId, NoContact};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use store::{Lead, NewFormKey};
use tests::{Test, until};

use crate::killed::unacked;

const DANA: &str = "+15125550142";
const TAMPA: &str = orchestrator::demo::LOCATIONS[0].0;

fn client() -> Client {
    service::http::client(Duration::from_secs(2), Duration::from_secs(20))
}

fn post(test: &Test, path: &str, body: &Value) -> RequestBuilder {
    client().post(format!("{}{path}", test.site.public_url)).json(body)
}

/// To the form of a chat window, with the tenant's publishable key.
fn chatbot(test: &Test, body: &Value) -> RequestBuilder {
    post(test, "/api/chatbot/leads", body).header("x-publishable-key", &test.site.franchise.publishable_key)
}

fn dana() -> Value {
    json!({
        "name": "Dana Example", "phone": "(512) 555-0142", "email": "dana@example.com", "service": "Ceramic tint",
        "vehicle_year": 2021, "vehicle_make": "Honda", "vehicle_model": "Civic", "location": TAMPA, "consent": true,
        "utm_source": "ads", "page": "https://www.sample-tint.example/quote"
    })
}

async fn id_of(response: Response) -> String {
    assert_eq!(response.status(), StatusCode::CREATED, "{}", response.text().await.unwrap_or_default());
    response.json::<Value>().await.expect("JSON")["id"].as_str().expect("an id").to_owned()
}

async fn problem(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    (status, response.json().await.expect("JSON"))
}

async fn lead(test: &Test, submission: &str) -> Option<Lead> {
    let tenant = test.site.franchise.tenant;
    let mut tx = test.site.store.begin(tenant).await.expect("a transaction");
    tx.leads().lookup(LeadId::of_order(tenant, "form", submission)).await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_a_full_lead_without_a_crm_and_all_it_told_is_kept() {
    let test = Test::start().await;
    let program = test.run().await;
    let sent = chatbot(&test, &dana())
        .header("user-agent", "Mozilla/5.0 (iPhone) Mobile")
        .header("referer", "https://ads.example/");
    let id = id_of(sent.send().await.expect("an answer")).await;
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    assert!(test.texts_to(DANA)[0].contains("Ceramic tint for 2021 Honda Civic"), "{:?}", test.texts_to(DANA));
    let tenant = test.site.franchise.tenant;
    let mut tx = test.site.store.begin(tenant).await.expect("a transaction");
    assert_eq!(tx.messages().list(LeadId::of_order(tenant, "form", &id)).await.expect("messages").len(), 13);
    drop(tx);
    // A reply ends it like any other.
    test.site.sim.world.reply(DANA, "Tomorrow at ten?").await;
    until("the follow-up ends", async || lead(&test, &id).await.is_some_and(|lead| lead.stop_reason.is_some())).await;

    let mut owner = PgConnection::connect(&test.site.settings["postgres.owner_url"]).await.expect("the owner");
    let (words, metadata): (Option<String>, Value) =
        sqlx::query_as("select consent_words, metadata from form_submissions where id = $1")
            .bind(&id)
            .fetch_one(&mut owner)
            .await
            .expect("the submission");
    assert!(words.is_some_and(|words| words.starts_with("I agree to receive texts")));
    assert_eq!(
        metadata,
        json!({"utm_source": "ads", "page": "https://www.sample-tint.example/quote", "referrer": "https://ads.example/",
               "device": "phone"})
    );
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_sent_again_is_the_same_lead() {
    let test = Test::start().await;
    let program = test.run().await;
    let with_key = |key: &str| chatbot(&test, &dana()).header("idempotency-key", key).send();
    let first = id_of(with_key("visit-1").await.expect("an answer")).await;
    for _ in 0..4 {
        assert_eq!(id_of(with_key("visit-1").await.expect("an answer")).await, first);
    }
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    // A double click, without a key: the same words from the same place.
    let other = json!({"name": "Sam", "phone": "512-555-0143", "location": TAMPA, "consent": "on"});
    let (one, two) = tokio::join!(chatbot(&test, &other).send(), chatbot(&test, &other).send());
    assert_eq!(id_of(one.expect("an answer")).await, id_of(two.expect("an answer")).await);
    until("the second text is out", async || test.texts_to("+15125550143").len() == 1).await;
    until("nothing is left to read", async || unacked(&test).await == 0).await;
    let leads = test.site.store.everywhere().count_leads_by_status().await.expect("a count");
    assert_eq!(leads.iter().map(|(_, leads)| leads).sum::<i64>(), 2);
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_field_is_named_and_nothing_is_stored() {
    let test = Test::start().await;
    let program = test.run().await;
    let wrong = json!({"name": "", "phone": "12", "email": ["a"], "vehicle_year": "soon", "location": "nowhere"});
    let (status, says) = problem(chatbot(&test, &wrong).send().await.expect("an answer")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let errors = says["errors"].as_array().expect("errors");
    let fields: Vec<_> = errors.iter().map(|error| error["field"].as_str().expect("a field")).collect();
    assert_eq!(fields, ["name", "vehicle_year", "phone", "email", "location"], "{says}");
    assert!(!says.to_string().contains("soon"), "what somebody typed is not repeated");

    for (sent, status, code) in [
        (chatbot(&test, &json!({"name": "Dana"})), 422, "invalid-fields"),
        (chatbot(&test, &json!([1, 2])), 400, "not-readable"),
        (chatbot(&test, &dana()).body("{"), 400, "not-readable"),
        (chatbot(&test, &dana()).header("idempotency-key", "x".repeat(201)), 400, "not-readable"),
        (chatbot(&test, &json!({"name": "x".repeat(70_000)})), 400, "not-readable"),
        (chatbot(&test, &json!({"name": "x".repeat(1_100_000)})), 413, "too-large"),
        (post(&test, "/api/chatbot/leads?key=a&key=%ff&%", &dana()), 404, "unknown-door"),
        (post(&test, "/api/forms/%ff%00", &dana()), 404, "unknown-door"),
        (post(&test, "/api/chatbot/leads", &dana()), 404, "unknown-door"),
        (post(&test, "/api/chatbot/leads?key=pk_guess", &dana()), 404, "unknown-door"),
        (post(&test, "/api/forms/nothing-here", &dana()), 404, "unknown-door"),
        // A publishable key names a tenant, not a form.
        (post(&test, &format!("/api/forms/{}", test.site.franchise.publishable_key), &dana()), 404, "unknown-door"),
        (client().get(format!("{}/api/chatbot/leads", test.site.public_url)), 405, "wrong-method"),
    ] {
        let (found, says) = problem(sent.send().await.expect("an answer")).await;
        assert_eq!((found.as_u16(), says["code"].as_str()), (status, Some(code)), "{says}");
    }
    // What we do not ask for may be anything.
    let mut more = json!({"name": "Dana", "tags": ["a"], "page_state": {"step": 2}});
    let (_, says) = problem(chatbot(&test, &more).send().await.expect("an answer")).await;
    assert!(!says.to_string().contains("tags"), "{says}");
    more["name"] = json!({"first": "Dana"});
    let (_, says) = problem(chatbot(&test, &more).send().await.expect("an answer")).await;
    assert!(says.to_string().contains("is a list or an object"), "{says}");

    until("nothing is left to read", async || unacked(&test).await == 0).await;
    assert!(test.site.store.everywhere().count_leads_by_status().await.expect("a count").is_empty());

    // Whoever fills in what no person sees is kept, and not written to.
    let mut trapped = dana();
    trapped["company_website"] = json!("https://spam.example");
    let id = id_of(chatbot(&test, &trapped).send().await.expect("an answer")).await;
    until("it is kept", async || lead(&test, &id).await.is_some()).await;
    until("nothing is left to read", async || unacked(&test).await == 0).await;
    assert_eq!(lead(&test, &id).await.expect("a lead").stop_reason.as_deref(), Some("suspected"));
    assert_eq!(test.texts_to(DANA), Vec::<String>::new());
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_did_not_agree_is_never_texted() {
    let test = Test::start().await;
    let program = test.run().await;
    let mut silent = dana();
    silent["consent"] = json!(false);
    chatbot(&test, &silent).send().await.expect("an answer");
    until("the email is out", async || test.emails_to("dana@example.com").len() == 1).await;
    let id = id_of(
        chatbot(&test, &json!({"name": "Sam", "phone": "512-555-0143", "location": TAMPA}))
            .send()
            .await
            .expect("an answer"),
    )
    .await;
    until("it is kept", async || lead(&test, &id).await.is_some()).await;
    let mut owner = PgConnection::connect(&test.site.settings["postgres.owner_url"]).await.expect("the owner");
    let why: Option<String> = sqlx::query_scalar("select no_contact from leads where crm_order_id = $1")
        .bind(&id)
        .fetch_one(&mut owner)
        .await
        .expect("the lead");
    assert_eq!(why.as_deref(), Some(NoContact::TextsRefusedAndNoEmail.as_str()));
    assert_eq!((test.texts_to(DANA).len(), test.texts_to("+15125550143").len()), (0, 0));
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_ones_own_takes_its_fields_from_its_websites_and_at_its_rate() {
    let test = Test::start_with(|options| {
        options.settings.push(("ingest.form_per_address".into(), "3".into()));
        options.settings.push(("ingest.client_address_header".into(), "X-Forwarded-For".into()));
    })
    .await;
    let schema = FormSchema {
        fields: vec![
            FormField { name: "first_name".into(), kind: FieldKind::Line, required: true },
            FormField { name: "email".into(), kind: FieldKind::Email, required: true },
            FormField {
                name: "service".into(),
                kind: FieldKind::OneOf(vec!["Tint".into(), "Wrap".into()]),
                required: true,
            },
        ],
        consent_words: None,
    };
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    let shops = tx.locations().list().await.expect("shops");
    let (location, other_shop) = (shops[0].id, shops[1].crm_location_id.clone());
    let key = NewFormKey {
        key: "quote_form_1".into(),
        name: "quote".into(),
        location: Some(location),
        schema: Some(schema),
        origins: vec!["https://www.sample-tint.example".into()],
    };
    tx.forms().save_key(&key).await.expect("saved");
    tx.commit().await.expect("committed");
    let program = test.run().await;
    let address = format!("{}/api/forms/quote_form_1", test.site.public_url);
    let from = |origin: &str, caller: &str| {
        let form = [("first_name", "Dana"), ("email", "dana@example.com"), ("service", "wrap")];
        client()
            .post(&address)
            .form(&form)
            .header("origin", origin)
            .header("x-forwarded-for", format!("10.0.0.1, {caller}"))
    };
    let (status, says) = problem(from("https://elsewhere.example", "192.0.2.1").send().await.expect("an answer")).await;
    assert_eq!((status.as_u16(), says["code"].as_str()), (403, Some("origin-refused")));
    // The shop's operator sees that a website is not on the list.
    until("it is noted", async || {
        let refused = test.site.store.everywhere().list_refusals(10).await.unwrap_or_default();
        refused
            .iter()
            .any(|refused| refused.code == "origin-refused" && refused.tenant == Some(test.site.franchise.tenant))
    })
    .await;
    // The key is one shop's.
    let elsewhere =
        [("first_name", "Dana"), ("email", "dana@example.com"), ("service", "wrap"), ("location", &other_shop)];
    let elsewhere = client().post(&address).form(&elsewhere).header("x-forwarded-for", "192.0.2.9").send().await;
    let (status, says) = problem(elsewhere.expect("an answer")).await;
    assert_eq!((status.as_u16(), says["errors"][0]["field"].as_str()), (422, Some("location")));

    let ours = "https://www.sample-tint.example";
    let taken = from(ours, "192.0.2.1").send().await.expect("an answer");
    assert_eq!(taken.headers()["access-control-allow-origin"], ours);
    id_of(taken).await;
    until("the email is out", async || test.emails_to("dana@example.com").len() == 1).await;

    let asked = client().request(reqwest::Method::OPTIONS, &address).header("origin", ours);
    let asked = asked.header("access-control-request-method", "POST").send().await.expect("an answer");
    assert_eq!(asked.status(), StatusCode::NO_CONTENT);
    assert_eq!(asked.headers()["access-control-allow-origin"], ours);

    // Two more from there, then it is enough; others go on.
    for _ in 0..2 {
        assert_eq!(from(ours, "192.0.2.1").send().await.expect("an answer").status(), StatusCode::CREATED);
    }
    let refused = from(ours, "192.0.2.1").send().await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers()["retry-after"].to_str().expect("seconds").parse::<u32>().expect("seconds") > 0);
    assert_eq!(from(ours, "192.0.2.2").send().await.expect("an answer").status(), StatusCode::CREATED);
    // With Redis away nobody is kept out.
    test.site.stack.supervisor.stop("redis");
    assert_eq!(from(ours, "192.0.2.1").send().await.expect("an answer").status(), StatusCode::CREATED);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_cannot_have_somebody_written_to_again_and_again() {
    let test = Test::start().await;
    let program = test.run().await;
    let mut ids = Vec::new();
    for number in 0..8 {
        let body = json!({"name": "Dana", "phone": DANA, "service": format!("Tint {number}"), "location": TAMPA, "consent": true});
        ids.push(id_of(chatbot(&test, &body).send().await.expect("an answer")).await);
    }
    until("nothing is left to read", async || unacked(&test).await == 0).await;
    let mut suspected = 0;
    for id in &ids {
        let reason = lead(&test, id).await.expect("every one is kept").stop_reason;
        suspected += usize::from(reason.as_deref() == Some("suspected"));
    }
    assert_eq!(suspected, 3);
    // Nobody has more than three messages within a day, whatever they are about.
    until("three are answered", async || test.texts_to(DANA).len() == 3).await;
    test.assert_settled().await;
    assert_eq!(test.texts_to(DANA).len(), 3);
    test.advance_to(test.site.clock.now() + TimeDelta::hours(48));
    until("the others are answered when a day has passed", async || test.texts_to(DANA).len() >= 5).await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_refused_takes_nobodys_place() {
    let test = Test::start_with(|options| {
        options.settings.push(("ingest.form_per_address".into(), "10".into()));
        options.settings.push(("ingest.form_per_key".into(), "20".into()));
        options.settings.push(("ingest.client_address_header".into(), "X-Forwarded-For".into()));
    })
    .await;
    let program = test.run().await;
    let from = |caller: &str, number: u32| {
        let body = json!({"name": format!("Dana {number}"), "phone": "512-555-0144", "location": TAMPA});
        chatbot(&test, &body).header("x-forwarded-for", caller).send()
    };
    let mut refused = 0;
    for number in 0..60 {
        refused += usize::from(from("192.0.2.1", number).await.expect("an answer").status() == 429);
    }
    assert!(refused >= 40, "{refused} were refused");
    assert_eq!(from("192.0.2.3", 100).await.expect("an answer").status(), 201);
    // Guessing keys that nobody has is bounded too, and the key that somebody has stays open.
    let guess = |number: u32| {
        post(&test, &format!("/api/forms/guess-{number}"), &dana()).header("x-forwarded-for", "192.0.2.9").send()
    };
    let mut answers = Vec::new();
    for number in 0..40 {
        answers.push(guess(number).await.expect("an answer").status().as_u16());
    }
    assert!(answers.contains(&404) && answers.contains(&429), "{answers:?}");
    assert_eq!(from("192.0.2.9", 101).await.expect("an answer").status(), 201);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_postgres_away_a_form_is_taken_all_the_same() {
    let test = Test::start_with(|options| options.settings.push(("ingest.door_ttl".into(), "100ms".into()))).await;
    let program = test.run().await;
    id_of(chatbot(&test, &dana()).send().await.expect("an answer")).await;
    until("the text is out", async || test.texts_to(DANA).len() == 1).await;
    test.site.stack.supervisor.stop("postgres");
    let other = json!({"name": "Sam", "phone": "512-555-0143", "location": TAMPA, "consent": "on"});
    for key in ["a", "b", "c"] {
        id_of(chatbot(&test, &other).header("idempotency-key", key).send().await.expect("an answer")).await;
    }
    program.crash().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_key_makes_that_tenants_lead() {
    let test = Test::start().await;
    let other = test.add_tenant("other").await;
    let program = test.run().await;
    let mut contact = dana();
    contact["first_name"] = json!("Dana");
    contact["message"] = json!("Please call");
    let theirs = post(&test, &format!("/api/submit-contact?key={}", other.publishable_key), &contact);
    let id = id_of(theirs.send().await.expect("an answer")).await;
    until("their customer has a text", async || test.texts_to(DANA).len() == 1).await;
    assert!(lead(&test, &id).await.is_none(), "a lead of theirs is none of ours");
    program.stop().await;
}
