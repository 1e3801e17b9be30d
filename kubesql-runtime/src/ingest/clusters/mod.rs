//! Sources of live clusters: watched and kept in columns, or listed once for each statement.

mod answers;
mod backoff;
mod connection;
mod context;
mod decode;
mod discovery;
mod failure;
mod follower;
mod ingest_runtime;
mod list;
mod one_shot_source;
mod page;
mod request;
mod scope;
mod watch;
mod watch_source;

pub use context::Context;
pub use one_shot_source::{OneShotOptions, OneShotSource};
pub use scope::NamespaceScope;
pub use watch_source::{WatchOptions, WatchSource};
