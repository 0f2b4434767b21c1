use std::{sync::Arc, time::Duration};

use stage::Runtime;

use crate::{Config, carrier::Carriers, find_out::FindOut, receive::Receive, render::Renderer, send::Send};

/// Runs the role's stages.
pub fn start(runtime: &Runtime, config: &Config) {
    let http = service::http::client(Duration::from_secs(3), config.vendor_timeout);
    let carriers = Arc::new(Carriers::new(http));
    let config = Arc::new(config.clone());
    let find_out = FindOut {
        config: config.clone(),
        carriers: carriers.clone(),
    };
    let send = Send {
        config: config.clone(),
        carriers,
        renderer: Renderer::new(),
        find_out,
    };
    stage::run(runtime, config.stage.clone(), send);
    stage::run(runtime, config.stage.clone(), Receive);
}
