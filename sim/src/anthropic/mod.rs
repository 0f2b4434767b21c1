//! Anthropic: Messages, streamed. What it says is scripted by whoever tests, or else follows from what it was asked: it is a mind of few
//! thoughts, which uses its tools as a good model does, and can be talked into lies as a bad one is.

mod api;
mod mind;
mod stream;

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

pub use api::router;
use serde_json::Value;

pub const API_KEY: &str = "sk-ant-example-key";

/// What it says next, whatever it is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Scripted {
    Text(String),
    Call { name: String, input: Value },
}

#[derive(Debug, Default)]
pub struct Anthropic {
    script: Mutex<VecDeque<Scripted>>,
    asked: Mutex<Vec<Value>>,
    pause_ms: AtomicU64,
}

impl Anthropic {
    /// The next answer; each is used once.
    pub fn script(&self, scripted: Scripted) {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).push_back(scripted);
    }

    /// Between two pieces of a text.
    pub fn speak_slowly(&self, pause: Duration) {
        self.pause_ms.store(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Every prompt that was taken, the oldest first.
    pub fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn next_scripted(&self) -> Option<Scripted> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn pause(&self) -> Duration {
        Duration::from_millis(self.pause_ms.load(Ordering::Relaxed))
    }
}
