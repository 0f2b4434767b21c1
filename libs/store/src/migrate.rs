use std::time::Duration;

use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection,
    migrate::{MigrateError, Migrator},
};

use crate::Error;

/// The migrations, embedded, so that the binary and its schema travel together.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// A migration that waits for a table keeps everybody behind it waiting too, so it waits for a short time, many times.
const MOST_TRIES: u32 = 30;
/// Whoever queued behind it gets through before it queues again.
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// Applies what is missing, as the owner of the tables.
pub async fn migrate(owner_url: &str) -> Result<(), Error> {
    pending_migrations(owner_url).await?;
    let mut connection = PgConnection::connect(owner_url).await.map_err(Error::doing("connect as the owner"))?;
    sqlx::query("set lock_timeout = '3s'").execute(&mut connection).await.map_err(Error::doing("limit waiting"))?;
    let mut tries = 0;
    while let Err(error) = MIGRATOR.run(&mut connection).await {
        tries += 1;
        if tries == MOST_TRIES || !is_in_the_way(&error) {
            return Err(Error::Migrate(error));
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
    connection.close().await.map_err(Error::doing("close the owner's connection"))
}

/// Whether somebody else held what a migration needs. It was rolled back, and may get through the next time.
fn is_in_the_way(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else { return false };
    // Lock not available; deadlock.
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| ["55P03", "40P01"].contains(&&*code))
}

/// How many migrations the database lacks. Asked as the owner.
///
/// Errors if the database has been where this program cannot follow: a migration it does not know, or one it knows otherwise.
pub async fn pending_migrations(owner_url: &str) -> Result<usize, Error> {
    let mut connection = PgConnection::connect(owner_url).await.map_err(Error::doing("connect as the owner"))?;
    let table: Option<String> = sqlx::query_scalar("select to_regclass('_sqlx_migrations')::text")
        .fetch_one(&mut connection)
        .await
        .map_err(Error::doing("look for the list of migrations"))?;
    let applied: Vec<(i64, Vec<u8>)> = match table {
        None => Vec::new(),
        Some(_) => sqlx::query_as("select version, checksum from _sqlx_migrations where success order by version")
            .fetch_all(&mut connection)
            .await
            .map_err(Error::doing("read the list of migrations"))?,
    };
    for (version, checksum) in &applied {
        match MIGRATOR.iter().find(|migration| migration.version == *version) {
            None => return Err(Error::NewerDatabase { version: *version }),
            Some(known) if *known.checksum != **checksum => return Err(Error::OtherDatabase { version: *version }),
            Some(_) => {}
        }
    }
    Ok(MIGRATOR.iter().count() - applied.len())
}

/// Makes a database if there is none of this name. `owner_url` names any other database of the same server.
pub async fn create_database(owner_url: &str, name: &str) -> Result<(), Error> {
    let mut connection = PgConnection::connect(owner_url).await.map_err(Error::doing("connect as the owner"))?;
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(name)
        .fetch_one(&mut connection)
        .await
        .map_err(Error::doing("look for a database"))?;
    if !exists {
        // A name cannot be a parameter here; quoted, it is nothing but a name.
        let create = format!("create database \"{}\"", name.replace('"', "\"\""));
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.map_err(Error::doing("make a database"))?;
    }
    connection.close().await.map_err(Error::doing("close the owner's connection"))
}
