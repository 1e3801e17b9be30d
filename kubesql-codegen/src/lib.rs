//! From the Kubernetes OpenAPI documents to table schemas and flattening code.
//!
//! A pure library: documents in, text out; no file system and no network.
//! `spec` reads documents, `model` makes types and tables of them, `names` names the
//! columns, `emit` writes Rust.

#[cfg(feature = "emit")]
pub mod emit;
#[cfg(feature = "emit")]
pub mod generate;
pub mod model;
pub mod names;
pub mod spec;

#[cfg(feature = "emit")]
pub use generate::{Inputs, Output, generate};
