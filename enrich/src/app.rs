use accounts::Accounts;
use catalog_cache::Catalogs;
use stage::Runtime;

use crate::{
    Config, admit::Admit, book::Book, hear::Hear, judge::Judge, meet::Meet, restock::Restock, tenants::Tenants,
    unsubscribe::Unsubscribe,
};

/// Runs the role's stages.
pub fn start(runtime: &Runtime, config: &Config, accounts: Accounts, catalogs: Catalogs) {
    let tenants = Tenants::new(config, accounts);
    stage::run(runtime, config.stage.clone(), Judge { tenants: tenants.clone() });
    stage::run(runtime, config.stage.clone(), Book { tenants: tenants.clone() });
    stage::run(runtime, config.stage.clone(), Meet { tenants, second_look: config.second_look });
    stage::run(runtime, config.stage.clone(), Restock { catalogs });
    stage::run(runtime, config.stage.clone(), Admit { most_per_recipient: config.forms_per_recipient });
    stage::run(runtime, config.stage.clone(), Hear);
    stage::run(runtime, config.stage.clone(), Unsubscribe);
}
