use std::{
    fs::{self, OpenOptions},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
pub use nix::sys::signal::Signal;
use nix::{
    sys::signal::{kill, killpg},
    unistd::{Pid, User, getppid},
};

/// What to start, and how to tell that it is ready and to end it.
pub struct Server {
    pub name: &'static str,
    pub command: Box<dyn Fn() -> Command + Send>,
    /// Asked every few milliseconds after a start.
    pub ready: Box<dyn FnMut() -> bool + Send>,
    /// The signal that ends it in good order.
    pub stop: Signal,
    /// Whom to run it as, when we are root and it refuses to be.
    pub user: Option<User>,
    /// Where its output goes. Never to our own: a pipe behind us would wait for it.
    pub log: PathBuf,
    pub patience: Duration,
}

pub(super) struct Running {
    server: Server,
    child: Child,
    /// Dead, and to be started again at this time.
    restart_at: Option<Instant>,
    restarts: u32,
}

impl Running {
    pub(super) fn start(mut server: Server) -> anyhow::Result<Self> {
        let child = spawn(&mut server)?;
        let mut running = Self { server, child, restart_at: None, restarts: 0 };
        running.wait_until_ready()?;
        Ok(running)
    }

    pub(super) fn name(&self) -> &'static str {
        self.server.name
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn kill(&self) {
        let _ = kill(pid_of(&self.child), Signal::SIGKILL);
    }

    /// How it died, said once.
    pub(super) fn death(&mut self) -> Option<String> {
        if self.restart_at.is_some() {
            return None;
        }
        let status = self.child.try_wait().ok()??;
        // Quick at first; slower when it keeps dying.
        let pause = Duration::from_millis((50_u64 << self.restarts.min(6)).min(2_000));
        self.restart_at = Some(Instant::now() + pause);
        self.restarts += 1;
        Some(status.to_string())
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.restart_at.is_some_and(|at| at <= now)
    }

    /// Starts it again without waiting: others must not wait for it. One that dies again is seen again.
    pub(super) fn restart(&mut self) -> anyhow::Result<()> {
        self.child = spawn(&mut self.server)?;
        self.restart_at = None;
        Ok(())
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let name = self.server.name;
        let deadline = Instant::now() + self.server.patience;
        while !(self.server.ready)() {
            if let Some(status) = self.child.try_wait()? {
                if status.signal().is_some() {
                    // Killed, which says nothing about whether it can start.
                    self.child = spawn(&mut self.server)?;
                    continue;
                }
                bail!(
                    "{name} ended at once ({status}). The end of its log, {}:\n{}",
                    self.server.log.display(),
                    self.log_end()
                );
            }
            if Instant::now() > deadline {
                self.kill();
                bail!(
                    "{name} was not ready within {:?}. The end of its log, {}:\n{}",
                    self.server.patience,
                    self.server.log.display(),
                    self.log_end()
                );
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn log_end(&self) -> String {
        let text = fs::read_to_string(&self.server.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }

    /// Ends it in good order, or after a while by force.
    pub(super) fn stop(mut self) {
        let pid = pid_of(&self.child);
        // The leader alone: it ends its own children.
        let _ = kill(pid, self.server.stop);
        let deadline = Instant::now() + Duration::from_secs(25);
        while Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = killpg(pid, Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX))
}

fn spawn(server: &mut Server) -> anyhow::Result<Child> {
    let log = OpenOptions::new().create(true).append(true).open(&server.log);
    let log = log.with_context(|| format!("cannot write {}", server.log.display()))?;
    let mut command = (server.command)();
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
    if let Some(user) = &server.user {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw()).current_dir("/");
    }
    let parent = nix::unistd::getpid();
    let on_our_death = server.stop;
    // SAFETY: only prctl and getppid, both async-signal-safe, between fork and exec.
    #[expect(unsafe_code, reason = "the signal has to be asked for in the child, after the change of user clears it")]
    unsafe {
        command.pre_exec(move || {
            nix::sys::prctl::set_pdeathsig(on_our_death)?;
            // We may have died before it was asked for.
            if getppid() == parent { Ok(()) } else { Err(std::io::Error::other("the parent is gone")) }
        });
    }
    command.spawn().with_context(|| format!("cannot start {}", server.name))
}
