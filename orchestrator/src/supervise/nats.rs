use std::{
    fs::{self, File},
    net::{TcpListener, TcpStream},
    num::NonZero,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use nix::fcntl::{Flock, FlockArg};

use super::{Durability, Server, Signal, Users, stack::on_path};

/// A private nats-server on loopback, with the accounts and users of `nats/server/users.conf`.
#[derive(Debug, Clone)]
pub struct Nats {
    pub port: u16,
}

/// A node of a cluster: its own number, and everybody's route port.
pub struct Node<'a> {
    pub number: usize,
    pub routes: &'a [u16],
}

impl Nats {
    pub fn prepare(
        data: &Path,
        log: PathBuf,
        users: &Users,
        durability: Durability,
        node: Option<&Node<'_>>,
    ) -> anyhow::Result<(Self, Server)> {
        let binary = find_server()?;
        let port = free_port()?;
        let number = node.map_or(1, |node| node.number);
        let folder = data.join(format!("nats-{number}"));
        fs::create_dir_all(&folder)?;
        // One configuration for the demo, tests and benchmarks: the shipped one, with this run's port.
        let mut conf = include_str!("../../../nats/server/demo.conf")
            .replace("server_name: demo", &format!("server_name: demo-{number}"))
            .replace("port: -1", &format!("port: {port}"));
        if durability == Durability::None {
            conf = conf.replace(", sync_interval: always", "");
        }
        if let Some(node) = node {
            let routes: Vec<_> = node.routes.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
            let own = node.routes[node.number - 1];
            conf.push_str(&format!(
                "cluster: {{ name: leads, listen: \"127.0.0.1:{own}\", routes: [ {} ] }}\n",
                routes.iter().map(|route| format!("\"{route}\"")).collect::<Vec<_>>().join(", ")
            ));
        }
        let file = folder.join("server.conf");
        fs::write(&file, conf)?;
        fs::write(folder.join("users.conf"), include_str!("../../../nats/server/users.conf"))?;
        let environment = users.environment();
        let store = folder.join("jetstream");
        let server = Server {
            name: ["nats", "nats-2", "nats-3"][number - 1],
            command: Box::new(move || {
                let mut command = Command::new(&binary);
                command.arg("-c").arg(&file).arg("-sd").arg(&store);
                command.envs(environment.iter().map(|(name, value)| (name, value)));
                // It shares the machine with all the others: idle threads of Go's look for work before they sleep, and on few
                // processors they take them from whoever has some.
                command.env("GOMAXPROCS", (processors() / 2).max(1).to_string());
                command
            }),
            ready: Box::new(move || TcpStream::connect(("127.0.0.1", port)).is_ok()),
            stop: Signal::SIGTERM,
            user: None,
            log,
            patience: Duration::from_secs(15),
        };
        Ok((Self { port }, server))
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// A port for a server that is started later, and again after it died, so it cannot pick one itself.
///
/// From below the range that outgoing connections take theirs from, and locked for as long as this process lives: two runs
/// on one machine never choose the same.
pub fn free_port() -> std::io::Result<u16> {
    static LOCKS: Mutex<Vec<Flock<File>>> = Mutex::new(Vec::new());
    let locks = std::env::temp_dir().join("leads-ports");
    fs::create_dir_all(&locks)?;
    // Users of one machine share the folder.
    let _ = fs::set_permissions(&locks, fs::Permissions::from_mode(0o777));
    for _ in 0..1_000 {
        let port = rand::random_range(20_000..32_000);
        let Ok(file) = File::create(locks.join(port.to_string())) else { continue };
        let Ok(lock) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else { continue };
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            LOCKS.lock().unwrap_or_else(PoisonError::into_inner).push(lock);
            return Ok(port);
        }
    }
    Err(std::io::Error::other("no free port between 20000 and 32000"))
}

/// `LEADS_NATS_SERVER`, the one `make setup` keeps in `.data/tools`, or the path's.
fn find_server() -> anyhow::Result<PathBuf> {
    let is_program = |path: &PathBuf| fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o111 != 0);
    let named = std::env::var_os("LEADS_NATS_SERVER").map(PathBuf::from);
    let mut folder = std::env::current_dir().ok();
    let mut kept = None;
    while let Some(at) = folder {
        let candidate = at.join(".data/tools/bin/nats-server");
        if is_program(&candidate) {
            kept = Some(candidate);
            break;
        }
        folder = at.parent().map(Path::to_owned);
    }
    named
        .or(kept)
        .filter(is_program)
        .or_else(|| on_path("nats-server"))
        .context("nats-server is not installed; run `make setup`, or set LEADS_NATS_SERVER to one of 2.14 or newer")
}
