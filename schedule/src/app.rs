use stage::Runtime;

use crate::{Config, acknowledge::Acknowledge, change, give_up, plan::Plan, release, resume, watch};

/// Runs the role's stages and its loops.
pub fn start(runtime: &Runtime, config: &Config) {
    stage::run(runtime, config.stage.clone(), Plan { lease: config.lease });
    let (runtime_of_release, config_of_release) = (runtime.clone(), config.clone());
    runtime.lifecycle.spawn("release", async move {
        release::run(&runtime_of_release, &config_of_release).await;
    });
    let (runtime_of_resume, config_of_resume) = (runtime.clone(), config.clone());
    runtime.lifecycle.spawn("resume", async move {
        resume::run(&runtime_of_resume, &config_of_resume).await;
    });
    stage::run(runtime, config.stage.clone(), Acknowledge);
    let (runtime_of_change, config_of_change) = (runtime.clone(), config.clone());
    runtime.lifecycle.spawn("change", async move {
        change::run(&runtime_of_change, &config_of_change).await;
    });
    let (runtime_of_watch, config_of_watch) = (runtime.clone(), config.clone());
    runtime.lifecycle.spawn("watch", async move {
        watch::run(&runtime_of_watch, &config_of_watch).await;
    });
    let (runtime_of_give_up, config_of_give_up) = (runtime.clone(), config.clone());
    runtime.lifecycle.spawn("give-up", async move {
        give_up::run(&runtime_of_give_up, &config_of_give_up).await;
    });
}
