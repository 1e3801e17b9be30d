//! Objects of live clusters: followed by watches and kept in columns, or listed once for a query.

mod answers;
mod backoff;
mod connection;
mod context;
mod decode;
mod failure;
mod follow;
mod learn;
mod list;
mod live;
mod oneshot;
mod page;
mod request;
mod scope;
mod threads;
mod watch;

pub use context::Context;
pub use live::{Live, LiveOptions};
pub use oneshot::{ListOptions, Lists};
pub use scope::Scope;
