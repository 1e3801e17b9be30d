//! What can be said of who may come in, and how much they may ask.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::bytes;

/// Who may come in.
#[derive(Debug, Args)]
#[command(next_help_heading = "Users")]
pub(crate) struct AccessArgs {
    /// Users and verifiers of their passwords: a file that `kubesql user add` writes, or a mounted Secret's folder
    ///
    /// Read again when it changes.
    #[arg(long, value_name = "PATH")]
    pub(crate) users: Option<PathBuf>,
    /// Bearer tokens, a file that `kubesql token create` writes
    #[arg(long, value_name = "PATH")]
    pub(crate) tokens: Option<PathBuf>,
    /// Let in who has a certificate of these authorities (PEM); its common name is the user
    #[arg(long, value_name = "PATH", requires = "tls_cert")]
    pub(crate) client_ca: Option<PathBuf>,
    /// The server's certificate and what vouches for it (PEM); turns TLS on
    #[arg(long, value_name = "PATH", requires = "tls_key", help_heading = "TLS")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of the certificate (PEM)
    #[arg(long, value_name = "PATH", requires = "tls_cert", help_heading = "TLS")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Whether clients have to use TLS where there is a certificate
    #[arg(long, value_enum, value_name = "WHETHER", default_value_t = TlsUse::Required, help_heading = "TLS")]
    pub(crate) tls: TlsUse,
    /// Let everybody in who reaches an address that is not of this machine alone, whoever they are
    #[arg(long)]
    pub(crate) allow_anonymous_access_from_the_network: bool,
    /// Let passwords, tokens and answers cross the network for everybody on the way to read
    #[arg(long, help_heading = "TLS")]
    pub(crate) allow_plain_text_on_the_network: bool,
    /// Write a line of JSON for each statement and each refused attempt to come in; `-` is standard error
    #[arg(long, value_name = "PATH")]
    pub(crate) audit_log: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TlsUse {
    /// Who does without is refused
    Required,
    /// Who does without is let in, too
    Optional,
}

/// How much statements may use.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Maximum number of queued statements; further ones are rejected
    #[arg(long, alias = "queue", value_name = "N", default_value_t = 1000)]
    pub(crate) max_queued_statements: usize,
    /// Maximum number of statements of one user running at once; 0 is no limit
    #[arg(long, alias = "statements-per-user", value_name = "N", default_value_t = 0)]
    pub(crate) max_concurrent_per_user: u16,
    /// Maximum number of connections of each protocol
    #[arg(long, alias = "connections", value_name = "N", default_value_t = 500,
          value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) max_connections: u16,
    /// Maximum memory of one statement for sorting, grouping and joining (default: a quarter of the system's memory)
    #[arg(long, alias = "statement-memory", value_name = "BYTES", value_parser = bytes)]
    pub(crate) memory_per_statement: Option<u64>,
    /// Maximum memory of all statements together (default: half of the system's memory)
    #[arg(long, alias = "statements-memory", value_name = "BYTES", value_parser = bytes)]
    pub(crate) memory_total: Option<u64>,
    /// Where statements put what does not fit; the system's folder for temporary files, if not given
    #[arg(long, value_name = "FOLDER")]
    pub(crate) spill_folder: Option<PathBuf>,
    /// Bytes that all statements together may put there
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "10Gi")]
    pub(crate) spill_limit: u64,
    /// How many rows an answer may have; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) max_rows: u64,
    /// How many bytes the values of an answer may have; without, there is no limit
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub(crate) max_bytes: Option<u64>,
    /// After SIGTERM, seconds that running statements may continue; a second signal cancels them
    #[arg(long, alias = "drain", value_name = "SECONDS", default_value_t = 20)]
    pub(crate) drain_timeout: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user, or change their password, which is asked for or read from standard input
    Add {
        /// The user's name
        name: String,
        /// The file or folder to change; without, the line of the file is printed
        #[arg(long, value_name = "PATH")]
        users: Option<PathBuf>,
    },
    /// Remove a user
    Remove {
        /// The user's name
        name: String,
        /// The file or folder to change
        #[arg(long, value_name = "PATH")]
        users: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it, this once; one of the same name ends
    Create {
        /// Whose it is
        name: String,
        /// The file to change; without, the line of the file is printed behind the token
        #[arg(long, value_name = "PATH")]
        tokens: Option<PathBuf>,
        /// When it ends: 30d, 12h, or a time such as 2027-01-31T00:00:00Z; without, never
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
    },
    /// End the token of a name
    Revoke {
        /// Whose it is
        name: String,
        /// The file to change
        #[arg(long, value_name = "PATH")]
        tokens: PathBuf,
    },
}
