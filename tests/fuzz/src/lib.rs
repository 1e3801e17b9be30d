//! The rooms of the runtime that are fuzzed, without those that need DataFusion.

#[path = "../../../kubesql-runtime/src/flatten/mod.rs"]
pub mod flatten;
#[path = "../../../kubesql-runtime/src/schema/mod.rs"]
pub mod schema;
#[path = "../../../kubesql-runtime/src/value/mod.rs"]
pub mod value;

/// What the unit tests hold columns against.
#[path = "../../../kubesql-runtime/src/flatten/tests/oracle.rs"]
pub mod oracle;
/// A type with a field of every shape.
#[path = "../../../kubesql-runtime/src/flatten/tests/sample.rs"]
pub mod sample;
