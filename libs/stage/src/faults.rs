//! Where a worker can die, named, so that tests can kill it there. In production nobody dies on purpose.

/// The points of the contract between which a crash must not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    BeforeCommit,
    AfterCommit,
    /// A vendor has answered and nobody has written it down.
    AfterCall,
    AfterPublish,
    BeforeAck,
}

impl Step {
    pub const ALL: [Self; 5] =
        [Self::BeforeCommit, Self::AfterCommit, Self::AfterCall, Self::AfterPublish, Self::BeforeAck];
}

/// Decides whether the worker dies now. A dead worker's message is neither acked nor refused: it comes back.
pub trait Faults: Send + Sync {
    fn dies(&self, stage: &'static str, event_id: &str, step: Step) -> bool;
}
