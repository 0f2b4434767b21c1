//! One file for each command.

pub mod cadence;
pub mod catalog;
pub mod chat;
pub mod credentials;
pub mod dead;
pub mod doctor;
pub mod keys;
pub mod lead;
pub mod ledger;
pub mod migrate;
pub mod nats;
pub mod onboard;
pub mod pauses;
pub mod refused;
pub mod run;
pub mod task;
pub mod tenant;
pub mod words;

use std::{
    io::{self, ErrorKind, Write as _, stdout},
    time::Duration,
};

use stage::{Bus, BusConfig};
use tokio::time::sleep;

/// Prints lines. Whoever reads them may have read enough, as `head` and `grep -q` do: the command goes on, and its exit code
/// says what it found all the same.
fn say(lines: &str) -> io::Result<()> {
    match writeln!(stdout(), "{lines}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// A connection that is there, for a command that somebody waits for.
async fn connect(config: &BusConfig) -> anyhow::Result<Bus> {
    let bus = Bus::connect(config).await?;
    for _ in 0..50 {
        if bus.is_connected() {
            return Ok(bus);
        }
        sleep(Duration::from_millis(100)).await;
    }
    let BusConfig { url, user, .. } = config;
    anyhow::bail!("no connection to NATS at {url} within five seconds, or it refuses nats.{user}_password")
}

/// Why somebody did something, as it stands in what happened.
pub fn reason(text: &str) -> Result<String, String> {
    const LONGEST: usize = 200;
    let why = text.trim();
    if why.is_empty() || why.chars().count() > LONGEST || why.chars().any(char::is_control) {
        return Err(format!("say it in one line of up to {LONGEST} letters"));
    }
    Ok(why.to_owned())
}

/// Somebody's name, as it stands in what happened.
pub fn person(text: &str) -> Result<String, String> {
    const LONGEST: usize = 80;
    let name = text.trim();
    if name.is_empty() || name.chars().count() > LONGEST || name.chars().any(char::is_control) {
        return Err(format!("write a name of one to {LONGEST} letters, such as kim"));
    }
    Ok(name.to_owned())
}
