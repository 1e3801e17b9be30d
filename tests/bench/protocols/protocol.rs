//! The protocols that are measured.

/// The protocol of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(super) enum Protocol {
    /// No protocol: the engine in this process.
    #[value(skip)]
    Process,
    Flight,
    /// The HTTP API with Arrow IPC.
    Http,
    Pg,
}
