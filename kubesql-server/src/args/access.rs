//! The options of access and limits, and of the commands that manage credentials.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::bytes;

/// Authentication and TLS.
#[derive(Debug, Args)]
#[command(next_help_heading = "Users")]
pub(crate) struct AccessArgs {
    /// Users with password verifiers: a file of `kubesql user add`, or the folder of a mounted Secret
    ///
    /// It is reloaded when it changes.
    #[arg(long, value_name = "PATH")]
    pub(crate) users: Option<PathBuf>,
    /// Bearer tokens: a file of `kubesql token create`
    #[arg(long, value_name = "PATH")]
    pub(crate) tokens: Option<PathBuf>,
    /// Accept clients with a certificate signed by these authorities (PEM); the common name is the user
    #[arg(long, value_name = "PATH", requires = "tls_cert")]
    pub(crate) client_ca: Option<PathBuf>,
    /// The server's certificate chain (PEM); enables TLS
    #[arg(long, value_name = "PATH", requires = "tls_key", help_heading = "TLS")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of the certificate (PEM)
    #[arg(long, value_name = "PATH", requires = "tls_cert", help_heading = "TLS")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Whether clients have to use TLS, if it is enabled
    #[arg(long, value_enum, value_name = "WHETHER", default_value_t = TlsUse::Required, help_heading = "TLS")]
    pub(crate) tls: TlsUse,
    /// Allow listening on network addresses without authentication
    #[arg(long)]
    pub(crate) allow_anonymous_access_from_the_network: bool,
    /// Allow authentication and answers without TLS on network addresses
    #[arg(long, help_heading = "TLS")]
    pub(crate) allow_plain_text_on_the_network: bool,
    /// Write a line of JSON for each statement and each failed authentication; `-` is standard error
    #[arg(long, value_name = "PATH")]
    pub(crate) audit_log: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TlsUse {
    /// Reject clients without TLS
    Required,
    /// Also accept clients without TLS
    Optional,
}

/// Limits of statements and connections.
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
    /// Folder for data that exceeds the memory of a statement (default: the system's temporary folder)
    #[arg(long, value_name = "FOLDER")]
    pub(crate) spill_folder: Option<PathBuf>,
    /// Maximum size of the data in that folder
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "10Gi")]
    pub(crate) spill_limit: u64,
    /// Maximum number of rows of an answer; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) max_rows: u64,
    /// Maximum size of the values of an answer (default: no limit)
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub(crate) max_bytes: Option<u64>,
    /// After SIGTERM, seconds that running statements may continue; a second signal cancels them
    #[arg(long, alias = "drain", value_name = "SECONDS", default_value_t = 20)]
    pub(crate) drain_timeout: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user or change a password, which is asked for or read from standard input
    Add {
        /// The name of the user
        name: String,
        /// The file or folder to change (default: print the line for the file)
        #[arg(long, value_name = "PATH")]
        users: Option<PathBuf>,
    },
    /// Remove a user
    Remove {
        /// The name of the user
        name: String,
        /// The file or folder to change
        #[arg(long, value_name = "PATH")]
        users: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Create a token and print it once; replaces any token of the same name
    Create {
        /// The name of its owner
        name: String,
        /// The file to change (default: print the line for the file after the token)
        #[arg(long, value_name = "PATH")]
        tokens: Option<PathBuf>,
        /// When it expires: 30d, 12h, or a time such as 2027-01-31T00:00:00Z (default: never)
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
    },
    /// Revoke the token of a name
    Revoke {
        /// The name of its owner
        name: String,
        /// The file to change
        #[arg(long, value_name = "PATH")]
        tokens: PathBuf,
    },
}
