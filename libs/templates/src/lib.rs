//! What a message says: a tenant's template, filled with what is known about a lead.
//!
//! A template runs in a sandbox: it sees what is in [`Known`] and nothing else, and has so much fuel. A name that does not exist is a
//! mistake of its author, found when it is saved and never in a text.

mod design;
mod known;
mod page;
mod words;

pub use design::{Around, Design, Designs, with_way_out};
pub use known::{Asked, Known, Shop};
pub use page::Page;
pub use words::{Rendered, Renderer, Words};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("template {name:?} cannot be filled")]
    Fill {
        name: String,
        #[source]
        source: minijinja::Error,
    },
    #[error("template {name:?} uses {unknown:?}, which there is not")]
    Unknown { name: String, unknown: String, there_are: Vec<&'static str> },
    #[error("the design of template {name:?} cannot be used")]
    Design { name: String, says: String },
    #[error("template {name:?} has {found:?} where WhatsApp takes a name alone")]
    NotPlain { name: String, found: String },
    #[error("template {name:?} would have nothing where {of:?} stands")]
    Empty { name: String, of: String },
}

impl Error {
    /// What its author has to change.
    pub fn says(&self) -> String {
        match self {
            Self::Fill { source, .. } => {
                let place = source.line().map(|line| format!(" in line {line}")).unwrap_or_default();
                format!("it cannot be filled{place}: {}", source.detail().unwrap_or("it cannot be read"))
            }
            Self::Unknown { unknown, there_are, .. } => {
                format!("there is no {unknown:?}; there are {}", there_are.join(", "))
            }
            Self::Design { says, .. } => format!("its design (MJML) cannot be used: {says}"),
            Self::Empty { of, .. } => format!("there is nothing where {of:?} stands, and WhatsApp takes no gaps"),
            Self::NotPlain { found, .. } => {
                format!(
                    "WhatsApp approves words with names in them and nothing else: write {{{{ first_name }}}}, not {found}"
                )
            }
        }
    }
}
