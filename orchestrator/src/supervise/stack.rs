use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use nix::{
    fcntl::{Flock, FlockArg},
    unistd::Uid,
};

use super::{Nats, Postgres, Redis, Supervisor, nats::Node};

/// Whether what is acknowledged is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// As in production: the demo, the benchmarks.
    Full,
    /// Gone with the machine: tests, which care for kills and not for power cuts.
    None,
}

/// The passwords of the NATS users, made anew for each stack.
#[derive(Debug, Clone)]
pub struct Users {
    password: String,
}

impl Users {
    pub const ALL: [&'static str; 8] = ["ingest", "enrich", "schedule", "notify", "chat", "operate", "deploy", "sys"];

    pub fn random() -> Self {
        // A letter in front: a configuration reads a bare number as one.
        Self { password: format!("p{:032x}", rand::random::<u128>()) }
    }

    /// Each user's own; knowing one does not tell the others.
    pub fn password(&self, user: &str) -> String {
        format!("{}-{user}", self.password)
    }

    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let name = |user: &str| format!("LEADS_NATS_{}_PASSWORD", user.to_uppercase());
        Self::ALL.iter().map(|user| (name(user), self.password(user))).collect()
    }
}

/// Postgres, Redis and NATS, private to this process.
pub struct Stack {
    pub supervisor: Supervisor,
    pub postgres: Postgres,
    pub redis: Redis,
    pub nats: Vec<Nats>,
    pub users: Users,
    /// Where everything is kept; logs in `logs/`.
    pub folder: PathBuf,
    /// Sockets; short, because the kernel allows a socket's path some hundred characters.
    _run: tempfile::TempDir,
    _lock: Flock<File>,
}

/// Held by one stack at a time, and left behind as the mark of a folder that is ours to empty.
const MARK: &str = "leads-demo.lock";
/// How the settings begin that a demo writes.
pub const SETTINGS_MARK: &str = "# Written by `leads demo`";

impl Stack {
    /// Starts the three servers with their data in `folder`, which one stack at a time may use. What an earlier run left
    /// there goes first.
    pub fn start(folder: &Path, durability: Durability, nats_nodes: usize) -> anyhow::Result<Self> {
        let folder = reachable(folder)?;
        must_be_ours(&folder)?;
        let lock = folder.join(MARK);
        let lock = File::create(&lock).with_context(|| format!("cannot write {}", lock.display()))?;
        let lock = Flock::lock(lock, FlockArg::LockExclusiveNonblock).map_err(|(_, _)| {
            anyhow::anyhow!(
                "{} is in use by another run; end it first, or name another folder with --data",
                folder.display()
            )
        })?;
        for left in ["postgres", "nats-1", "nats-2", "nats-3", "logs"] {
            let _ = fs::remove_dir_all(folder.join(left));
        }
        fs::create_dir_all(folder.join("logs"))?;
        let run = tempfile::Builder::new()
            .prefix("leads-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir_in("/tmp")?;
        let log = |name: &str| folder.join("logs").join(format!("{name}.log"));

        let supervisor = Supervisor::default();
        let users = Users::random();
        let (postgres, server) = Postgres::prepare(&folder, run.path(), log("postgres"), durability)?;
        supervisor.start(server)?;
        let (redis, server) = Redis::prepare(run.path(), log("redis"))?;
        supervisor.start(server)?;
        let routes: Vec<u16> = (0..nats_nodes).map(|_| super::free_port()).collect::<Result<_, _>>()?;
        let mut nats = Vec::new();
        for number in 1..=nats_nodes {
            let node = (nats_nodes > 1).then_some(Node { number, routes: &routes });
            let name = format!("nats-{number}");
            let (node, server) = Nats::prepare(&folder, log(&name), &users, durability, node.as_ref())?;
            supervisor.start(server)?;
            nats.push(node);
        }
        Ok(Self { supervisor, postgres, redis, nats, users, folder, _run: run, _lock: lock })
    }

    pub fn nats_url(&self) -> String {
        self.nats.iter().map(Nats::url).collect::<Vec<_>>().join(",")
    }
}

/// What is in the folder goes, so it must be empty, or carry the lock of an earlier stack.
fn must_be_ours(folder: &Path) -> anyhow::Result<()> {
    let mut inside = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    // The settings are the mark that earlier versions left.
    let written = fs::read_to_string(folder.join("leads.toml")).unwrap_or_default();
    if inside.next().is_none() || folder.join(MARK).is_file() || written.starts_with(SETTINGS_MARK) {
        return Ok(());
    }
    bail!("{} holds something that is not a demo's; name an empty folder, or a new one, with --data", folder.display())
}

/// Postgres runs as a user of its own when we are root, and must be able to walk to its data: below a home folder that only
/// root may enter it cannot. Then the data is kept in a folder of `/var/tmp` that belongs to this path alone.
fn reachable(folder: &Path) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let folder = folder.canonicalize()?;
    let closed = |path: &Path| fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o001 == 0);
    if !Uid::effective().is_root() || !folder.ancestors().any(closed) {
        return Ok(folder);
    }
    let name = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, folder.as_os_str().as_encoded_bytes());
    let open = Path::new("/var/tmp").join(format!("leads-{}", name.simple()));
    fs::create_dir_all(&open)?;
    Ok(open)
}

pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|candidate| candidate.is_file())
}
