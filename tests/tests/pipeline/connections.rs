//! Connections to Postgres that are given back in the middle of something, or whose server is gone.

use domain::TenantId;
use orchestrator::Role;
use sqlx::{Connection as _, PgConnection};
use store::{Store, TenantSettings};
use tests::{Test, noon, until};
use uuid::Uuid;

/// One connection, so that the next borrower gets the one that was given back.
fn narrow(test: &Test) -> Store {
    let config = test.site.config(&Role::ALL, &[("postgres.max_connections", "1")]).expect("settings");
    Store::open(&config.store).expect("a store")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_dropped_half_way_leaves_no_lock_no_change_and_no_tenant() {
    let test = Test::start().await;
    let store = narrow(&test);
    let (ours, other) = (test.site.franchise.tenant, TenantId::new(Uuid::new_v4()));
    let before = store.begin(ours).await.expect("a transaction").tenants().settings().await.expect("settings");
    let mut tx = store.begin(ours).await.expect("a transaction");
    tx.tenants().save("half-done", "Half", &TenantSettings::default(), noon()).await.expect("a lock on the row");
    drop(tx);

    let mut tx = store.begin(other).await.expect("the same connection");
    assert!(tx.tenants().settings().await.is_err(), "the other tenant sees ours");
    drop(tx);
    // Another connection waits for no lock and finds everything as it was.
    let mut tx = test.site.store.begin(ours).await.expect("a transaction");
    assert_eq!(tx.tenants().settings().await.expect("settings"), before);
    tx.tenants().save(&test.site.franchise.slug, "Sample Tint", &before, noon()).await.expect("no lock");
    tx.commit().await.expect("committed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_given_up_on_leaves_a_connection_that_works() {
    let test = Test::start().await;
    let store = narrow(&test);
    let ours = test.site.franchise.tenant;
    let mut holder = test.site.store.begin(ours).await.expect("a transaction");
    let settings = holder.tenants().settings().await.expect("settings");
    holder.tenants().save(&test.site.franchise.slug, "Sample Tint", &settings, noon()).await.expect("a lock");
    let waiting = async {
        let mut tx = store.begin(ours).await.expect("a transaction");
        tx.tenants().save("blocked", "Blocked", &settings, noon()).await
    };
    let waited = tokio::time::timeout(std::time::Duration::from_millis(200), waiting).await;
    assert!(waited.is_err(), "it should wait for the lock");
    holder.commit().await.expect("committed");
    until("the connection works again", async || store.ping().await.is_ok()).await;
    let mut tx = store.begin(ours).await.expect("a transaction");
    assert_eq!(tx.tenants().settings().await.expect("settings"), settings);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_server_ended_is_replaced() {
    let test = Test::start().await;
    let store = narrow(&test);
    store.ping().await.expect("an answer");
    let mut owner = PgConnection::connect(&test.site.settings["postgres.owner_url"]).await.expect("the owner");
    sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'leads'")
        .execute(&mut owner)
        .await
        .expect("ended");
    until("it is replaced", async || match store.begin(test.site.franchise.tenant).await {
        Ok(mut tx) => tx.tenants().settings().await.is_ok(),
        Err(_) => false,
    })
    .await;
}
