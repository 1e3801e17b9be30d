//! `kubesql demo`: serves a simulated cluster.

use std::io::{self, Write};
use std::path::Path;

use kubesql_demo::{Demo, Options};

use super::{runtime, stop_signal};
use crate::args::DemoArgs;
use crate::failure::Failure;
use crate::secure_file::{self, RemoveOnDrop};

/// Serves a cluster until the process is told to stop.
pub(crate) fn run(args: &DemoArgs) -> Result<(), Failure> {
    let runtime = runtime()?;
    let result = runtime.block_on(serve(args));
    runtime.shutdown_background();
    result
}

async fn serve(args: &DemoArgs) -> Result<(), Failure> {
    let options = Options {
        listen: args.listen,
        token: args.token.clone(),
        seed: args.seed,
        pods: args.pods,
        nodes: args.nodes,
        crds: args.crds,
        events_per_second: args.events_per_second,
        release: args.release,
        ..Options::default()
    };
    let demo = Demo::start(options).await.map_err(|error| {
        Failure::usage(
            format!("could not listen on {}: {error}", args.listen),
            "choose another address with --listen; 127.0.0.1:0 is any free port",
        )
    })?;
    let path = match &args.write_kubeconfig {
        Some(path) => path.clone(),
        None => std::env::temp_dir().join(format!("kubesql-demo-{}.kubeconfig", std::process::id())),
    };
    write(&path, &demo.kubeconfig()).map_err(|error| {
        Failure::usage(
            format!("could not write \"{}\": {error}", path.display()),
            "choose another path with --write-kubeconfig",
        )
    })?;
    let _remove = RemoveOnDrop(args.write_kubeconfig.is_none().then(|| path.clone()));
    let mut out = io::stdout().lock();
    writeln!(out, "{} is ready; try: kubectl --kubeconfig {} get pods -A", demo.url(), path.display())?;
    out.flush()?;
    drop(out);
    stop_signal().await?;
    Ok(())
}

/// Writes a file that only its owner can read, since it contains a token.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = secure_file::owner_only().write(true).create(true).truncate(true).open(path)?;
    file.write_all(text.as_bytes())
}
