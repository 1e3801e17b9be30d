//! The command line: flags and their help texts. Nothing is checked here beyond syntax.

mod access;
mod shell;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use kubesql_demo::Release;
use kubesql_runtime::value::quantity;

pub(crate) use access::{AccessArgs, LimitArgs, TlsUse, TokenCommand, UserCommand};
pub(crate) use shell::{ServerArgs, ShellArgs};

const EXAMPLES: &str = "\
Examples:
  kubesql query --demo \"select namespace, name, phase from pods limit 5\"
  kubesql query \"select namespace, name, phase from pods\"          your current context
  kubesql query --context 'prod-*' \"select cluster, count(*) from pods group by cluster\"
  kubectl get pods -A -o json | kubesql query --file - \"select namespace, name, phase from pods\"
  kubesql query --file ./manifests \"select deployment, image from deployment_containers\"
  kubesql query --file prod=prod.json --file test=test.json \\
      \"select cluster, count(*) from pods group by cluster\"
  kubesql tables '*container*'        list tables
  kubesql describe pods               list the columns of a table

Exit codes:
  0  success
  1  a statement failed
  2  invalid command line
  3  a file or cluster cannot be read, or no source is configured";

const QUERY_HELP: &str = "\
Clusters:
  kubesql query \"select name, phase from pods\"              the current context
  kubesql query --context prod \"select name from nodes\"     another context
  kubesql query --context 'prod-*' --context test \\
      \"select cluster, namespace, count(*) from pods group by 1, 2\"
  kubesql query -n shop,web \"select name from deployments\"  only these namespaces
  kubesql query --demo \"select * from pods limit 5\"           a simulated demo cluster
  kubesql query --context '*' --partial \"select ...\"        skip clusters that do not answer
Each statement lists its objects anew; nothing is cached. Conditions on namespaces, names, labels and some fields are \
sent to the API server (kubesql explain shows them), and LIMIT stops reading early. The statement fails if a cluster \
or kind cannot be read, unless --partial is given.

Files:
  kubesql query --file pods.json \"select name, phase from pods where phase <> 'Running'\"
  kubesql query --file ./dump -o json -f report.sql
  kubesql query --file dump.tgz \"select * from events\" --output-file events.csv
  kubesql query --file prod=a.yaml --file test=b.yaml \"select cluster, name from nodes\"
  kubectl get all -A -o yaml | kubesql query --file - \"select * from deployments\"
  echo 'select count(*) from pods' | kubesql query --file pods.json

Labels, annotations, resources and conditions are columns:
  select name, labels.app from pods where ready.status = 'False'
  select pod, name, requests.cpu from containers order by 3 desc nulls last

Output formats:
  table    aligned text; control characters are escaped, NULL is empty
  json     one array of objects; keys are in column order
  ndjson   one object per line, streamed
  csv      RFC 4180; NULL is empty, an empty string is \"\"; lists and maps are JSON
  yaml     a list of maps
  arrow    an Arrow IPC stream
  parquet  a Parquet file, compressed with zstd
Times are RFC 3339 in UTC. If several columns have one name, keys get suffixes _2, _3, and so on.

Exit codes: 0 success, 1 a statement failed, 2 invalid command line, 3 a source cannot be read";

const TABLES_HELP: &str = "\
Examples:
  kubesql tables --demo                       the tables of kinds: core, apps, batch, others
  kubesql tables --demo --all                 also those of lists inside objects
  kubesql tables --demo '*container*'         all tables with this in their name
  kubesql tables --demo --column hostpath     the columns with this in their name or path";

const SERVE_HELP: &str = "\
Examples:
  kubesql serve                                  the current context
  kubesql serve --context 'prod-*' --watch pods,nodes
  kubesql serve --demo --pg 127.0.0.1:0          a simulated demo cluster, on any free port
  kubesql serve --pg off --http 9090             HTTP only, on another port
  kubesql serve --flight 127.0.0.1:32010         also Arrow Flight SQL, for ADBC and JDBC
Clients:
  psql -h 127.0.0.1 -c \"select namespace, count(*) from pods group by 1\"
  presto --server localhost:8080 --catalog kubesql --schema kubesql  (trino takes the same options)
  curl -s localhost:8080/api/v1/query -H 'Content-Type: application/json' \\
      -d '{\"sql\": \"select name from pods\"}'
The REST API is described at http://localhost:8080/api/v1/openapi.json.

A kind is listed and watched from its first use, and dropped after --watch-idle seconds without queries. A statement \
fails if a cluster or kind that it needs is unavailable, unless --partial is given or the session has run \
SET kubesql.partial = on. The tables system.clusters, system.watches and system.queries show the server's state.

Users and TLS: without users, only connections from localhost are accepted, without a password.
  kubesql user add ada --users users             prompts for a password and stores a verifier
  kubesql token create ci --tokens tokens --expires 30d
  kubesql serve --pg 0.0.0.0:5432 --users users --tokens tokens --tls-cert tls.crt --tls-key tls.key
  PGPASSWORD=... psql \"host=kubesql.example user=ada sslmode=verify-full sslrootcert=ca.crt\"
  psql \"host=kubesql.example user=token ...\"    with a token as the password
  kubesql serve ... --client-ca ca.crt           the common name of a client certificate is the user
These files are reloaded when they change; invalid versions are reported and ignored.

On SIGTERM or Ctrl-C, running statements may continue for up to --drain-timeout seconds; a second signal cancels them.";

const USER_HELP: &str = "\
Examples:
  kubesql user add ada --users users             prompts for the password twice
  pass show kubesql/ada | kubesql user add ada --users users
  kubesql user add ada                           prints the line, for example for a Secret
  kubesql user remove ada --users users

The file holds PostgreSQL's SCRAM-SHA-256 verifiers, from which passwords cannot be recovered. Users can log in with \
every protocol. `kubesql serve` reloads a changed file within a second.";

const TOKEN_HELP: &str = "\
Examples:
  kubesql token create ci --tokens tokens --expires 30d
  kubesql token revoke ci --tokens tokens

The file holds a hash of the token; the token itself is printed only once. Send it as `Authorization: Bearer ...`. \
Clients that need a user name and a password send the name `token`, and the token as the password.";

const DEMO_HELP: &str = "\
Examples:
  kubesql demo --write-kubeconfig demo.yaml     and then: kubectl --kubeconfig demo.yaml get pods -A
  kubesql demo --pods 50000 --nodes 500 --events-per-second 2000

The same seed gives the same cluster. When the cluster is ready, its URL is printed; it runs until Ctrl-C. It serves \
plain HTTP without encryption: use it only on machines and networks that you trust.";

/// Query Kubernetes objects as SQL tables.
#[derive(Debug, Parser)]
#[command(name = "kubesql", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "a process has one of them")]
pub(crate) enum Command {
    /// Run SQL statements over clusters or files
    #[command(after_help = QUERY_HELP)]
    Query(QueryArgs),
    /// List the tables, or find a column in them
    #[command(after_help = TABLES_HELP)]
    Tables(TablesArgs),
    /// List the columns of a table; with an explicit source, including map keys that its objects have
    Describe(DescribeArgs),
    /// Show the plan of a statement
    Explain(ExplainArgs),
    /// Watch clusters and serve PostgreSQL, Presto, Trino, HTTP and Arrow Flight SQL clients
    #[command(after_help = SERVE_HELP)]
    Serve(ServeArgs),
    /// Manage password users
    #[command(subcommand, after_help = USER_HELP)]
    User(UserCommand),
    /// Manage bearer tokens
    #[command(subcommand, after_help = TOKEN_HELP)]
    Token(TokenCommand),
    /// Start an interactive shell with completion and history (the default command at a terminal)
    #[command(after_help = shell::HELP)]
    Shell(Box<ShellArgs>),
    /// Serve a simulated cluster for demos and tests
    #[command(after_help = DEMO_HELP)]
    Demo(DemoArgs),
    /// Print the version
    Version,
    /// Print a completion script: `source <(kubesql completions bash)`
    Completions {
        /// The shell to complete in
        shell: clap_complete::Shell,
    },
}

/// Where objects come from.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Sources")]
pub(crate) struct SourceArgs {
    /// Query the clusters of these contexts: names, or patterns with `*` and `?`
    ///
    /// Can be given several times. The column `cluster` holds the context's name. Without any source, kubesql uses the
    /// current context of the kubeconfig or, in a pod, the pod's cluster.
    #[arg(long = "context", value_name = "PATTERN")]
    pub(crate) contexts: Vec<String>,
    /// Read this kubeconfig instead of the ones that kubectl reads
    ///
    /// Can be given several times.
    #[arg(long = "kubeconfig", value_name = "PATH")]
    pub(crate) kubeconfigs: Vec<PathBuf>,
    /// Query a simulated demo cluster, which is started in this process
    #[arg(long)]
    pub(crate) demo: bool,
    /// Read only these namespaces of clusters
    ///
    /// Can be given several times, or separated by commas.
    #[arg(short = 'n', long = "namespaces", alias = "namespace", value_name = "NAMESPACE", value_delimiter = ',')]
    pub(crate) namespaces: Vec<String>,
    /// Skip these namespaces of clusters
    #[arg(long = "exclude-namespaces", alias = "exclude", value_name = "NAMESPACE", value_delimiter = ',')]
    pub(crate) excluded_namespaces: Vec<String>,
    /// Maximum time to wait for the objects of a statement
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub(crate) sync_timeout: u64,
    /// Skip clusters and kinds that cannot be read, with warnings
    #[arg(long)]
    pub(crate) partial: bool,
    /// Read objects from a file, folder or archive: manifests, `kubectl get -o json|yaml`; `-` is standard input
    ///
    /// Can be given several times. Folders and archives are read recursively. `NAME=PATH` sets the value of the column
    /// `cluster`.
    #[arg(long = "file", value_name = "[NAME=]PATH")]
    pub(crate) files: Vec<OsString>,
    /// The cluster name of files given without NAME=
    #[arg(long = "cluster-name", alias = "cluster", value_name = "NAME", default_value = "local")]
    pub(crate) cluster_name: String,
    /// Show the values of Secrets, which are redacted by default
    #[arg(long)]
    pub(crate) show_secrets: bool,
}

/// How results are written.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Output format (default: by the ending of --output-file, else table)
    #[arg(short = 'o', long = "output", value_enum, value_name = "FORMAT")]
    pub(crate) chosen_format: Option<Format>,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "PATH")]
    pub(crate) output_file: Option<PathBuf>,
    /// Omit the header of csv, and the header and footer of tables
    #[arg(long)]
    pub(crate) no_headers: bool,
    /// Show columns of `select *` that are NULL in every row (hidden in tables by default)
    #[arg(long)]
    pub(crate) all_columns: bool,
    /// Expanded output: one line per column; auto: if a table is wider than the terminal
    #[arg(short = 'x', long, value_enum, default_value_t = Expanded::Auto, value_name = "WHEN")]
    pub(crate) expanded: Expanded,
}

impl OutputArgs {
    /// The format that was chosen, or that the ending of the file stands for.
    pub(crate) fn format(&self) -> Format {
        let ending = || self.output_file.as_deref()?.extension()?.to_str().map(str::to_ascii_lowercase);
        let by_ending = || {
            Some(match ending()?.as_str() {
                "csv" => Format::Csv,
                "json" => Format::Json,
                "ndjson" | "jsonl" => Format::Ndjson,
                "yaml" | "yml" => Format::Yaml,
                "arrow" | "arrows" => Format::Arrow,
                "parquet" => Format::Parquet,
                _ => return None,
            })
        };
        self.chosen_format.or_else(by_ending).unwrap_or(Format::Table)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
    Ndjson,
    Csv,
    Yaml,
    Arrow,
    Parquet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Expanded {
    On,
    Off,
    Auto,
}

#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    /// SQL statements, separated by `;` (default: read from standard input)
    pub(crate) sql: Option<String>,
    /// Read the statements from a file; a file or folder of objects is a source, as with --file
    #[arg(short = 'f', long, value_name = "PATH")]
    pub(crate) query_file: Option<PathBuf>,
    /// Print all warnings (default: the first 10)
    #[arg(long = "all-warnings", alias = "warnings")]
    pub(crate) all_warnings: bool,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TablesArgs {
    /// List the tables that match this pattern: `*container*`, `networking.k8s.io.*`
    pub(crate) pattern: Option<String>,
    /// List also the tables of lists inside objects, such as `containers`
    #[arg(long)]
    pub(crate) all: bool,
    /// List the columns with this name, or a part of it: `hostpath`, `*.image`
    #[arg(long, value_name = "NAME")]
    pub(crate) column: Option<String>,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DescribeArgs {
    /// The table, with its schema if the name is ambiguous: `pods`, `events.k8s.io.events`
    pub(crate) table: String,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The statement
    pub(crate) sql: String,
    /// Run the statement and show what each step took
    #[arg(long)]
    pub(crate) analyze: bool,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Listen address for PostgreSQL clients; port 0 is any free port, `off` disables the protocol
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5432", help_heading = "Protocols")]
    pub(crate) pg: Listen,
    /// Listen address for HTTP: Presto, Trino, and the REST API at /api/v1; values as for --pg
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", help_heading = "Protocols")]
    pub(crate) http: Listen,
    /// Listen address for Arrow Flight SQL; values as for --pg
    #[arg(long, value_name = "ADDRESS", default_value = "off", help_heading = "Protocols")]
    pub(crate) flight: Listen,
    /// Maximum duration of a statement, including its time in the queue; 0 is no limit
    #[arg(long, value_name = "SECONDS", default_value_t = 300, help_heading = "Limits")]
    pub(crate) statement_timeout: u64,
    /// Maximum number of statements running at once; further ones are queued
    #[arg(long, alias = "statements", value_name = "N", default_value_t = 32,
          value_parser = clap::value_parser!(u16).range(1..), help_heading = "Limits")]
    pub(crate) max_concurrent_statements: u16,
    /// Do not watch further kinds when the watched objects take this many bytes: 512Mi, 4Gi
    #[arg(long, alias = "memory", value_name = "BYTES", value_parser = bytes, help_heading = "Limits")]
    pub(crate) watch_memory: Option<u64>,
    /// Watch the objects of these tables from the start, and keep watching them
    #[arg(long, value_name = "TABLE", value_delimiter = ',', help_heading = "Sources")]
    pub(crate) watch: Vec<String>,
    /// Stop watching a kind after this many seconds without queries
    #[arg(long, value_name = "SECONDS", default_value_t = 1800, help_heading = "Sources")]
    pub(crate) watch_idle: u64,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

/// Where a protocol listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listen {
    /// The protocol is disabled.
    Off,
    At(SocketAddr),
}

impl Listen {
    /// The address, if there is one.
    pub(crate) fn address(self) -> Option<SocketAddr> {
        match self {
            Self::Off => None,
            Self::At(address) => Some(address),
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let port = text.strip_prefix("localhost:").unwrap_or(text).parse();
        match port {
            Ok(port) => Ok(Self::At(SocketAddr::from(([127, 0, 0, 1], port)))),
            Err(_) => text.parse().map(Self::At).map_err(|_| {
                "expected an address and a port (127.0.0.1:8080), a port on localhost (8080), or off".to_owned()
            }),
        }
    }
}

/// Parses a number of bytes, written as a Kubernetes quantity.
fn bytes(text: &str) -> Result<u64, String> {
    let bytes = quantity::parse(text).and_then(|quantity| u64::try_from(quantity.base_units()).ok());
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| "expected a number of bytes, such as 512Mi or 4Gi".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Listen address; port 0 is any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Number of pods
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub(crate) pods: u32,
    /// Number of nodes
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) nodes: u32,
    /// Number of kinds of custom resources
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) crds: u32,
    /// Approximate number of objects that change per second
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) events_per_second: u32,
    /// Seed of the cluster's contents
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Kubernetes release to simulate
    #[arg(long, value_name = "RELEASE", default_value_t = Release::NEWEST)]
    pub(crate) release: Release,
    /// Bearer token that clients must send (default: derived from the seed)
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// Write a kubeconfig to this path (default: a temporary file, removed at exit)
    #[arg(long, value_name = "PATH")]
    pub(crate) write_kubeconfig: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn accepts_former_flags() {
        let parse = |args: &[&str]| Cli::try_parse_from([&["kubesql"], args].concat()).map(|cli| cli.command);
        for args in [
            &["serve", "--statements", "2", "--statements-per-user", "1", "--queue", "0", "--connections", "9"][..],
            &["serve", "--statement-memory", "8Mi", "--statements-memory", "1Gi", "--memory", "1Gi", "--drain", "5"],
            &["shell", "--memory", "1Gi", "--exclude", "kube-system"],
            &["query", "--warnings", "--cluster", "a", "--namespace", "b", "select 1"],
        ] {
            if let Err(error) = parse(args) {
                panic!("{args:?}: {error}");
            }
        }
    }

    #[test]
    fn parses_listen_addresses() {
        let at = |text: &str| Some(Listen::At(text.parse().expect("an address")));
        for (text, expect) in [
            ("127.0.0.1:0", at("127.0.0.1:0")),
            ("[::1]:8080", at("[::1]:8080")),
            ("8080", at("127.0.0.1:8080")),
            ("localhost:8080", at("127.0.0.1:8080")),
            ("off", Some(Listen::Off)),
            ("example.com:8080", None),
            ("127.0.0.1", None),
            ("", None),
        ] {
            assert_eq!(text.parse().ok(), expect, "{text}");
        }
    }
}
