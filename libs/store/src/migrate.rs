use sqlx::{AssertSqlSafe, Connection as _, PgConnection, migrate::Migrator};

use crate::Error;

/// The migrations, embedded, so that the binary and its schema travel together.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// Applies what is missing, as the owner of the tables.
pub async fn migrate(owner_url: &str) -> Result<(), Error> {
    pending_migrations(owner_url).await?;
    let mut connection = PgConnection::connect(owner_url).await.map_err(Error::doing("connect as the owner"))?;
    MIGRATOR.run(&mut connection).await.map_err(Error::Migrate)?;
    connection.close().await.map_err(Error::doing("close the owner's connection"))
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
