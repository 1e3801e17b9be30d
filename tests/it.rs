//! All integration tests in one binary, because each binary that links DataFusion takes a minute to build.
//!
//! Unit tests are beside the code that they test. Here are the tests that take several modules, a server or a client.

#[path = "it/aggregated_apis.rs"]
mod aggregated_apis; // kinds of aggregated APIs, known from their OpenAPI documents only
#[path = "it/apiserver.rs"]
mod apiserver; // a real Kubernetes API server, for other tests too
#[path = "it/apiserver_cluster.rs"]
mod apiserver_cluster; // a real API server with controllers, a scheduler and nodes
#[path = "it/apiserver_outage.rs"]
mod apiserver_outage; // a real API server that is killed and restarted, credentials that expire
#[path = "it/apiserver_watch.rs"]
mod apiserver_watch; // tables that follow a real API server
#[path = "it/architecture/mod.rs"]
mod architecture; // the rules of ARCHITECTURE.md: imports, circles of files, lengths of files
#[path = "it/auth.rs"]
mod auth; // authentication of PostgreSQL clients: passwords, tokens, certificates, TLS
#[path = "it/auth_http.rs"]
mod auth_http; // authentication of HTTP clients
#[path = "it/cli.rs"]
mod cli; // the command line: sources, statements, formats, errors, exit codes
#[path = "it/clients.rs"]
mod clients; // the SQL clients that `cargo xtask clients` installs
#[path = "it/compat_v0.rs"]
mod compat_v0; // the queries of the first users, unchanged
#[path = "it/converge/mod.rs"]
mod converge; // watched tables against a server that misbehaves
#[path = "it/custom.rs"]
mod custom; // custom resources: in files, the demo cluster and a real API server
#[path = "it/demo.rs"]
mod demo; // the objects in tests/fixtures/demo
#[path = "it/demo_cluster.rs"]
mod demo_cluster; // the demo cluster with kube's watchers and kubectl
#[path = "it/document_files.rs"]
mod document_files; // finds, compares and rewrites documents, for other tests
#[path = "it/documents.rs"]
mod documents; // links, names, flags and generated pages of the documents
#[path = "it/every_protocol.rs"]
mod every_protocol; // one list of statements over every protocol
#[path = "it/flight.rs"]
mod flight; // clients of Arrow Flight SQL: ADBC and JDBC
#[path = "it/found_files.rs"]
mod found_files; // files as they are found: archives, dumps, custom resources without definitions
#[path = "it/hostile_clients.rs"]
mod hostile_clients; // clients that send malformed messages, guess passwords, or stop reading
#[path = "it/http.rs"]
mod http; // a running `kubesql serve` with HTTP, for other tests
#[path = "it/kubeconfigs.rs"]
mod kubeconfigs; // certificates, tokens, plugins and proxies in kubeconfigs
#[path = "it/limits.rs"]
mod limits; // limits of memory, rows, concurrency and time; shutdown
#[path = "it/multi_cluster.rs"]
mod multi_cluster; // several clusters in one query, some of them unreachable
#[path = "it/name_binding/mod.rs"]
mod name_binding; // generated statements with every spelling of a key, compared with SQLite
#[path = "it/oneshot/mod.rs"]
mod oneshot; // clusters listed for each query: pages, selectors, errors
#[path = "it/oracle.rs"]
mod oracle; // the same questions answered by plain Python over the same files
#[path = "it/pg_clients.rs"]
mod pg_clients; // PostgreSQL clients, and what they ask of a server's catalog
#[path = "it/pg_wire.rs"]
mod pg_wire; // PostgreSQL's protocol: transactions, cursors, COPY, introspection
#[path = "it/postgres_oracle/mod.rs"]
mod postgres_oracle; // the same statements over the same rows in a real PostgreSQL
#[path = "it/presto.rs"]
mod presto; // the protocol of Presto and Trino, and its clients
#[path = "it/readme.rs"]
mod readme; // the commands in README.md and docs/*.md print what they show
#[path = "it/rest.rs"]
mod rest; // the REST API
#[path = "it/scripted/mod.rs"]
mod scripted; // an API server that fails on command
#[path = "it/serve.rs"]
mod serve; // `kubesql serve` with tokio-postgres and psql
#[path = "it/sessions.rs"]
mod sessions; // statements in this process, for other tests
#[path = "it/shell.rs"]
mod shell; // the shell, from pipes and in a real terminal
#[path = "it/snippets.rs"]
mod snippets; // the examples in docs/*.md, run with real clients
#[path = "it/support.rs"]
mod support; // running the command, finding the checkout
#[path = "it/trino_server.rs"]
mod trino_server; // kubesql as a catalog of a Trino server
#[path = "it/usage.rs"]
mod usage; // invalid command lines, output files
