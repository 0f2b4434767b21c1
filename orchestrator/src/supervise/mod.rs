//! Private servers as children of this process: for the demo, the tests and the benchmarks.
//!
//! A child that dies is reported and started again. All of them end with this process, also when it is killed: the kernel
//! is asked to tell them (`PR_SET_PDEATHSIG`). That signal follows the *thread* that started the child, so one thread, which
//! lives as long as the [`Supervisor`], starts them all.

mod child;
mod nats;
mod postgres;
mod redis;
mod stack;

use std::{
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::JoinHandle,
    time::{Duration, Instant},
};

pub use child::{Server, Signal};
pub use nats::{Nats, free_port};
pub use postgres::Postgres;
pub use redis::Redis;
pub use stack::{Durability, SETTINGS_MARK, Stack, Users};
use tokio::sync::broadcast;

use self::child::Running;

/// Something a supervisor saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    Died { name: &'static str, how: String },
    Restarted { name: &'static str, pid: u32 },
}

enum Order {
    Start(Server, Sender<anyhow::Result<u32>>),
    Kill(&'static str),
    Stop(&'static str, Sender<()>),
    StopAll(Sender<()>),
}

/// Keeps servers running. Dropped, it ends them all, the last one started first.
pub struct Supervisor {
    orders: Sender<Order>,
    seen: broadcast::Sender<Seen>,
    thread: Option<JoinHandle<()>>,
}

impl Default for Supervisor {
    fn default() -> Self {
        let (orders, inbox) = mpsc::channel();
        let (seen, _) = broadcast::channel(64);
        let tell = seen.clone();
        let thread = std::thread::spawn(move || supervise(&inbox, &tell));
        Self { orders, seen, thread: Some(thread) }
    }
}

impl Supervisor {
    /// Starts a server and waits until it is ready; answers its process id.
    pub fn start(&self, server: Server) -> anyhow::Result<u32> {
        let (answer, started) = mpsc::channel();
        self.order(Order::Start(server, answer));
        started.recv()?
    }

    /// Kills a server as a crash would; it is started again.
    pub fn kill(&self, name: &'static str) {
        self.order(Order::Kill(name));
    }

    /// Ends a server for good.
    pub fn stop(&self, name: &'static str) {
        let (done, stopped) = mpsc::channel();
        self.order(Order::Stop(name, done));
        let _ = stopped.recv();
    }

    pub fn watch(&self) -> broadcast::Receiver<Seen> {
        self.seen.subscribe()
    }

    fn order(&self, order: Order) {
        // The thread ends only with this value.
        let _ = self.orders.send(order);
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        let (done, stopped) = mpsc::channel();
        self.order(Order::StopAll(done));
        let _ = stopped.recv();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// How often children are looked at.
const LOOK: Duration = Duration::from_millis(50);

fn supervise(inbox: &mpsc::Receiver<Order>, seen: &broadcast::Sender<Seen>) {
    let mut running: Vec<Running> = Vec::new();
    loop {
        match inbox.recv_timeout(LOOK) {
            Ok(Order::Start(server, answer)) => {
                let started = Running::start(server);
                let pid = started.map(|child| {
                    let pid = child.pid();
                    running.push(child);
                    pid
                });
                let _ = answer.send(pid);
            }
            Ok(Order::Kill(name)) => running.iter().filter(|child| child.name() == name).for_each(Running::kill),
            Ok(Order::Stop(name, done)) => {
                if let Some(index) = running.iter().position(|child| child.name() == name) {
                    running.remove(index).stop();
                }
                let _ = done.send(());
            }
            Ok(Order::StopAll(done)) => {
                while let Some(child) = running.pop() {
                    child.stop();
                }
                let _ = done.send(());
                return;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        for child in &mut running {
            if let Some(how) = child.death() {
                let _ = seen.send(Seen::Died { name: child.name(), how });
            }
            if child.is_due(Instant::now()) && child.restart().is_ok() {
                let _ = seen.send(Seen::Restarted { name: child.name(), pid: child.pid() });
            }
        }
    }
}
