//! The command line: what can be said, and the help that teaches it. Decides nothing.

mod access;
mod shell;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use kubesql_runtime::value::quantity;

use crate::demo::Release;

pub(crate) use access::{AccessArgs, LimitArgs, TlsUse, TokenCommand, UserCommand};
pub(crate) use shell::{ServerArgs, ShellArgs};

const EXAMPLES: &str = "\
Examples:
  kubesql query \"select namespace, name, phase from pods\"          the current context's cluster
  kubesql query --context 'prod-*' \"select cluster, count(*) from pods group by cluster\"
  kubectl get pods -A -o json | kubesql query --file - \"select namespace, name, phase from pods\"
  kubesql query --file ./manifests \"select deployment, image from deployment_containers\"
  kubesql query --file prod=prod.json --file test=test.json \\
      \"select cluster, count(*) from pods group by cluster\"
  kubesql tables '*container*'        which tables there are
  kubesql describe pods               which columns a table has

Exit codes:
  0  all statements were answered
  1  a statement failed
  2  the command line is wrong
  3  a source cannot be read, or a cluster asked";

const QUERY_HELP: &str = "\
Clusters:
  kubesql query \"select name, phase from pods\"              that of the current context
  kubesql query --context prod \"select name from nodes\"     that of another
  kubesql query --context 'prod-*' --context test \\
      \"select cluster, namespace, count(*) from pods group by 1, 2\"
  kubesql query -n shop,web \"select name from deployments\"  of these namespaces only
  kubesql query --demo \"select * from pods limit 5\"           of a made-up cluster
  kubesql query --context '*' --partial \"select ...\"        of all that answer
Objects are listed for each statement and nothing is kept. What a statement says of namespaces, names,
labels and some fields is asked of the API server (kubesql explain shows it), and LIMIT stops early.
A cluster or kind that cannot be read fails the statement, unless --partial is given.

Files:
  kubesql query --file pods.json \"select name, phase from pods where phase <> 'Running'\"
  kubesql query --file ./dump -o json -f report.sql
  kubesql query --file prod=a.yaml --file test=b.yaml \"select cluster, name from nodes\"
  kubectl get all -A -o yaml | kubesql query --file - \"select * from deployments\"
  echo 'select count(*) from pods' | kubesql query --file pods.json

Labels, annotations, resources and conditions are columns:
  select name, \"labels.app\" from pods where \"ready.status\" = 'False'
  select pod, name, \"requests.cpu\" from containers order by 3 desc nulls last

Output formats:
  table    for people; control characters are escaped, NULL is empty
  json     one array of objects, keyed by column in the order of the columns
  ndjson   an object a line, written as rows come
  csv      RFC 4180 quoting; NULL is empty, an empty text is \"\"; lists and maps are JSON
  yaml     a list of maps
  arrow    an Arrow IPC stream
  parquet  a Parquet file, zstd
Times are RFC 3339 in UTC. Columns of one name get _2, _3 where names are keys.

Exit codes: 0 answered, 1 a statement failed, 2 wrong usage, 3 a source cannot be read";

const SERVE_HELP: &str = "\
Examples:
  kubesql serve                                  the current context's cluster
  kubesql serve --context 'prod-*' --watch pods,nodes
  kubesql serve --demo --pg 127.0.0.1:0          a made-up cluster, on any free port
  kubesql serve --pg off --http 9090             one door only, on another port
  kubesql serve --flight 127.0.0.1:32010         Arrow Flight SQL as well: ADBC, JDBC
and then one of:
  psql -h 127.0.0.1 -c \"select namespace, count(*) from pods group by 1\"
  presto --server localhost:8080 --catalog kubesql --schema kubesql    or trino, with the same words
  curl -s localhost:8080/api/v1/query -H 'Content-Type: application/json' -d '{\"sql\": \"select name from pods\"}'
http://localhost:8080/api/v1/openapi.json describes the REST API.

A kind is listed and watched from the first statement that asks for it, and dropped when nobody has asked for it for
--watch-idle. A statement fails while a cluster or kind that it needs cannot be had, unless --partial is given or the
session says SET kubesql.partial = on. system.clusters, system.watches and system.queries tell how things are.

Users and TLS: without any, it answers on this machine only and asks nobody who they are.
  kubesql user add ada --users users             asks for a password; keeps what cannot be turned back into it
  kubesql token create ci --tokens tokens --expires 30d
  kubesql serve --pg 0.0.0.0:5432 --users users --tokens tokens --tls-cert tls.crt --tls-key tls.key
  PGPASSWORD=... psql \"host=kubesql.example user=ada sslmode=verify-full sslrootcert=ca.crt\"
  psql \"host=kubesql.example user=token ...\"    with a token as the password
  kubesql serve ... --client-ca ca.crt           the common name of a client's certificate is the user
All of these files are read again when they change; a new version that is wrong is told and not taken.

SIGTERM and Ctrl-C let statements that run end, for up to --drain seconds; a second one ends at once.";

const USER_HELP: &str = "\
Examples:
  kubesql user add ada --users users             asks for the password twice
  pass show kubesql/ada | kubesql user add ada --users users
  kubesql user add ada                           prints the line, say for a Secret
  kubesql user remove ada --users users

What is kept is PostgreSQL's verifier for SCRAM-SHA-256: enough to see whether a password is right, and not enough to
know it. The same works for every door. `kubesql serve` takes a changed file within a second.";

const TOKEN_HELP: &str = "\
Examples:
  kubesql token create ci --tokens tokens --expires 30d
  kubesql token revoke ci --tokens tokens

The file has the token's hash, and nobody can print it again. It goes into `Authorization: Bearer ...`; clients that send
a name and a password send the name `token` and the token as the password.";

const DEMO_HELP: &str = "\
Examples:
  kubesql demo --write-kubeconfig demo.yaml     and then: kubectl --kubeconfig demo.yaml get pods -A
  kubesql demo --pods 50000 --nodes 500 --events-per-second 2000

The same seed makes the same cluster. When it is ready, one line on standard output says where it is; it runs until
Ctrl-C. It speaks plain HTTP and is for machines that you trust.";

/// Kubernetes objects as SQL tables.
#[derive(Debug, Parser)]
#[command(name = "kubesql", version, about, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one in a process")]
pub(crate) enum Command {
    /// Answer SQL over files of Kubernetes objects
    #[command(after_help = QUERY_HELP)]
    Query(QueryArgs),
    /// List the tables
    Tables(TablesArgs),
    /// Show the columns of a table; with sources, also those of the keys that their objects have
    Describe(DescribeArgs),
    /// Show how a statement would be answered
    Explain(ExplainArgs),
    /// Follow clusters and answer clients of PostgreSQL, Presto, Trino, HTTP and Arrow Flight SQL
    #[command(after_help = SERVE_HELP)]
    Serve(ServeArgs),
    /// Say who may come in with a password
    #[command(subcommand, after_help = USER_HELP)]
    User(UserCommand),
    /// Say who may come in with a token
    #[command(subcommand, after_help = TOKEN_HELP)]
    Token(TokenCommand),
    /// Ask at a prompt, with completion and history; also what `kubesql` alone does at a terminal
    #[command(after_help = shell::HELP)]
    Shell(Box<ShellArgs>),
    /// Serve a made-up cluster for trials and tests
    #[command(after_help = DEMO_HELP)]
    Demo(DemoArgs),
    /// Print the completions of a shell: `source <(kubesql completions bash)`
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Where objects come from.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Sources")]
pub(crate) struct SourceArgs {
    /// Ask the clusters of these contexts: a name, or a pattern of `*` and `?`; `*` is all of them
    ///
    /// Can be given several times. The context's name is what `cluster` says. Without any source, the current context
    /// is asked; in a pod, its own cluster; where there is neither, a made-up one.
    #[arg(long = "context", value_name = "PATTERN")]
    pub(crate) contexts: Vec<String>,
    /// Look for contexts in this file instead of those that kubectl reads
    ///
    /// Can be given several times.
    #[arg(long = "kubeconfig", value_name = "PATH")]
    pub(crate) kubeconfigs: Vec<PathBuf>,
    /// Ask a made-up cluster, which is started for it
    #[arg(long)]
    pub(crate) demo: bool,
    /// Only these namespaces of clusters, instead of all
    ///
    /// Can be given several times, or with commas.
    #[arg(short = 'n', long = "namespaces", value_name = "NAMESPACE", value_delimiter = ',')]
    pub(crate) namespaces: Vec<String>,
    /// Leave out these namespaces of clusters
    #[arg(long, value_name = "NAMESPACE", value_delimiter = ',')]
    pub(crate) exclude: Vec<String>,
    /// How long it may take until all objects of a statement are there
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub(crate) sync_timeout: u64,
    /// Answer from the clusters that can, and tell in warnings what is missing
    #[arg(long)]
    pub(crate) partial: bool,
    /// A file or folder of objects: manifests, `kubectl get -o json|yaml`; `-` is standard input
    ///
    /// Can be given several times; folders are read with all that is below them. `NAME=PATH` names
    /// the cluster that the objects are of.
    #[arg(long = "file", value_name = "[NAME=]PATH")]
    pub(crate) files: Vec<OsString>,
    /// The cluster's name for sources that do not name theirs
    #[arg(long, value_name = "NAME", default_value = "local")]
    pub(crate) cluster: String,
    /// Give the values of Secrets, which are redacted otherwise
    #[arg(long)]
    pub(crate) show_secrets: bool,
}

/// How answers are written.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Format of the answer
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    pub(crate) format: Format,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "PATH")]
    pub(crate) output_file: Option<PathBuf>,
    /// Leave out the header of csv, and header and footer of tables
    #[arg(long)]
    pub(crate) no_headers: bool,
    /// Show the columns of a `select *` that are NULL in every row, too (tables leave them out)
    #[arg(long)]
    pub(crate) all_columns: bool,
    /// A line a column instead of a line a row; auto: where a table is wider than the terminal
    #[arg(short = 'x', long, value_enum, default_value_t = Expanded::Auto, value_name = "WHEN")]
    pub(crate) expanded: Expanded,
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
    /// The statements, `;` between them; from standard input where neither this nor -f is given
    pub(crate) sql: Option<String>,
    /// Read the statements from a file
    #[arg(short = 'f', long, value_name = "PATH", conflicts_with = "sql")]
    pub(crate) query_file: Option<PathBuf>,
    /// Tell all warnings instead of the first ten
    #[arg(long)]
    pub(crate) warnings: bool,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TablesArgs {
    /// Only tables of such names, of all there are: `*container*`, `networking.k8s.io.*`
    pub(crate) pattern: Option<String>,
    /// All tables: also those of lists deep inside objects
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DescribeArgs {
    /// The table, with its schema where needed: `pods`, `events.k8s.io.events`
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
    /// Run it, and tell what each step took; needs sources
    #[arg(long)]
    pub(crate) analyze: bool,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to answer clients of PostgreSQL; port 0 takes any that is free, `off` answers none
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5432", help_heading = "Doors")]
    pub(crate) pg: Listen,
    /// Where to answer HTTP: Presto, Trino, and the REST API below /api/v1; as --pg
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", help_heading = "Doors")]
    pub(crate) http: Listen,
    /// Where to answer Arrow Flight SQL; as --pg
    #[arg(long, value_name = "ADDRESS", default_value = "off", help_heading = "Doors")]
    pub(crate) flight: Listen,
    /// How many seconds a statement may take, waiting for its turn included; 0 for no limit
    #[arg(long, value_name = "SECONDS", default_value_t = 300, help_heading = "Limits")]
    pub(crate) statement_timeout: u64,
    /// How many statements may run at once; others wait for their turn
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..),
          help_heading = "Limits")]
    pub(crate) statements: u16,
    /// Bytes of objects beyond which no further kind is watched: 512Mi, 4Gi
    #[arg(long, value_name = "BYTES", value_parser = bytes, help_heading = "Limits")]
    pub(crate) memory: Option<u64>,
    /// Watch the objects of these tables from the start, whether anybody asks or not
    #[arg(long, value_name = "TABLE", value_delimiter = ',', help_heading = "Sources")]
    pub(crate) watch: Vec<String>,
    /// Drop a kind that nobody has asked for in so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1800, help_heading = "Sources")]
    pub(crate) watch_idle: u64,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

/// Where a door listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listen {
    /// Nowhere.
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
                "this takes an address and a port (127.0.0.1:8080), a port of this machine (8080), or off".to_owned()
            }),
        }
    }
}

/// Bytes, as Kubernetes writes them.
fn bytes(text: &str) -> Result<u64, String> {
    let bytes = quantity::parse(text).and_then(|quantity| u64::try_from(quantity.base_units()).ok());
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| "this takes a number of bytes, such as 512Mi or 4Gi".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Where to listen; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// How many pods there are
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub(crate) pods: u32,
    /// How many nodes there are
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) nodes: u32,
    /// How many kinds of custom resources there are
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) crds: u32,
    /// About how many objects change in a second
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) events_per_second: u32,
    /// What everything is made from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The Kubernetes release to be
    #[arg(long, value_name = "RELEASE", default_value_t = Release::NEWEST)]
    pub(crate) release: Release,
    /// The bearer token that clients must bring; made from the seed if not given
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// Where to write a kubeconfig; to a temporary file that goes with the cluster if not given
    #[arg(long, value_name = "PATH")]
    pub(crate) write_kubeconfig: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn where_doors_listen() {
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
