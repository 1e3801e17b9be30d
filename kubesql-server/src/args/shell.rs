//! The command line of the shell.

use std::path::PathBuf;

use clap::Args;

use super::{Expanded, Format, SourceArgs, bytes};

pub(super) const HELP: &str = "\
Examples:
  kubesql                                    the current context's cluster
  kubesql shell --context 'prod-*'           several clusters
  kubesql shell --server http://127.0.0.1:8080
  echo 'select count(*) from pods;' | kubesql shell -o csv
  kubesql shell --demo -c '\\dt' -c 'select * from nodes limit 3'

At the prompt:
  select name, phase from pods where namespace = 'default';      statements end with a semicolon
  \\d pods      the columns of a table       \\dt *container*      tables by a pattern
  \\x           a line a column              \\watch 5            run the statement again and again
  \\o FILE      answers to a file            \\e                  edit the statement in $EDITOR
  \\?           all commands                 \\q or Ctrl-D        leave
Tab completes tables, columns, label keys, functions and commands; Ctrl-R searches the history; Ctrl-C stops a
statement and not the shell. Clusters are followed: what was asked for once is answered in milliseconds from then on.

Files:
  ~/.config/kubesql/shellrc        statements and commands that a shell at a terminal begins with
  ~/.local/state/kubesql/history   what was typed; KUBESQL_HISTORY names another file, or none if it is empty
Environment: PAGER (less -SRFX), VISUAL or EDITOR (vi), NO_COLOR, KUBESQL_PASSWORD, KUBESQL_TOKEN

From a pipe, or with -c or -f, there is no prompt; it goes on after a failure (\\set ON_ERROR_STOP on ends it),
and the exit code is that of the first: 1 a statement failed, 2 wrong usage, 3 a source cannot be read";

#[derive(Debug, Clone, Args)]
pub(crate) struct ShellArgs {
    /// Run this statement or command (`\dt`) and leave; can be given several times
    #[arg(short = 'c', long = "command", value_name = "SQL")]
    pub(crate) commands: Vec<String>,
    /// Run the statements and commands of a file and leave; can be given several times
    #[arg(short = 'f', long = "query-file", value_name = "PATH")]
    pub(crate) scripts: Vec<String>,
    /// Format of answers
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    pub(crate) format: Format,
    /// A line a column instead of a line a row; auto: where a table is wider than the terminal
    #[arg(short = 'x', long, value_enum, default_value_t = Expanded::Auto, value_name = "WHEN")]
    pub(crate) expanded: Expanded,
    /// Do not run the start file
    #[arg(short = 'X', long)]
    pub(crate) no_start_file: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Bytes of objects beyond which no further kind is watched: 512Mi, 4Gi
    #[arg(long, value_name = "BYTES", value_parser = bytes, help_heading = "Sources")]
    pub(crate) memory: Option<u64>,
    /// Drop a kind that no statement has asked for in so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1800, help_heading = "Sources")]
    pub(crate) watch_idle: u64,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

/// A server to ask, and who asks.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// Ask a running `kubesql serve` instead of clusters: http://127.0.0.1:8080
    #[arg(long, value_name = "URL", conflicts_with_all = ["contexts", "kubeconfigs", "demo", "files"])]
    pub(crate) server: Option<String>,
    /// Who asks; the password is asked for at a terminal, or taken from KUBESQL_PASSWORD
    #[arg(long, value_name = "NAME", requires = "server")]
    pub(crate) user: Option<String>,
    /// The certificates that the server's must be signed by, in PEM, instead of those that the system trusts
    #[arg(long, value_name = "PATH", requires = "server")]
    pub(crate) ca: Option<PathBuf>,
    // Not options: whoever lists processes would read them.
    #[arg(skip = std::env::var("KUBESQL_PASSWORD").ok())]
    pub(crate) password: Option<String>,
    #[arg(skip = std::env::var("KUBESQL_TOKEN").ok())]
    pub(crate) token: Option<String>,
}
