//! The command line of the shell.

use std::path::PathBuf;

use clap::Args;

use super::{Expanded, Format, SourceArgs, bytes};

pub(super) const HELP: &str = "\
Examples:
  kubesql                                    the current context
  kubesql shell --context 'prod-*'           several clusters
  kubesql shell --server http://127.0.0.1:8080
  echo 'select count(*) from pods;' | kubesql shell -o csv
  kubesql shell --demo -c '\\dt' -c 'select * from nodes limit 3'

At the prompt:
  select name, phase from pods where namespace = 'default';      statements end with a semicolon
  \\d pods      columns of a table           \\dt *container*      tables that match a pattern
  \\x           expanded output              \\watch 5            repeat the statement
  \\o FILE      write results to a file      \\e                  edit the statement in $EDITOR
  \\?           all commands                 \\q or Ctrl-D        quit
Tab completes tables, columns, label keys, functions and commands; Ctrl-R searches the history; Ctrl-C cancels a \
statement and keeps the shell running. Clusters are watched: after its first use, a kind is answered from memory.

Files:
  ~/.config/kubesql/shellrc        statements and commands that an interactive shell runs at start
  ~/.local/state/kubesql/history   the history; KUBESQL_HISTORY sets another file, or none if empty
Environment: PAGER (less -SRFX), VISUAL or EDITOR (vi), NO_COLOR, KUBESQL_PASSWORD, KUBESQL_TOKEN

With -c, -f or input from a pipe there is no prompt. A script continues after an error (unless \\set ON_ERROR_STOP on), \
and its exit code is that of the first error: 1 a statement failed, 2 invalid usage, 3 a source cannot be read";

#[derive(Debug, Clone, Args)]
pub(crate) struct ShellArgs {
    /// Run this statement or command (`\dt`) and exit; can be given several times
    #[arg(short = 'c', long = "command", value_name = "SQL")]
    pub(crate) commands: Vec<String>,
    /// Run the statements and commands of a file and exit; can be given several times
    #[arg(short = 'f', long = "query-file", value_name = "PATH")]
    pub(crate) scripts: Vec<String>,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    pub(crate) format: Format,
    /// Expanded output: one line per column; auto: if a table is wider than the terminal
    #[arg(short = 'x', long, value_enum, default_value_t = Expanded::Auto, value_name = "WHEN")]
    pub(crate) expanded: Expanded,
    /// Do not run the start file
    #[arg(short = 'X', long)]
    pub(crate) no_start_file: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Do not watch further kinds when the watched objects take this many bytes: 512Mi, 4Gi
    #[arg(long, alias = "memory", value_name = "BYTES", value_parser = bytes, help_heading = "Sources")]
    pub(crate) watch_memory: Option<u64>,
    /// Stop watching a kind after this many seconds without statements
    #[arg(long, value_name = "SECONDS", default_value_t = 1800, help_heading = "Sources")]
    pub(crate) watch_idle: u64,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

/// A running server to connect to, and the credentials for it.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// Connect to a running `kubesql serve` instead of clusters: http://127.0.0.1:8080
    #[arg(long, value_name = "URL", conflicts_with_all = ["contexts", "kubeconfigs", "demo", "files"])]
    pub(crate) server: Option<String>,
    /// User name; the password is taken from KUBESQL_PASSWORD, or prompted for at a terminal
    #[arg(long, value_name = "NAME", requires = "server")]
    pub(crate) user: Option<String>,
    /// CA certificates (PEM) for the server's certificate, instead of the system's
    #[arg(long, value_name = "PATH", requires = "server")]
    pub(crate) ca: Option<PathBuf>,
    // Secrets are no options: process lists show command lines.
    #[arg(skip = std::env::var("KUBESQL_PASSWORD").ok())]
    pub(crate) password: Option<String>,
    #[arg(skip = std::env::var("KUBESQL_TOKEN").ok())]
    pub(crate) token: Option<String>,
}
