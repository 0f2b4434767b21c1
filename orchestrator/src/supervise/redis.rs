use std::{
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context as _;

use super::{Server, Signal, stack::on_path};

/// A private Redis on a socket, keeping nothing: what is in it can be lost.
pub struct Redis {
    socket: PathBuf,
}

impl Redis {
    pub fn prepare(run: &Path, log: PathBuf) -> anyhow::Result<(Self, Server)> {
        let binary = on_path("redis-server")
            .or_else(|| on_path("valkey-server"))
            .context("Redis is not installed; run `make setup`, or: apt-get install redis-server")?;
        let socket = run.join("redis.sock");
        let (for_command, for_ready) = (socket.clone(), socket.clone());
        let folder = run.to_owned();
        let server = Server {
            name: "redis",
            command: Box::new(move || {
                let mut command = Command::new(&binary);
                command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]);
                command.arg(&for_command).arg("--dir").arg(&folder);
                command
            }),
            ready: Box::new(move || UnixStream::connect(&for_ready).is_ok()),
            stop: Signal::SIGTERM,
            user: None,
            log,
            patience: Duration::from_secs(10),
        };
        Ok((Self { socket }, server))
    }

    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket.display())
    }
}
