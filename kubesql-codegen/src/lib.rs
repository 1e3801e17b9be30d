//! Generates table schemas and flattening code from Kubernetes OpenAPI documents.
//!
//! A pure library: documents in, text out, without file system or network access. `spec` reads documents, `model` derives
//! types and tables, `names` names columns, and `emit` writes Rust.

#[cfg(feature = "emit")]
pub mod emit;
#[cfg(feature = "emit")]
pub mod generate;
pub mod model;
pub mod names;
pub mod spec;

#[cfg(feature = "emit")]
pub use generate::{Inputs, Output, generate};
