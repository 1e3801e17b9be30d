//! A PostgreSQL server in a temporary folder.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// The id of the user `nobody`. PostgreSQL refuses to run as root, so tests that run as root start it as this user.
const NOBODY: u32 = 65534;

pub(super) struct Postgres {
    process: Child,
    folder: TempDir,
}

impl Postgres {
    /// Starts a server that listens on a socket in its folder.
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        if is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("the folder gets another owner");
        }
        let data = folder.path().join("data");
        // Texts are ordered by bytes, as in kubesql, but have the letters of Unicode.
        let made = command("initdb", folder.path())
            .args(["--auth=trust", "--username=someone", "--encoding=UTF8", "--no-sync"])
            .args(["--locale=C.UTF-8", "--lc-collate=C"])
            .arg("--pgdata")
            .arg(&data)
            .stdout(Stdio::null())
            .status()
            .expect("initdb starts");
        assert!(made.success(), "initdb failed");
        let process = command("postgres", folder.path())
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "timezone=UTC", "-c", "log_min_messages=fatal"])
            .args(["-c", "log_min_error_statement=panic"])
            .spawn()
            .expect("postgres starts");
        Self { process, folder }
    }

    /// Connects as soon as the server is ready.
    pub(super) async fn client(&self) -> Client {
        let config = format!("host={} user=someone dbname=postgres", self.folder.path().display());
        let from = Instant::now();
        loop {
            match tokio_postgres::connect(&config, NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    return client;
                }
                Err(error) => assert!(from.elapsed() < Duration::from_secs(60), "PostgreSQL does not answer: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Its children notice that it is gone.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// One of PostgreSQL's programs, in a folder that it may enter.
fn command(program: &str, folder: &Path) -> Command {
    // Set by build.rs, without which the tests are ignored.
    let programs: Option<&str> = option_env!("KUBESQL_POSTGRES_BIN");
    let program = PathBuf::from(programs.expect("PostgreSQL is installed")).join(program);
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"), "--clear-groups".to_owned()]);
        command.arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(folder);
    command
}
