//! One file for each command.

pub mod dead;
pub mod doctor;
pub mod migrate;
pub mod nats;
pub mod run;

use std::io::{self, ErrorKind, Write as _, stdout};

/// Prints lines. Whoever reads them may have read enough, as `head` and `grep -q` do: the command goes on, and its exit code
/// says what it found all the same.
fn say(lines: &str) -> io::Result<()> {
    match writeln!(stdout(), "{lines}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
