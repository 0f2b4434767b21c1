use std::{sync::Arc, time::Duration};

use stage::Runtime;
use templates::Renderer;

use crate::{
    Config, find_out::FindOut, receive::Receive, recorded::Recorded, send::Send, tell_staff::TellStaff,
    tenants::Tenants,
};

/// Runs the role's stages.
pub fn start(runtime: &Runtime, config: &Config) {
    let http = service::http::client(Duration::from_secs(3), config.vendor_timeout);
    let tenants = Arc::new(Tenants::new(http, config.tenant_ttl));
    let config = Arc::new(config.clone());
    let find_out = FindOut { config: config.clone(), tenants: tenants.clone() };
    let recorded = Recorded::new();
    let tell_staff = TellStaff { config: config.clone(), tenants: tenants.clone() };
    let send =
        Send { config: config.clone(), tenants, renderer: Renderer::default(), find_out, recorded: recorded.clone() };
    stage::run(runtime, config.stage.clone(), send);
    stage::run(runtime, config.receipts.clone(), tell_staff);
    stage::run(runtime, config.receipts.clone(), Receive { config, recorded });
}
