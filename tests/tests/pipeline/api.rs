//! The operators' API: whose key it is, what it may do, and nothing of anybody else's.

use chrono::TimeDelta;
use operate::{add_api_key, list_api_keys, revoke_api_key};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use sim::{Fault, FaultKind, Manners, Vendor};
use tests::{Test, noon, quote, until};

use crate::{ledger::desk, poll::LOST};

async fn ask(test: &Test, method: Method, path: &str, key: Option<&str>) -> Response {
    let mut request = reqwest::Client::new().request(method, format!("{}{path}", test.site.public_url));
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    request.send().await.expect("an answer")
}

async fn assert_problem(response: Response, status: StatusCode, code: &str) {
    assert_eq!(response.status(), status);
    let problem: Value = response.json().await.expect("JSON");
    assert_eq!(problem["code"], code, "{problem}");
}

const READ: &str = "/api/operate/v1/ledger?from=2026-01-10&to=2026-01-10";
const RECOVER: &str = "/api/operate/v1/ledger/recover?from=2026-01-10&to=2026-01-10";

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_read_and_mended_by_a_key_of_its_tenant_alone() {
    let test = Test::start().await;
    test.add_tekmetric_tenant("tekmetric-tint").await;
    let program = test.run().await;
    let desk = desk(&test);
    test.site.sim.world.ask_for_quote(&quote("o-1"), Manners::default());
    until("it is a lead", async || test.lead(&quote("o-1")).await.is_some()).await;
    test.site.sim.world.ask_for_quote(&quote("o-2"), LOST);
    test.advance_to(noon() + TimeDelta::minutes(3));

    let key = add_api_key(&desk, "sample-tint", "console", &[]).await.expect("a key");
    let read: Value = ask(&test, Method::GET, READ, Some(&key)).await.json().await.expect("JSON");
    assert_eq!((&read["tenant"], &read["missing"]), (&"sample-tint".into(), &1.into()));
    assert_eq!(read["days"][0]["missing"][0]["order_id"], "o-2");
    // Another tenant's key sees another tenant's shops, whatever it asks.
    let theirs = add_api_key(&desk, "tekmetric-tint", "console", &[]).await.expect("a key");
    let read: Value = ask(&test, Method::GET, READ, Some(&theirs)).await.json().await.expect("JSON");
    assert_eq!((&read["tenant"], read["days"].as_array().map(Vec::len)), (&"tekmetric-tint".into(), Some(0)));

    let recovered: Value = ask(&test, Method::POST, RECOVER, Some(&key)).await.json().await.expect("JSON");
    assert_eq!(recovered["missing"], 0);
    assert!(test.lead(&quote("o-2")).await.is_some());
    let again: Value = ask(&test, Method::POST, RECOVER, Some(&key)).await.json().await.expect("JSON");
    assert_eq!(again["missing"], 0);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_key_or_the_wrong_one_learns_only_that() {
    let test = Test::start().await;
    let program = test.run().await;
    let desk = desk(&test);
    let reader = add_api_key(&desk, "sample-tint", "reader", &["ledger:read".into()]).await.expect("a key");
    for path in [READ, RECOVER] {
        let method = if path == READ { Method::GET } else { Method::POST };
        for key in [None, Some(""), Some("lo_nobody"), Some("x".repeat(200).as_str()), Some(&reader[..20])] {
            let answer = ask(&test, method.clone(), path, key).await;
            assert_problem(answer, StatusCode::UNAUTHORIZED, "unknown-key").await;
        }
    }
    assert_problem(ask(&test, Method::POST, RECOVER, Some(&reader)).await, StatusCode::FORBIDDEN, "missing-scope")
        .await;
    assert_eq!(ask(&test, Method::GET, READ, Some(&reader)).await.status(), StatusCode::OK);
    revoke_api_key(&desk, "sample-tint", "reader").await.expect("revoked");
    assert_problem(ask(&test, Method::GET, READ, Some(&reader)).await, StatusCode::UNAUTHORIZED, "unknown-key").await;
    assert!(list_api_keys(&desk, "sample-tint").await.expect("keys")[0].revoked_at.is_some());

    let twice = add_api_key(&desk, "sample-tint", "reader", &[]).await;
    assert!(matches!(twice, Err(operate::Error::KeyExists(_))));
    let unknown = add_api_key(&desk, "sample-tint", "other", &["everything".into()]).await;
    assert!(matches!(unknown, Err(operate::Error::NoSuchScope { .. })));
    assert!(matches!(revoke_api_key(&desk, "sample-tint", "nobody").await, Err(operate::Error::NoSuchKey(_))));
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_answered_is_said_in_words_and_when_to_ask_again() {
    let test = Test::start().await;
    let program = test.run().await;
    let key = add_api_key(&desk(&test), "sample-tint", "console", &[]).await.expect("a key");
    let read = async |query: &str| ask(&test, Method::GET, &format!("/api/operate/v1/ledger{query}"), Some(&key)).await;
    for query in
        ["?from=yesterday", "?from=2026-01-11&to=2026-01-10", "?from=2026-01-01&to=2026-03-01", "?to=2026-13-01"]
    {
        assert_problem(read(query).await, StatusCode::BAD_REQUEST, "wrong-query").await;
    }
    assert_eq!(read("").await.status(), StatusCode::OK, "yesterday and today");
    assert_problem(ask(&test, Method::DELETE, READ, Some(&key)).await, StatusCode::METHOD_NOT_ALLOWED, "wrong-method")
        .await;
    let unknown = read("?location=77").await.text().await.expect("words");
    assert!(unknown.contains("location"), "{unknown}");
    // Days that stand where nobody reads them would have others recovered.
    let url = format!("{}{RECOVER}", test.site.public_url);
    let with_body = reqwest::Client::new().post(url).bearer_auth(&key).body(r#"{"from":"2026-01-01"}"#).send().await;
    assert_problem(with_body.expect("an answer"), StatusCode::BAD_REQUEST, "wrong-query").await;
    let url = format!("{}{READ}", test.site.public_url);
    let lower = reqwest::Client::new().get(url).header("authorization", format!("bearer {key}")).send().await;
    assert_eq!(lower.expect("an answer").status(), StatusCode::OK, "the scheme in any letters");
    test.site.sim.world.faults.add(Fault { vendor: Vendor::Shopmonkey, kind: FaultKind::EdgePage, times: 1 });
    let away = read("?from=2026-01-10&to=2026-01-10").await;
    assert!(away.headers().contains_key("retry-after"));
    assert_problem(away, StatusCode::SERVICE_UNAVAILABLE, "crm-away").await;
    program.stop().await;
}
