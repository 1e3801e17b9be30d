//! A PostgreSQL server with the same rows, if it is installed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use futures::{SinkExt, StreamExt};

use super::client::Client;
use super::pg;
use crate::report;

/// All rows.
pub(super) const SQL: &str = "select * from many";

/// The table, with the column types of kubesql's PostgreSQL protocol.
const TABLE: &str = "create table many (name text, namespace text, uid text, nodename text, phase text, podip text, \
    generation int8, creationtimestamp timestamptz, automount bool, restartpolicy text)";

/// A running server. Dropping it stops the server.
pub(super) struct Postgres {
    process: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Postgres {
    /// Starts a server with the rows of a statement; `None`, with a message, if PostgreSQL is not installed.
    pub(super) async fn start(client: &mut Client, sql: &str) -> Result<Option<Self>> {
        let Some(programs) = programs() else {
            report("NO POSTGRESQL SERVER (initdb): THE POSTGRESQL PROTOCOL IS NOT COMPARED WITH A SERVER");
            return Ok(None);
        };
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        std::fs::create_dir(&data)?;
        let is_root = Command::new("id").arg("-u").output()?.stdout == b"0\n";
        if is_root {
            // The server refuses to run as root.
            let given = Command::new("chown").arg("-R").arg("nobody").arg(folder.path()).status()?;
            ensure!(given.success(), "could not change the owner of the folder");
        }
        let program = |name: &str| {
            let path = programs.join(name);
            let mut command = if is_root { Command::new("runuser") } else { Command::new(&path) };
            if is_root {
                command.args(["-u", "nobody", "--"]).arg(&path);
            }
            command.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let made = program("initdb").args(["-A", "trust", "-U", "bench", "-E", "UTF8", "-D"]).arg(&data).status()?;
        ensure!(made.success(), "initdb ended with {made}");
        // A port that was free just now. The server cannot choose one itself.
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let process = program("postgres")
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=1GB", "-p", &port.to_string(), "-D"])
            .arg(&data)
            .args(["-k"])
            .arg(&data)
            .spawn()?;
        let server = Self { process, address: format!("127.0.0.1:{port}"), _folder: folder };
        server.fill(client, sql).await?;
        Ok(Some(server))
    }

    pub(super) async fn connect(&self) -> Result<pg::Client> {
        for _ in 0..100 {
            if let Ok(client) = pg::Client::connect(&self.address, "postgres", "bench").await {
                return Ok(client);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        pg::Client::connect(&self.address, "postgres", "bench").await
    }

    async fn fill(&self, client: &mut Client, sql: &str) -> Result<()> {
        let Client::Process(session) = client else { anyhow::bail!("rows must be from this process") };
        let server = self.connect().await?.0;
        server.batch_execute(TABLE).await?;
        let mut answer = session.execute(sql).await?;
        let sink = server.copy_in::<_, Bytes>("copy many from stdin").await?;
        let mut sink = std::pin::pin!(sink);
        let options = FormatOptions::default().with_null("\\N");
        while let Some(batch) = answer.rows.next().await.transpose()? {
            let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            let mut text = String::new();
            for row in 0..batch.num_rows() {
                // The values have neither tabs nor backslashes.
                let values: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
                text.push_str(&values.join("\t"));
                text.push('\n');
            }
            sink.send(text.into()).await?;
        }
        sink.finish().await.context("the rows")?;
        server.batch_execute("vacuum analyze many").await?;
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGKILL would leave its children running. `runuser` forwards SIGTERM.
        _ = Command::new("kill").arg(self.process.id().to_string()).status();
        _ = self.process.wait();
    }
}

/// The folder of the server's programs.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    // Debian does not have them on the PATH.
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    folders.extend(versions.map(|version| version.path().join("bin")));
    folders.into_iter().find(|folder: &PathBuf| has(folder, "initdb") && has(folder, "postgres"))
}

fn has(folder: &Path, program: &str) -> bool {
    folder.join(program).is_file()
}
