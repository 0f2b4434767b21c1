//! The page behind a lead's link, as whoever opens it gets it. What a browser makes of it is in `journeys`.

use reqwest::{Client, StatusCode, header};
use tests::Test;

use crate::chat::{Page, asked, link_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_link_opens_its_conversation_and_nothing_that_was_said_becomes_markup() {
    let test = Test::start().await;
    let program = test.run().await;
    let lead = asked(&test, "o-1").await;
    let address = format!("http://{}", program.address);
    let link = format!("{address}/c/{}", link_of(&test, lead).await);
    let http = Client::new();

    let opened = http.get(&link).send().await.expect("a page");
    assert_eq!(opened.status(), StatusCode::OK);
    let headers = opened.headers().clone();
    assert_eq!(
        (&headers[header::CACHE_CONTROL], &headers[header::REFERRER_POLICY]),
        (&"no-store".parse().expect("a value"), &"no-referrer".parse().expect("a value"))
    );
    let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().expect("a policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let cookie = headers[header::SET_COOKIE].to_str().expect("a cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains(&format!("Path=/api/chat/{lead};")), "{cookie}");
    let cookie = cookie.split(';').next().expect("its value");
    let history = format!("{address}/api/chat/{lead}/history");
    let read = http.get(&history).header(header::COOKIE, cookie).send().await.expect("an answer");
    assert_eq!(read.status(), StatusCode::OK, "whoever opened the page may talk");

    let page = Page::open(&test, &program, lead).await;
    page.say("m-1", "</script><img src=x onerror=alert(1)> \u{2028} {{ 7*7 }} hello").await;
    let html = http.get(&link).send().await.expect("a page").text().await.expect("words");
    assert!(!html.contains("<img") && !html.contains("</script><"), "{html}");
    assert!(html.contains("{{ 7*7 }}"), "what somebody said is no template");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_nobody_talks_by_any_more_says_how_to_reach_the_shop() {
    let test = Test::start().await;
    let program = test.run().await;
    let lead = asked(&test, "o-1").await;
    let address = format!("http://{}", program.address);
    let token = link_of(&test, lead).await;
    let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
    tx.links().revoke(lead, test.site.clock.wall()).await.expect("revoked");
    tx.commit().await.expect("committed");
    let http = Client::new();
    let ended = http.get(format!("{address}/c/{token}")).send().await.expect("a page");
    assert_eq!(ended.status(), StatusCode::GONE);
    assert!(ended.headers().get(header::SET_COOKIE).is_none());
    let words = ended.text().await.expect("words");
    assert!(words.contains("Call (") && words.contains(&format!("../u/{token}")), "{words}");
    for wrong in ["7Kd3mQxT9bWz2p", "%ff%fe", "%00", &"x".repeat(100)] {
        let answer = http.get(format!("{address}/c/{wrong}")).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{wrong}");
        assert!(answer.headers().get(header::SET_COOKIE).is_none());
        assert!(answer.text().await.expect("words").contains("This link has ended"), "{wrong}");
    }
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_script_is_kept_for_as_long_as_it_is_the_same() {
    let test = Test::start().await;
    let program = test.run().await;
    let lead = asked(&test, "o-1").await;
    let address = format!("http://{}/c/", program.address);
    let http = Client::new();
    let html = http.get(format!("{address}{}", link_of(&test, lead).await)).send().await.expect("a page");
    let html = html.text().await.expect("words");
    let name = html.split("src=\"page/").nth(1).and_then(|rest| rest.split('"').next()).expect("a script");
    let get = async |name: &str, takes: &str| {
        let answer = http.get(format!("{address}page/{name}")).header(header::ACCEPT_ENCODING, takes).send().await;
        let answer = answer.expect("an answer");
        let of = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let (kept, coding) = (of(header::CACHE_CONTROL), of(header::CONTENT_ENCODING));
        (answer.status(), kept.contains("immutable"), coding, answer.bytes().await.expect("a script").len())
    };
    let (status, is_kept, coding, plain) = get(name, "identity").await;
    assert_eq!((status, is_kept, coding.as_str()), (StatusCode::OK, true, ""));
    let (_, _, coding, packed) = get(name, "br;q=0, gzip").await;
    assert_eq!(coding, "gzip");
    assert!(packed < plain, "{packed} of {plain}");
    let (status, is_kept, ..) = get("chat-000000000000.js", "gzip").await;
    assert_eq!((status, is_kept), (StatusCode::OK, false), "a page of an older version goes on");
    assert_eq!(get("../../etc/passwd", "gzip").await.0, StatusCode::NOT_FOUND);
    program.stop().await;
}
