//! Many messages with one flush to the disk: all of them or none, and none twice.

use std::time::Duration;

use domain::MessageId;
use events::{Event as _, MessageDue, Outgoing};
use stage::{BatchError, Bus};
use tests::{Test, noon};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_stored_whole_or_not_at_all_and_what_is_there_is_not_stored_again() {
    let test = Test::start().await;
    let bus = Bus::connect(&test.site.bus_config("schedule")).await.expect("a connection");
    let tenant = test.site.franchise.tenant;
    let due = |number: u128| -> Outgoing {
        MessageDue { tenant, message: MessageId::new(Uuid::from_u128(number)), release: noon() }
            .pack("schedule", noon())
    };
    let batch = |numbers: std::ops::Range<u128>| numbers.map(due).collect::<Vec<_>>();
    bus.publish_batch(&batch(0..1_000), PATIENCE).await.expect("as many as a server takes");
    let again = bus.publish_batch(&batch(0..1_000), PATIENCE).await;
    assert!(matches!(again, Err(BatchError::Refused(_))), "{again:?}");
    // One of them is there already, so none is stored; by themselves, those that are new are.
    let half = bus.publish_batch(&batch(999..1_001), PATIENCE).await;
    assert!(matches!(half, Err(BatchError::Refused(_))), "{half:?}");
    assert!(!bus.publish(&due(999), PATIENCE).await.expect("an answer"), "it was there");
    assert!(bus.publish(&due(1_000), PATIENCE).await.expect("an answer"), "it was not");
    bus.publish_batch(&[], PATIENCE).await.expect("nothing to do");
    bus.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_without_a_server_is_no_proof_of_anything() {
    let test = Test::start().await;
    let bus = Bus::connect(&test.site.bus_config("schedule")).await.expect("a connection");
    test.site.stack.supervisor.stop("nats");
    let due = MessageDue { tenant: test.site.franchise.tenant, message: MessageId::new(Uuid::nil()), release: noon() };
    let out = due.pack("schedule", noon());
    let lost = bus.publish_batch(&[out.clone(), out], Duration::from_millis(300)).await;
    assert!(matches!(lost, Err(BatchError::Lost(_))), "{lost:?}");
}
