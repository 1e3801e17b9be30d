//! All integration tests in one binary, since each that links DataFusion costs a minute.
//!
//! What needs no binary of its own is tested beside its code; here is what takes several rooms.

#[path = "it/abuse.rs"]
mod abuse; // clients of `kubesql serve` that misbehave
#[path = "it/ancestor.rs"]
mod ancestor; // the queries of the first users, to the letter
#[path = "it/apiserver.rs"]
mod apiserver; // a real Kubernetes API server, for other tests too
#[path = "it/auth.rs"]
mod auth; // who is let in by `kubesql serve`
#[path = "it/auth_http.rs"]
mod auth_http; // the same over HTTP
#[path = "it/cli.rs"]
mod cli; // the command line: sources, statements, formats, errors, exit codes
#[path = "it/clients.rs"]
mod clients; // where the SQL clients are that `cargo xtask clients` installs
#[path = "it/converge/mod.rs"]
mod converge; // watched tables against a server that misbehaves
#[path = "it/custom.rs"]
mod custom; // custom resources, in files, demo cluster and a real API server
#[path = "it/demo.rs"]
mod demo; // what the made-up cluster holds
#[path = "it/demo_cluster.rs"]
mod demo_cluster; // the demo cluster under kube's watchers and kubectl
#[path = "it/described.rs"]
mod described; // kinds of servers beside the cluster's own
#[path = "it/every_door.rs"]
mod every_door; // one list of statements at every door
#[path = "it/flight.rs"]
mod flight; // clients of Arrow Flight SQL: ADBC and JDBC
#[path = "it/http.rs"]
mod http; // `kubesql serve` with its HTTP door open, for other tests
#[path = "it/kubeconfigs.rs"]
mod kubeconfigs; // certificates, tokens, plugins and proxies
#[path = "it/limits.rs"]
mod limits; // what `kubesql serve` allows statements, and how it ends
#[path = "it/oneshot/mod.rs"]
mod oneshot; // clusters listed for each query: pages, selectors, errors
#[path = "it/oracle.rs"]
mod oracle; // the same questions put to plain Python over the same files
#[path = "it/pg_clients.rs"]
mod pg_clients; // clients of PostgreSQL's protocol, each with what it asks of a server
#[path = "it/pg_wire.rs"]
mod pg_wire; // PostgreSQL's protocol: transactions, cursors, COPY, introspection
#[path = "it/presto.rs"]
mod presto; // the protocol of Presto and Trino, and its clients
#[path = "it/readme.rs"]
mod readme; // what README.md shows is what is printed
#[path = "it/real.rs"]
mod real; // tables that follow a real API server
#[path = "it/real_trouble.rs"]
mod real_trouble; // a real API server that goes away, comes back, and changes its mind
#[path = "it/rest.rs"]
mod rest; // the REST API
#[path = "it/rooms.rs"]
mod rooms; // who may import whom, and how long files may be
#[path = "it/scripted/mod.rs"]
mod scripted; // an API server that misbehaves as it is told
#[path = "it/served.rs"]
mod served; // clients of `kubesql serve`
#[path = "it/sessions.rs"]
mod sessions; // statements in this process
#[path = "it/several.rs"]
mod several; // several clusters in one query, and what becomes of it without some
#[path = "it/shell.rs"]
mod shell; // the shell, from pipes and in a real terminal
#[path = "it/support.rs"]
mod support; // running the command, finding the checkout
#[path = "it/trino_server.rs"]
mod trino_server; // a Trino server of which kubesql is a catalog
#[path = "it/usage.rs"]
mod usage; // what is refused and how, where output goes
