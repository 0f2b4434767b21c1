//! Three NATS nodes, two replicas of every role, and nodes that are killed one after the other.

use std::time::Duration;

use orchestrator::{Program, Role, supervise::Seen};
use sim::{Event, Manners, Quote};
use tests::{Test, quote, until};

use crate::killed::unacked;

#[tokio::test(flavor = "multi_thread")]
async fn nodes_killed_one_after_the_other_lose_nothing_and_send_nothing_twice() {
    let test = Test::start_with(|options| {
        options.nats_nodes = 3;
        options.ack_wait = Duration::from_secs(5);
        options.settings.push(("notify.allow".into(), "+1*,*@example.com".into()));
    })
    .await;
    let one = test.run().await;
    let config = test.site.config(&Role::ALL, &[("http.listen", "127.0.0.1:0")]).expect("settings");
    let two = Program::start(&config, &Role::ALL, None).await.expect("a second replica");

    let quotes: Vec<_> = (0..90)
        .map(|n| Quote { phone: Some(format!("+1{}55501{:02}", 601 + n / 50, n % 50)), ..quote(&format!("o-{n}")) })
        .collect();
    let mut seen = test.site.stack.supervisor.watch();
    for (number, asked) in quotes.iter().enumerate() {
        test.site.sim.world.ask_for_quote(asked, Manners::default());
        if number % 30 == 15 {
            let node = ["nats", "nats-2", "nats-3"][number / 30];
            test.site.stack.supervisor.kill(node);
            let back = async || matches!(seen.try_recv(), Ok(Seen::Restarted { name, .. }) if name == node);
            until("the node is back", back).await;
        }
    }
    for asked in &quotes {
        let phone = asked.phone.as_deref().expect("a phone");
        until("every customer has a text", async || !test.texts_to(phone).is_empty()).await;
    }
    // What was in hand when a node died comes again.
    until("nothing is left in the streams", async || unacked(&test).await == 0).await;
    for asked in &quotes {
        let phone = asked.phone.as_deref().expect("a phone");
        assert_eq!(test.texts_to(phone).len(), 1, "{phone}");
    }
    let first_answers =
        test.site.sim.world.journal.count(|event| matches!(event, Event::WebhookAnswered { status: 200..300, .. }));
    assert_eq!(first_answers, quotes.len(), "every webhook was taken in the end");
    test.assert_settled().await;
    one.stop().await;
    two.stop().await;
}
