//! The demo cluster and `kubesql serve`, each a process of its own, and the same tables in this process.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use kubesql_runtime::generated;
use kubesql_runtime::ingest::clusters::{Context, WatchOptions, WatchSource};
use kubesql_runtime::ingest::files::Kinds;
use kubesql_runtime::sql::Engine;

use super::protocol::Protocol;

/// A demo cluster, a kubesql server, and an engine in this process.
pub(super) struct Server {
    demo: Child,
    serve: Child,
    addresses: BTreeMap<Protocol, String>,
    pub(super) engine: Arc<Engine>,
    _folder: tempfile::TempDir,
}

impl Server {
    pub(super) fn start(pods: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("kubeconfig");
        let binary = std::env::current_exe()?.with_file_name("kubesql");
        let mut demo = Command::new(&binary)
            .args(["demo", "--listen", "127.0.0.1:0", "--seed", "1", "--nodes", "100", "--events-per-second", "0"])
            .args(["--pods", &pods.to_string(), "--write-kubeconfig"])
            .arg(&path)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} demo", binary.display()))?;
        let mut line = String::new();
        BufReader::new(demo.stdout.take().context("its output")?).read_line(&mut line)?;
        let mut serve = Command::new(&binary)
            .args(["serve", "--pg", "127.0.0.1:0", "--http", "127.0.0.1:0", "--flight", "127.0.0.1:0", "--kubeconfig"])
            .arg(&path)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} serve", binary.display()))?;
        let mut addresses = BTreeMap::new();
        let mut lines = BufReader::new(serve.stdout.take().context("its output")?).lines();
        for protocol in [Protocol::Pg, Protocol::Http, Protocol::Flight] {
            let line = lines.next().context("a line for each protocol")??;
            let address = line.split_once(" clients on ").and_then(|(_, rest)| rest.split_once(';'));
            addresses.insert(protocol, address.with_context(|| line.clone())?.0.to_owned());
        }
        let kinds = Kinds::new(generated::KINDS.iter().copied(), generated::flattener);
        let options = WatchOptions { sync_timeout: Duration::from_secs(300), ..WatchOptions::default() };
        let live = WatchSource::new(vec![Context::from_text("demo", &std::fs::read_to_string(&path)?)], kinds, options);
        let engine = Engine::new(generated::KINDS, Arc::new(live))?;
        Ok(Self { demo, serve, addresses, engine, _folder: folder })
    }

    /// The address of a protocol.
    pub(super) fn address(&self, protocol: Protocol) -> Result<&str> {
        self.addresses.get(&protocol).map(String::as_str).context("the protocol's address")
    }

    /// The memory of the server in MB.
    pub(super) fn megabytes(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.serve.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for child in [&mut self.serve, &mut self.demo] {
            // It may have ended already.
            _ = child.kill();
            _ = child.wait();
        }
    }
}
