//! No query reads a whole table, also on the first day, when the planner knows nothing about the tables yet.
//!
//! Row-level security makes every index that begins with the tenant look usable, and keeps comparisons it does not trust
//! away from the index: both are invisible until a tenant has ten thousand leads.

use std::{collections::HashMap, fs, path::Path};

use serde_json::Value;
use sim::Manners;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tests::{Test, quote, until};

/// The tables that grow with the traffic.
const BUSY: [&str; 7] = ["judgements", "leads", "replies", "suppressions", "messages", "attempts", "receipts"];
const QUOTES: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn every_query_goes_through_an_index_by_its_first_column() {
    let test = Test::start().await;
    let mut owner = PgConnection::connect(&test.site.settings["postgres.owner_url"]).await.expect("the owner");
    let first_columns = first_columns(&mut owner).await;
    look_at_every_plan(&test, "on empty tables", &first_columns).await;
    // The first leads of a new shop: the planner sees tables of one page, for which it would rather read them whole.
    let program = test.run().await;
    for number in 0..3 {
        let asked = quote(&format!("o-{number}"));
        test.site.sim.world.ask_for_quote(&asked, Manners::default());
        until("the lead is planned", async || !test.states(&asked).await.is_empty()).await;
    }
    look_at_every_plan(&test, "on young tables", &first_columns).await;
    program.stop().await;
}

async fn look_at_every_plan(test: &Test, when: &str, first_columns: &HashMap<String, String>) {
    let mut app = PgConnection::connect(&test.site.stack.postgres.url("leads_app", "leads")).await.expect("the app");
    // What a worker keeps after a few uses: a plan that fits any argument.
    run(&mut app, "set plan_cache_mode = force_generic_plan").await;
    run(&mut app, &format!("set app.tenant = '{}'", test.site.franchise.tenant.uuid())).await;
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (number, (query, parameters)) in queries().into_iter().enumerate() {
        run(&mut app, &format!("prepare query_{number} as {query}")).await;
        let arguments = vec!["null"; parameters].join(", ");
        let arguments = if parameters == 0 { String::new() } else { format!("({arguments})") };
        let explain = AssertSqlSafe(format!("explain (format json) execute query_{number}{arguments}"));
        let plan: Value = sqlx::query_scalar(explain).fetch_one(&mut app).await.expect("a plan");
        let mut nodes = Vec::new();
        collect(&plan[0]["Plan"], &mut nodes);
        for node in nodes {
            let table = node["Relation Name"].as_str().unwrap_or_default();
            let index = node["Index Name"].as_str().unwrap_or_default();
            let how = node["Node Type"].as_str().unwrap_or_default();
            let condition = node["Index Cond"].as_str().unwrap_or_default();
            if how == "Seq Scan" && BUSY.contains(&table) {
                wrong.push(format!("reads all of {table}: {query}"));
            }
            if let Some(column) = first_columns.get(index) {
                seen += 1;
                // As in `((id = $2) AND (tenant_id = $1))`.
                if !condition.contains(&format!("({column} ")) {
                    wrong.push(format!("reads all of {index}, which begins with {column}: {query}"));
                }
            }
        }
    }
    assert!(seen > 20, "only {seen} uses of an index were looked at, {when}");
    assert!(wrong.is_empty(), "{when}: {}", wrong.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn work_on_one_lead_does_not_grow_with_the_number_of_leads() {
    let test = Test::start().await;
    let program = test.run().await;
    let quotes: Vec<_> = (0..QUOTES)
        .map(|number| {
            let mut asked = quote(&format!("o-{number}"));
            asked.phone = Some(format!("+1512555{number:04}"));
            asked
        })
        .collect();
    for asked in &quotes {
        test.site.sim.world.ask_for_quote(asked, Manners::default());
    }
    until("all texts are delivered", async || {
        let mut delivered = 0;
        for asked in &quotes {
            delivered += usize::from(test.states(asked).await.first().is_some_and(|state| state == "sms delivered"));
        }
        delivered == QUOTES
    })
    .await;
    // Connections hand in their counts when they close.
    program.stop().await;
    test.site.store.close();
    let mut owner = PgConnection::connect(&test.site.settings["postgres.owner_url"]).await.expect("the owner");
    until("the counts are in", async || {
        let open = sqlx::query_scalar("select count(*) from pg_stat_activity where application_name = 'leads'");
        let open: i64 = open.fetch_one(&mut owner).await.expect("a count");
        open == 0
    })
    .await;
    // By functions too. Left out are leads and messages: the loops that look for due rows read a small table whole, rightly.
    let whole: Vec<(String, i64, i64)> = sqlx::query_as(
        "select relname::text, seq_scan, seq_tup_read from pg_stat_user_tables where relname = any($1) and seq_tup_read > 0",
    )
    .bind(["judgements", "replies", "suppressions", "attempts", "receipts"].as_slice())
    .fetch_all(&mut owner)
    .await
    .expect("the counts");
    assert!(whole.is_empty(), "tables that were read whole (times, rows): {whole:?}");
    let rows = sqlx::query(
        "select indexrelname::text as name, idx_scan as uses, idx_tup_read as entries from pg_stat_user_indexes
         where relname = any($1) and idx_scan > 0",
    )
    .bind(BUSY.as_slice())
    .fetch_all(&mut owner)
    .await
    .expect("the counts");
    assert!(rows.len() >= 6, "only {} indexes were used", rows.len());
    for row in rows {
        let (name, uses, entries): (String, i64, i64) = (row.get("name"), row.get("uses"), row.get("entries"));
        // A lead has thirteen messages, each in a few versions until they are cleaned up.
        assert!(entries <= uses * 40, "{name}: {entries} entries read in {uses} uses");
    }
}

/// Every query of the application, and how many parameters it has.
fn queries() -> Vec<(String, usize)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.sqlx");
    let mut queries = Vec::new();
    for file in fs::read_dir(folder).expect("the folder of queries").flatten() {
        let text = fs::read_to_string(file.path()).expect("a query's file");
        let query: Value = serde_json::from_str(&text).expect("JSON");
        let parameters = query["describe"]["parameters"]["Left"].as_array().map_or(0, Vec::len);
        queries.push((query["query"].as_str().expect("a query").to_owned(), parameters));
    }
    assert!(queries.len() > 40, "only {} queries", queries.len());
    queries
}

async fn first_columns(owner: &mut PgConnection) -> HashMap<String, String> {
    let rows = sqlx::query(
        "select i.indexrelid::regclass::text as name, a.attname::text as first
         from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
         join pg_class t on t.oid = i.indrelid where t.relname = any($1)",
    )
    .bind(BUSY.as_slice())
    .fetch_all(owner)
    .await
    .expect("the indexes");
    rows.iter().map(|row| (row.get("name"), row.get("first"))).collect()
}

fn collect<'p>(node: &'p Value, nodes: &mut Vec<&'p Value>) {
    nodes.push(node);
    for child in node["Plans"].as_array().into_iter().flatten() {
        collect(child, nodes);
    }
}

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
}
