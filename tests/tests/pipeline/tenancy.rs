//! One tenant at a time, in both directions, in every table.

use domain::TenantId;
use sim::Manners;
use sqlx::{Connection as _, PgConnection, Row as _};
use store::ChosenCadence;
use tests::{Test, quote, until};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn every_table_with_a_tenant_shows_and_takes_that_tenants_rows_alone() {
    let test = Test::start().await;
    let program = test.run().await;
    test.site.sim.world.ask_for_quote(&quote("o-1"), Manners::default());
    until("there is something to see", async || test.texts_to("+15125550142").len() == 1).await;
    test.site.sim.world.reply("+15125550142", "STOP").await;
    until("there is an opt-out", async || {
        test.lead(&quote("o-1")).await.is_some_and(|lead| lead.stop_reason.is_some())
    })
    .await;
    program.stop().await;

    let url = test.site.stack.postgres.url("leads_app", "leads");
    let mut app = PgConnection::connect(&url).await.expect("the application's role");
    let mut owner = PgConnection::connect(&test.site.settings["postgres.owner_url"]).await.expect("the owner");
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_name::text from information_schema.columns
         where table_schema = 'public' and column_name = 'tenant_id' order by 1",
    )
    .fetch_all(&mut owner)
    .await
    .expect("the tables");
    assert!(tables.len() >= 12, "{tables:?}");
    let ours = test.site.franchise.tenant;
    let other = TenantId::new(Uuid::new_v4());
    sqlx::query("insert into tenants (id, slug, name, created_at) values ($1, 'other', 'Other', now())")
        .bind(other.uuid())
        .execute(&mut owner)
        .await
        .expect("a second tenant");
    for table in &tables {
        let count = format!("select count(*) from {table}");
        // Reading: without a tenant nothing, as another tenant nothing, and the owner sees that there was something.
        assert_eq!(seen(&mut app, None, &count).await, 0, "{table} without a tenant");
        assert_eq!(seen(&mut app, Some(other), &count).await, 0, "{table} as another tenant");
        // Writing: a row of ours, given to us by the other tenant's transaction, is refused or changes nothing.
        let stolen = format!("update {table} set tenant_id = tenant_id where tenant_id = '{}'", ours.uuid());
        let mut tx = app.begin().await.expect("a transaction");
        set_tenant(&mut tx, other).await;
        let changed = sqlx::query(sqlx::AssertSqlSafe(stolen)).execute(&mut *tx).await;
        drop(tx);
        if ["lead_history", "suppression_history", "turns", "model_calls"].contains(&table.as_str()) {
            // What happened is changed by nobody, in one's own rows neither.
            assert!(changed.expect_err("no right to change").to_string().contains("permission denied"), "{table}");
            continue;
        }
        assert_eq!(changed.expect("no rows, no error").rows_affected(), 0, "{table}");
        let mut tx = app.begin().await.expect("a transaction");
        set_tenant(&mut tx, ours).await;
        let given = format!("update {table} set tenant_id = '{}'", other.uuid());
        let given = sqlx::query(sqlx::AssertSqlSafe(given)).execute(&mut *tx).await;
        let rows: i64 = seen_by_owner(&mut owner, &count).await;
        if rows > 0 && !["dead_letters", "receipts"].contains(&table.as_str()) {
            let error = given.expect_err("a row must not be given away").to_string();
            assert!(error.contains("row-level security"), "{table}: {error}");
        }
        drop(tx);
        // Deleting is nobody's right, not even in one's own rows; templates alone are replaced, each tenant its own.
        let mut tx = app.begin().await.expect("a transaction");
        set_tenant(&mut tx, if table == "templates" { other } else { ours }).await;
        let deleted = sqlx::query(sqlx::AssertSqlSafe(format!("delete from {table}"))).execute(&mut *tx).await;
        if table == "templates" {
            assert_eq!(deleted.expect("a right").rows_affected(), 0, "the other tenant's templates");
        } else {
            let error = deleted.expect_err("no right to delete").to_string();
            assert!(error.contains("permission denied"), "{table}: {error}");
        }
    }
    for table in ["leads", "messages", "attempts", "judgements", "suppressions", "replies", "credentials", "doors"] {
        let count = format!("select count(*) from {table}");
        assert!(seen(&mut app, Some(ours), &count).await > 0, "{table} has rows, and their tenant sees them");
    }
    let bypasses: bool = sqlx::query("select rolsuper or rolbypassrls from pg_roles where rolname = 'leads_app'")
        .fetch_one(&mut owner)
        .await
        .expect("the role")
        .get(0);
    assert!(!bypasses, "the application's role must be bound by row-level security");
}

async fn set_tenant(connection: &mut PgConnection, tenant: TenantId) {
    let set = format!("set local app.tenant = '{}'", tenant.uuid());
    sqlx::query(sqlx::AssertSqlSafe(set)).execute(connection).await.expect("a tenant");
}

async fn seen(app: &mut PgConnection, tenant: Option<TenantId>, count: &str) -> i64 {
    let mut tx = app.begin().await.expect("a transaction");
    if let Some(tenant) = tenant {
        set_tenant(&mut tx, tenant).await;
    }
    sqlx::query_scalar(sqlx::AssertSqlSafe(count.to_owned())).fetch_one(&mut *tx).await.expect("a count")
}

async fn seen_by_owner(owner: &mut PgConnection, count: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(count.to_owned())).fetch_one(owner).await.expect("a count")
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_door_secret_and_lead_are_of_no_use() {
    let test = Test::start().await;
    let other = test.add_tenant("other").await;
    let site = &test.site;
    let program = test.run().await;
    // The other tenant's address with our secret: refused.
    let mixed =
        orchestrator::demo::Franchise { webhook_secret: site.franchise.webhook_secret.clone(), ..other.clone() };
    mixed.introduce(&site.sim.world, &site.public_url);
    site.sim.world.ask_for_quote(&quote("o-1"), Manners { bad_signature: false, stale: false, ..Manners::default() });
    until("it is refused", async || {
        site.sim.world.journal.count(|event| matches!(event, sim::Event::WebhookAnswered { status: 401, .. })) > 0
    })
    .await;
    // Its own secret: a lead of the other tenant's, which ours does not see.
    other.introduce(&site.sim.world, &site.public_url);
    site.sim.world.ask_for_quote(&quote("o-2"), Manners::default());
    until("the other tenant's customer has a text", async || test.texts_to("+15125550142").len() == 1).await;
    assert!(test.lead(&quote("o-2")).await.is_none());
    let theirs = domain::LeadId::of_order(other.tenant, domain::CrmName::Shopmonkey.as_str(), "o-2");
    let mut tx = site.store.begin(site.franchise.tenant).await.expect("a transaction");
    assert!(tx.leads().lookup(theirs).await.expect("an answer").is_none());
    assert!(
        tx.messages().lock(domain::MessageId::of_step(theirs, 1), tests::noon()).await.expect("an answer").is_none()
    );
    let theirs_in_crm = store::Contact {
        version: 9,
        nobody: None,
        first_name: None,
        last_name: None,
        phone: None,
        texts_allowed: false,
        email: None,
    };
    tx.leads().update_contact(domain::CrmName::Shopmonkey.as_str(), "c-o-2", &theirs_in_crm).await.expect("an answer");
    tx.commit().await.expect("committed");
    let once = || site.store.once(site.franchise.tenant);
    assert!(once().lookup_lead_to_plan(theirs).await.expect("an answer").is_none());
    let now = site.clock.now();
    assert!(!once().plan_touches(theirs, &[], now, None, &ChosenCadence::default(), now).await.expect("an answer"));
    let mut tx = site.store.begin(other.tenant).await.expect("a transaction");
    assert_eq!(tx.leads().list_emails(&[theirs]).await.expect("an answer").len(), 1, "nothing of theirs has changed");
    drop(tx);
    program.stop().await;
}
