//! Connections to Postgres that are given back in the middle of something, or whose server is gone.

use std::time::Duration;

use domain::TenantId;
use futures::FutureExt as _;
use orchestrator::Role;
use sim::Manners;
use sqlx::{Connection as _, PgConnection};
use store::{Store, TenantSettings};
use tests::{PATIENCE, Test, noon, quote, until};
use uuid::Uuid;

use crate::killed::consumer;

/// One connection, so that the next borrower gets the one that was given back.
fn narrow(test: &Test) -> Store {
    let config = test.site.config(&Role::ALL, &[("postgres.max_connections", "1")]).expect("settings");
    Store::open(&config.store).expect("a store")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_dropped_half_way_leaves_no_lock_and_no_change() {
    let test = Test::start().await;
    let store = narrow(&test);
    let (ours, other) = (test.site.franchise.tenant, TenantId::new(Uuid::new_v4()));
    let before = store.begin(ours).await.expect("a transaction").tenants().settings().await.expect("settings");
    let mut tx = store.begin(ours).await.expect("a transaction");
    tx.tenants().save("half-done", "Half", &TenantSettings::default(), noon()).await.expect("a lock on the row");
    drop(tx);

    let mut tx = store.begin(other).await.expect("the same connection");
    tx.tenants().save("other", "Other", &TenantSettings::default(), noon()).await.expect("the other tenant's own");
    tx.commit().await.expect("committed");
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
    let waited = tokio::time::timeout(Duration::from_millis(200), waiting).await;
    assert!(waited.is_err(), "it should wait for the lock");
    holder.commit().await.expect("committed");
    until("the connection works again", async || store.ping().await.is_ok()).await;
    let mut tx = store.begin(ours).await.expect("a transaction");
    assert_eq!(tx.tenants().settings().await.expect("settings"), settings);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gives_way_waits_for_a_quiet_database_and_never_longer_than_it_may() {
    let test = Test::start().await;
    let (store, ours) = (&test.site.store, test.site.franchise.tenant);
    let mut busy = Vec::new();
    for _ in 0..std::thread::available_parallelism().map_or(2, usize::from).max(2) {
        busy.push(store.begin(ours).await.expect("a transaction"));
    }
    let mut waiting = Box::pin(store.wait_while_busy(Duration::from_secs(3_600)));
    assert!(waiting.as_mut().now_or_never().is_none(), "as many connections are in use as there are processors");
    for at_most in [Duration::ZERO, Duration::from_millis(30)] {
        tokio::time::timeout(PATIENCE, store.wait_while_busy(at_most)).await.expect("no longer than it may");
    }
    for tx in busy {
        tx.commit().await.expect("committed");
    }
    tokio::time::timeout(PATIENCE, waiting).await.expect("quiet now");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_sees_every_tenant_is_let_do_nothing() {
    let test = Test::start().await;
    let owner = test.site.settings["postgres.owner_url"].clone();
    let config = test.site.config(&Role::ALL, &[("postgres.url", owner.as_str())]).expect("settings");
    let store = Store::open(&config.store).expect("a store");
    let refused = store.begin(test.site.franchise.tenant).await.err();
    assert!(matches!(refused, Some(store::Error::SeesEveryTenant)), "{refused:?}");
    assert!(matches!(store.everywhere().list_open_dead_letters(1).await, Err(store::Error::SeesEveryTenant)));
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

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_only_reads_nothing_is_lost_and_nothing_becomes_a_dead_letter() {
    let test = Test::start().await;
    let program = test.run().await;
    let mut owner = PgConnection::connect(&test.site.settings["postgres.owner_url"]).await.expect("the owner");
    set_read_only(&mut owner, "on").await;
    let asked = quote("o-1");
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    // A second delivery: the first could not write and gave the message back.
    until("enrich tried in vain", async || {
        consumer(&test, "INBOUND", "enrich").await["delivered"]["consumer_seq"].as_u64() >= Some(2)
    })
    .await;
    assert!(test.lead(&asked).await.is_none());
    set_read_only(&mut owner, "off").await;
    until("the text is out", async || test.texts_to("+15125550142").len() == 1).await;
    test.assert_settled().await;
    program.stop().await;
}

/// As a server that was the primary until a moment ago.
async fn set_read_only(owner: &mut PgConnection, to: &str) {
    for sql in [&format!("alter database leads set default_transaction_read_only = {to}"), END_ALL_OTHERS] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("begin read write; {sql}; commit")))
            .execute(&mut *owner)
            .await
            .expect(sql);
    }
}

const END_ALL_OTHERS: &str = "select pg_terminate_backend(pid) from pg_stat_activity
     where usename = 'leads_app' and pid <> pg_backend_pid()";
