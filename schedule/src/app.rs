use stage::Runtime;

use crate::{Config, give_up, plan::Plan, release, resume};

/// Runs the role's stage and its loops.
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
    let (runtime_of_give_up, config_of_give_up) = (runtime.clone(), config.clone());
    runtime.lifecycle.spawn("give-up", async move {
        give_up::run(&runtime_of_give_up, &config_of_give_up).await;
    });
}
