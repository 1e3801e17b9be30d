//! Where objects come from: files and clusters. The only room that knows `kube`.

pub mod clusters;
pub mod files;
mod secrets;

pub use clusters::{Context, Live, LiveOptions, Scope};
pub use files::{Files, Kinds, Options};
