//! A vendor's limit, shared by everybody who asks it.

use std::time::Duration;

use limits::{ComeBackAfter, Limiter};
use tests::{Test, until};

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_share_one_limit_and_a_lost_redis_lets_requests_pass() {
    let test = Test::start().await;
    let config = test.site.config(&[], &[]).expect("settings").limits;
    let one = Limiter::new(&config).expect("a limiter");
    let two = Limiter::new(&config).expect("another");
    let none = Duration::ZERO;
    // Three at once, then one in ten seconds: whoever asks fourth waits, at either replica.
    for replica in [&one, &two, &one] {
        assert_eq!(replica.take("crm", 0.1, 3, 1, none).await.expect("Redis"), Ok(none));
    }
    let Err(ComeBackAfter(delay)) = two.take("crm", 0.1, 3, 1, none).await.expect("Redis") else {
        panic!("the fourth passed")
    };
    assert!(delay > Duration::from_secs(8) && delay <= Duration::from_secs(10), "{delay:?}");
    // One that is willing to wait gets the next place, and the one behind it waits longer.
    let wait = one.take("crm", 0.1, 3, 1, Duration::from_secs(60)).await.expect("Redis").expect("a place");
    let behind = two.take("crm", 0.1, 3, 1, Duration::from_secs(60)).await.expect("Redis").expect("a place");
    assert!(behind > wait + Duration::from_secs(8), "{wait:?}, {behind:?}");
    // Another tenant's line is another line; several turns are taken together.
    assert_eq!(two.take("other", 0.1, 3, 3, none).await.expect("Redis"), Ok(none));
    assert!(two.take("other", 0.1, 3, 1, none).await.expect("Redis").is_err());

    test.site.stack.supervisor.stop("redis");
    assert_eq!(one.wait("crm", 0.1, 3, 1, none).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_refusal_nobody_passes_and_then_few_at_first() {
    let test = Test::start().await;
    let config = test.site.config(&[], &[]).expect("settings").limits;
    let one = Limiter::new(&config).expect("a limiter");
    let two = Limiter::new(&config).expect("another");
    let none = Duration::ZERO;
    let forever = Duration::from_secs(3_600);
    assert_eq!(one.take("crm", 1.0, 30, 1, none).await.expect("Redis"), Ok(none));
    one.close("crm", Duration::from_secs(20)).await;
    // A shorter refusal, met a moment later, opens nothing.
    two.close("crm", Duration::from_secs(2)).await;
    let Err(ComeBackAfter(delay)) = two.take("crm", 1.0, 30, 1, none).await.expect("Redis") else {
        panic!("somebody passed a closed line")
    };
    assert!(delay > Duration::from_secs(19) && delay <= Duration::from_secs(20), "{delay:?}");
    // Nobody may come in a burst then, and not at the full rate either.
    let first = one.take("crm", 1.0, 30, 1, forever).await.expect("Redis").expect("a place");
    let second = two.take("crm", 1.0, 30, 1, forever).await.expect("Redis").expect("a place");
    assert!(second > first + Duration::from_secs(2));
    // Another line is open.
    assert_eq!(two.take("other", 1.0, 30, 1, none).await.expect("Redis"), Ok(none));

    // Once it is open again and some time has passed, everything is as before.
    one.close("short", Duration::from_millis(1)).await;
    until("bursts pass again", async || {
        let took = async || two.take("short", 1_000.0, 30, 1, none).await.expect("Redis").is_ok();
        took().await && took().await && took().await && took().await
    })
    .await;
}
