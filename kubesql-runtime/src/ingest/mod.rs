//! The sources of objects: files and clusters. The only module that uses `kube`.

pub mod clusters;
mod definitions;
mod diagnostics;
pub mod files;
mod json_string;
mod secrets;
mod union_source;

pub use clusters::{Context, NamespaceScope, OneShotOptions, OneShotSource, WatchOptions, WatchSource};
pub use files::{FileOptions, FileSource, Kinds};
pub use union_source::UnionSource;
