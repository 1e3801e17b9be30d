//! Where objects come from: files and clusters. The only room that knows `kube`.

pub mod clusters;
mod definitions;
pub mod files;
mod secrets;
mod several;

pub use clusters::{Context, ListOptions, Lists, Live, LiveOptions, Scope};
pub use files::{Files, Kinds, Options};
pub use several::Several;
