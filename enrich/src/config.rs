use std::time::Duration;

use service::config::Reader;
use stage::StageConfig;

#[derive(Debug, Clone)]
pub struct Config {
    pub stage: StageConfig,
    /// How long a lead may wait in line for its turn at the CRM before it is given back.
    pub crm_patience: Duration,
    /// How long a tenant's settings and credentials are remembered.
    pub tenant_ttl: Duration,
    /// Forms a day with the same number or address in them that are answered.
    pub forms_per_recipient: u32,
    /// When to look again whether a customer whom nobody knew when they changed has asked for a quote.
    pub second_look: Duration,
}

impl Config {
    pub fn read(reader: &mut Reader) -> Self {
        Self {
            stage: StageConfig::read(reader, "enrich"),
            crm_patience: reader.duration_or("enrich.crm_patience", Duration::from_secs(5)),
            tenant_ttl: reader.duration_or("enrich.tenant_ttl", Duration::from_secs(15)),
            forms_per_recipient: reader.parse_or("enrich.forms_per_recipient", 5),
            second_look: reader.duration_or("enrich.second_look", Duration::from_secs(60)),
        }
    }
}
