use std::fmt::Display;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("could not {doing}")]
    Database {
        doing: &'static str,
        #[source]
        source: sqlx::Error,
    },
    #[error("the stored {what} cannot be read: {why}")]
    Corrupt { what: &'static str, why: String },
    /// What an operator, or a deploy of another version, stored.
    #[error("the stored {what} cannot be read: {why}; store it again")]
    SetUp { what: &'static str, why: String },
    #[error("the settings of tenant {0} cannot be read")]
    Settings(domain::TenantId, #[source] serde_json::Error),
    #[error("the user in postgres.url sees the rows of every tenant: name leads_app there, or a user like it")]
    SeesEveryTenant,
    #[error("a sealed value cannot be opened: none of the keys in seal.keys fits")]
    Sealed,
    #[error("the migrations cannot be applied")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    #[error("the database has migration {version}, which this version of leads does not know: a newer one made it")]
    NewerDatabase { version: i64 },
    #[error("migration {version} was applied to the database in another form than this version of leads has")]
    OtherDatabase { version: i64 },
}

impl Error {
    pub(crate) fn doing(doing: &'static str) -> impl Fn(sqlx::Error) -> Self {
        move |source| Self::Database { doing, source }
    }

    pub(crate) fn corrupt(what: &'static str, why: impl Display) -> Self {
        Self::Corrupt { what, why: why.to_string() }
    }

    pub(crate) fn set_up(what: &'static str, why: impl Display) -> Self {
        Self::SetUp { what, why: why.to_string() }
    }

    /// Whether an operator has to store something again, for one tenant, before this can succeed.
    pub fn is_set_up(&self) -> bool {
        matches!(self, Self::Sealed | Self::Settings(..) | Self::SetUp { .. })
    }

    /// Whether the database was away, full or busy, so that the same work may succeed later; anything else is a mistake in
    /// the data or in us, and trying again would only repeat it.
    pub fn is_outage(&self) -> bool {
        let source = match self {
            Self::Database { source, .. } => source,
            // A wrong key or user, or a slip in what a tenant stored: an operator mends it, nothing is given up.
            Self::Sealed | Self::Settings(..) | Self::SetUp { .. } | Self::SeesEveryTenant => return true,
            Self::Corrupt { .. } | Self::Migrate(_) | Self::NewerDatabase { .. } | Self::OtherDatabase { .. } => {
                return false;
            }
        };
        match source {
            sqlx::Error::Database(error) => error.code().is_some_and(|code| {
                // Connection exceptions, refused passwords, a missing database, lost races, insufficient resources, operator
                // intervention; and a table, column or function that a deploy has not made yet.
                ["08", "28", "3D", "40", "53", "55", "57", "58"].iter().any(|class| code.starts_with(class))
                    || matches!(&*code, "42P01" | "42703" | "42883")
                    // Read-only: a server that was the primary until a moment ago.
                    || code == "25006"
            }),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_)
            | sqlx::Error::BeginFailed => true,
            _ => false,
        }
    }
}
