//! What operators can do, behind the commands and, later, the console: dead letters and refusals now; replay and timelines
//! with the issues that bring them.

mod dead_letters;
mod refusals;

pub use dead_letters::{DeadLetterLine, DeadLetters};
pub use refusals::{RefusalLine, Refusals};
