#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no tenant called {0:?}; see: leads tenant webhook list")]
    NoSuchTenant(String),
    #[error("{0} days ago is before any CRM; write for example --days 30")]
    TooLongAgo(u32),
    #[error("the days from {from} to {to} are none; write the earlier one first")]
    NoDays { from: chrono::NaiveDate, to: chrono::NaiveDate },
    #[error(transparent)]
    Account(#[from] accounts::Error),
    #[error("the database could not be asked")]
    Store(#[from] store::Error),
    #[error("what was found could not be stored in INBOUND")]
    Publish(#[from] stage::PublishError),
    #[error(
        "{0} writes to whoever asked, however long ago: nothing can be taken in silently; add --contact to write to them"
    )]
    AlwaysAnswers(String),
}

impl From<crm::Error> for Error {
    fn from(error: crm::Error) -> Self {
        Self::Account(accounts::Error::Crm(error))
    }
}
