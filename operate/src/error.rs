#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no tenant called {0:?}; see: leads tenant list")]
    NoSuchTenant(String),
    #[error("{0} days ago is before any CRM; write for example --days 30")]
    TooLongAgo(u32),
    #[error("the days from {from} to {to} are none; write the earlier one first")]
    NoDays { from: chrono::NaiveDate, to: chrono::NaiveDate },
    #[error("the settings cannot work: {0}")]
    Settings(String),
    #[error("{0:?} cannot be a tenant's name in commands; use small letters, digits and dashes, such as sample-tint")]
    Slug(String),
    #[error("there is a tenant called {0:?} already; see: leads tenant list")]
    SlugTaken(String),
    #[error("the name is empty, too long or has a line break in it; write for example \"Sample Tint\"")]
    Name,
    #[error(
        "{slug} has {has}, and its leads are stored under that name; write \"crm\": \"{has}\", or add another tenant"
    )]
    CrmStays { slug: String, has: domain::CrmName },
    #[error("{slug} has {has}, and these are credentials of {given}")]
    OtherCrm { slug: String, has: domain::CrmName, given: domain::CrmName },
    #[error(
        "{0} has no credentials for its CRM; give them with: leads tenant credentials {0} shopmonkey (or tekmetric)"
    )]
    NoCredentials(String),
    #[error("{0} has no such shop; see: leads tenant check {0}")]
    NoSuchShop(String),
    #[error("there is no lead {0} at this tenant")]
    NoSuchLead(domain::LeadId),
    #[error(
        "the title is empty, too long or has a line break in it; write for example \"Call back about the rear window\""
    )]
    Title,
    #[error("there is no task {0} at this tenant that is still to do; see: leads task list")]
    NoSuchTask(domain::TaskId),
    #[error("the template is not saved: {0}")]
    Words(String),
    #[error(
        "{0:?} cannot be the name of a cadence or an experiment; use up to 40 small letters, digits, - and _, such as summer"
    )]
    CadenceName(String),
    #[error("there is no template {0:?} for it; see: leads template list")]
    NoSuchTemplate(String),
    #[error("there is no cadence {0:?}, or no such version of it; see: leads cadence list")]
    NoSuchCadence(String),
    #[error("{0:?} cannot run against itself; save another cadence, or another version, first")]
    AgainstItself(String),
    #[error("the experiment {0:?} has other cadences in it already; give this one another name")]
    OtherArms(String),
    #[error("say it in up to 2000 letters; there is nothing, too much, or a character that nobody can write")]
    ChatWords,
    #[error("nobody of the staff has the conversation with lead {0}; the assistant answers")]
    NotHeld(domain::LeadId),
    #[error("no shop is in a region {0:?}; regions come with: leads tenant import")]
    NoSuchRegion(String),
    #[error("{0:?} is locked for everything below it; use another one up there, without --lock, first")]
    Locked(String),
    #[error("no cadence of its own is used there; see: leads cadence list")]
    NothingUsed,
    #[error("no lead is, or was, in an experiment {0:?}; see: leads cadence list")]
    NoSuchExperiment(String),
    #[error("nobody said why; write for example --why \"the shop is being rebuilt\"")]
    NoWhy,
    #[error("that is not paused; see: leads pauses")]
    NotPaused,
    #[error("lead {0} is not merged into another; see: leads lead merges")]
    NotMerged(domain::LeadId),
    #[error("{given:?} is no scope; write one of {known}")]
    NoSuchScope { given: String, known: String },
    #[error("there is a key called {0:?} already, or there was; choose another name")]
    KeyExists(String),
    #[error("there is no key called {0:?} that opens anything; see: leads tenant api-keys")]
    NoSuchKey(String),
    #[error("there is no form's key {0:?} that opens anything; see: leads tenant form-keys")]
    NoSuchFormKey(String),
    #[error("the form cannot be used: {0}")]
    Form(String),
    #[error("the file is no CSV that can be read: {0}")]
    Csv(String),
    #[error("the file's first line does not name these columns: {missing}. It has to be, in any order: {all}")]
    Columns { missing: String, all: String },
    #[error("the file's first line names the column {0} twice; take one of them out")]
    ColumnTwice(&'static str),
    #[error("the file has more than {0} rows; take it apart")]
    TooManyRows(usize),
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
