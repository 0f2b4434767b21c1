use std::{sync::Arc, time::Duration};

use limits::Limiter;
use stage::Runtime;
use templates::{Designs, Renderer};

use crate::{
    Config,
    breaker::Breakers,
    find_out::FindOut,
    receive::Receive,
    recorded::Recorded,
    send::{Send, SendAwaited, SendDue},
    senders::Senders,
    tell_staff::TellStaff,
    tenants::Tenants,
    write::Writer,
};

/// Runs the role's stages.
pub fn start(runtime: &Runtime, config: &Config, limiter: Arc<Limiter>) {
    let http = service::http::client(Duration::from_secs(3), config.vendor_timeout);
    let designs = Arc::new(Designs::default());
    let tenants = Arc::new(Tenants::new(http, designs.clone(), config.tenant_ttl));
    let config = Arc::new(config.clone());
    let find_out = FindOut { config: config.clone(), tenants: tenants.clone() };
    let recorded = Recorded::new();
    let tell_staff = TellStaff { config: config.clone(), tenants: tenants.clone() };
    let send = Arc::new(Send {
        writer: Writer { config: config.clone(), renderer: Renderer::default(), designs },
        config: config.clone(),
        tenants,
        find_out,
        recorded: recorded.clone(),
        senders: Senders::new(limiter),
        breakers: Breakers::default(),
    });
    stage::run(runtime, config.stage.clone(), SendAwaited(send.clone()));
    stage::run(runtime, config.stage.clone(), SendDue(send));
    stage::run(runtime, config.receipts.clone(), tell_staff);
    stage::run(runtime, config.receipts.clone(), Receive { config, recorded });
}
