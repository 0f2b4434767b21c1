//! A database that is older, newer or another's.

use std::borrow::Cow;

use sqlx::{Connection as _, PgConnection, migrate::Migrator};
use store::{Error, MIGRATOR, create_database, migrate, pending_migrations};
use tests::{Test, until};

/// The last migration before the indexes were turned around.
const BEFORE: i64 = 6;
/// And the last after that.
const AFTER: i64 = 9;

const A_LEAD_WITH_A_TEXT: &str = r"
insert into tenants (id, slug, name, created_at)
    values ('00000000-0000-4000-8000-000000000001', 'before', 'Before', now());
insert into locations values ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002',
    'loc-1', 'Shop', 'America/Chicago', '+15125550100', 'Street 1', 'Mon to Fri 9 to 6');
insert into leads (tenant_id, id, location_id, crm, crm_order_id, crm_version, status, texts_allowed, vehicle, service,
                   total_cents, created_at, first_seen_at)
    values ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000003',
            '00000000-0000-4000-8000-000000000002', 'shopmonkey', 'o-1', 1, 'contacted', true, 'a car', 'tint', 100,
            now(), now());
insert into messages (tenant_id, id, lead_id, step, channel, template, state, due_at, release_at)
    values ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000004',
            '00000000-0000-4000-8000-000000000003', 0, 'sms', 'touch_0', 'sent', now(), now());
insert into attempts (tenant_id, id, message_id, number, channel, recipient, body, started_at, outcome, provider_id)
    values ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000005',
            '00000000-0000-4000-8000-000000000004', 1, 'sms', '+15125550142', 'Hello', now(), 'accepted', 'SM1');
insert into suppressions (tenant_id, channel, address, source, suppressed_at) values
    ('00000000-0000-4000-8000-000000000001', 'sms', '+15125550142', 'twilio:SM2', now()),
    ('00000000-0000-4000-8000-000000000001', 'sms', '+15125550143', 'unreachable:twilio:30006', now());
";

/// An empty database beside the site's.
async fn database(test: &Test, name: &str) -> String {
    create_database(&test.site.stack.postgres.url("owner", "postgres"), name).await.expect("a database");
    test.site.stack.postgres.url("owner", name)
}

fn migrations_up_to(version: i64) -> Migrator {
    let known = MIGRATOR.iter().filter(|migration| migration.version <= version).cloned().collect();
    Migrator { migrations: Cow::Owned(known), ..Migrator::DEFAULT }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_with_leads_in_it_is_brought_up_to_date_and_keeps_them() {
    let test = Test::start().await;
    for version in [BEFORE, AFTER] {
        is_brought_up_to_date(&test, version).await;
    }
}

async fn is_brought_up_to_date(test: &Test, version: i64) {
    let url = database(test, &format!("at_{version}")).await;
    let mut owner = PgConnection::connect(&url).await.expect("the owner");
    migrations_up_to(version).run(&mut owner).await.expect("the schema of before");
    sqlx::raw_sql(A_LEAD_WITH_A_TEXT).execute(&mut owner).await.expect("a lead of before");

    let all = MIGRATOR.iter().count();
    assert_eq!(pending_migrations(&url).await.expect("a count"), all - usize::try_from(version).expect("small"));
    migrate(&url).await.expect("up to date");
    assert_eq!(pending_migrations(&url).await.expect("a count"), 0);
    let ended: Vec<String> = sqlx::query_scalar("select address from suppressions where channel = 'whatsapp'")
        .fetch_all(&mut owner)
        .await
        .expect("opt-outs");
    assert_eq!(ended, ["+15125550142"], "whoever wants no texts wants no WhatsApp either");
    let unreached: Vec<(String, String)> = sqlx::query_as("select address, source from unreachable")
        .fetch_all(&mut owner)
        .await
        .expect("whom nothing reaches");
    assert_eq!(unreached, [("+15125550143".to_owned(), "twilio:30006".to_owned())]);
    migrate(&url).await.expect("a second time changes nothing");

    let kept: String = sqlx::query_scalar(
        "select l.crm_order_id || ' ' || m.state || ' ' || a.provider_id from leads l
         join messages m on (m.lead_id, m.tenant_id) = (l.id, l.tenant_id)
         join attempts a on (a.message_id, a.tenant_id) = (m.id, m.tenant_id)",
    )
    .fetch_one(&mut owner)
    .await
    .expect("the lead");
    assert_eq!(kept, "o-1 sent SM1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opt_out_behind_which_nothing_reached_them_is_one_again() {
    let test = Test::start().await;
    let url = database(&test, "hidden").await;
    let mut owner = PgConnection::connect(&url).await.expect("the owner");
    migrations_up_to(40).run(&mut owner).await.expect("the schema of before");
    sqlx::raw_sql(A_LEAD_WITH_A_TEXT).execute(&mut owner).await.expect("a lead of before");
    sqlx::raw_sql(
        "update suppressions set source = 'unreachable:twilio:30006', suppressed_at = now() where address = '+15125550142'",
    )
    .execute(&mut owner)
    .await
    .expect("a failure of before");
    migrate(&url).await.expect("up to date");
    let ended: Vec<(String, String)> =
        sqlx::query_as("select address, source from suppressions").fetch_all(&mut owner).await.expect("opt-outs");
    assert_eq!(ended, [("+15125550142".to_owned(), "twilio:SM2".to_owned())]);
    let unreached: Vec<String> =
        sqlx::query_scalar("select address from unreachable order by 1").fetch_all(&mut owner).await.expect("numbers");
    assert_eq!(unreached, ["+15125550142", "+15125550143"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_program_or_of_another_one_is_left_alone() {
    let test = Test::start().await;
    let url = database(&test, "other").await;
    migrate(&url).await.expect("up to date");
    let mut owner = PgConnection::connect(&url).await.expect("the owner");
    sqlx::raw_sql("update _sqlx_migrations set checksum = '\\x00' where version = 2")
        .execute(&mut owner)
        .await
        .expect("a change");
    let error = migrate(&url).await.expect_err("another form");
    assert!(matches!(error, Error::OtherDatabase { version: 2 }), "{error}");

    let url = database(&test, "newer").await;
    migrate(&url).await.expect("up to date");
    let mut owner = PgConnection::connect(&url).await.expect("the owner");
    sqlx::raw_sql("update _sqlx_migrations set version = 9999 where version = 2")
        .execute(&mut owner)
        .await
        .expect("a change");
    let error = migrate(&url).await.expect_err("a newer one");
    assert!(matches!(error, Error::NewerDatabase { version: 9999 }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_somebody_is_in_the_way_of_steps_back_and_comes_again() {
    let test = Test::start().await;
    let url = database(&test, "busy").await;
    let mut owner = PgConnection::connect(&url).await.expect("the owner");
    migrations_up_to(BEFORE).run(&mut owner).await.expect("the schema of before");
    let mut reader = PgConnection::connect(&url).await.expect("a long query");
    sqlx::raw_sql("begin; lock table leads in access share mode").execute(&mut reader).await.expect("a lock");
    let mut waiting = async |wanted: bool| {
        let waits: bool = sqlx::query_scalar(
            "select exists (select from pg_locks l join pg_database d on d.oid = l.database
                            where d.datname = 'busy' and not l.granted and l.relation is not null)",
        )
        .fetch_one(&mut owner)
        .await
        .expect("the locks");
        waits == wanted
    };
    let in_the_way = async {
        until("it waits for the table", async || waiting(true).await).await;
        until("it lets everybody else pass", async || waiting(false).await).await;
        sqlx::raw_sql("rollback").execute(&mut reader).await.expect("the end of the query");
    };
    let (migrated, ()) = tokio::join!(migrate(&url), in_the_way);
    migrated.expect("up to date");
}
