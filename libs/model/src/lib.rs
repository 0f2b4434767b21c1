//! Language models of other companies, behind one small trait.
//!
//! A vendor's stream is decoded without asking anybody anything (`anthropic/decode.rs`); what ends without its terminal event has failed,
//! and a tool is called only when its call is whole.

mod anthropic;
mod failed;
mod price;
mod prompt;
mod speaking;
mod sse;

use async_trait::async_trait;

pub use anthropic::{Anthropic, Credentials, NAME as ANTHROPIC};
pub use failed::{Failed, Unavailable};
pub use price::{Usage, cost_nanos};
pub use prompt::{Call, Outcome, Prompt, Said, Tool};
pub use speaking::{Piece, Speaking, Stop, Timeouts};

/// Whoever can be asked what to say.
#[async_trait]
pub trait Model: Send + Sync {
    /// By which its outages and its prices are known.
    fn vendor(&self) -> &'static str;

    /// As the vendor calls it.
    fn name(&self) -> &str;

    /// Begins one answer.
    async fn ask(&self, prompt: &Prompt<'_>) -> Result<Speaking, Failed>;
}
