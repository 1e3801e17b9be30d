//! Where objects come from: files now, clusters later. The only room that will know `kube`.

pub mod files;

pub use files::{Files, Kinds, Options};
