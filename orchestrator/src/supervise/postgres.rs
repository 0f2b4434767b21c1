use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use nix::unistd::{Uid, User};

use super::{Durability, Server, Signal};

/// A private Postgres: its data in one folder, its socket in another, no port at all.
pub struct Postgres {
    run: PathBuf,
}

impl Postgres {
    /// Makes the data folder if there is none, and describes the server.
    pub fn prepare(data: &Path, run: &Path, log: PathBuf, durability: Durability) -> anyhow::Result<(Self, Server)> {
        let bin = find_bin()?;
        let user = unprivileged()?;
        let cluster = data.join("postgres");
        if !cluster.join("PG_VERSION").exists() {
            init(&bin, &cluster, user.as_ref())?;
        }
        if let Some(user) = &user {
            chown(run, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        let pid_file = cluster.join("postmaster.pid");
        let arguments = arguments(&cluster, run, durability);
        let server = Server {
            name: "postgres",
            command: Box::new(move || {
                let mut command = Command::new(bin.join("postgres"));
                command.args(&arguments);
                command
            }),
            // Its eighth line says so.
            ready: Box::new(move || {
                fs::read_to_string(&pid_file)
                    .is_ok_and(|text| text.lines().nth(7).is_some_and(|line| line.trim() == "ready"))
            }),
            // Fast shutdown: an ordinary one waits for clients.
            stop: Signal::SIGINT,
            user,
            log,
            patience: Duration::from_secs(30),
        };
        Ok((Self { run: run.to_owned() }, server))
    }

    pub fn url(&self, user: &str, database: &str) -> String {
        let host = self.run.display().to_string().replace('/', "%2F");
        format!("postgres://{user}@{host}:5432/{database}")
    }
}

fn arguments(cluster: &Path, run: &Path, durability: Durability) -> Vec<String> {
    let mut settings = vec!["listen_addresses=", "port=5432", "max_connections=200", "timezone=UTC"];
    if durability == Durability::None {
        settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"]);
    }
    let mut arguments = vec!["-D".into(), cluster.display().to_string(), "-k".into(), run.display().to_string()];
    for setting in settings {
        arguments.extend(["-c".into(), setting.into()]);
    }
    arguments
}

/// The newest of the distribution's, or what is on the path.
fn find_bin() -> anyhow::Result<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            let bin = entry.path().join("bin");
            bin.join("initdb").exists().then_some((version, bin))
        })
        .collect();
    versions.sort();
    if let Some((version, bin)) = versions.pop() {
        if version < 15 {
            bail!("PostgreSQL {version} is too old: 15 is the oldest that works");
        }
        return Ok(bin);
    }
    super::stack::on_path("initdb")
        .and_then(|initdb| initdb.parent().map(Path::to_owned))
        .context("PostgreSQL is not installed; run `make setup`, or: apt-get install postgresql")
}

/// Postgres refuses to run as root; the distribution makes a user for it.
fn unprivileged() -> anyhow::Result<Option<User>> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    let user = User::from_name("postgres")?.context("there is no user postgres; run `make setup`")?;
    Ok(Some(user))
}

fn init(bin: &Path, cluster: &Path, user: Option<&User>) -> anyhow::Result<()> {
    fs::create_dir_all(cluster).with_context(|| format!("cannot make {}", cluster.display()))?;
    fs::set_permissions(cluster, fs::Permissions::from_mode(0o700))?;
    let mut command = Command::new(bin.join("initdb"));
    command.arg("-D").arg(cluster);
    command.args(["-U", "owner", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-instructions"]);
    command.current_dir("/").stdin(Stdio::null());
    if let Some(user) = user {
        use std::os::unix::process::CommandExt as _;
        chown(cluster, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    let output = command.output().context("cannot run initdb")?;
    if !output.status.success() {
        let _ = fs::remove_dir_all(cluster);
        bail!("initdb failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
