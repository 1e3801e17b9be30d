//! From the Kubernetes OpenAPI documents to table schemas and flattening code.
//!
//! A pure library: documents in, text out; no file system and no network.
//! `spec` reads documents, `model` makes types and tables of them, `names` names the
//! columns, `emit` writes Rust.

#[cfg(feature = "emit")]
pub mod emit;
pub mod model;
pub mod names;
pub mod spec;

