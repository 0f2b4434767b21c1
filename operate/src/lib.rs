//! What operators can do, behind the commands and, later, the console: dead letters now; replay and timelines with the
//! issues that bring them.

mod dead_letters;

pub use dead_letters::{DeadLetterLine, DeadLetters};
