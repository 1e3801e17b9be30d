//! The modules of the runtime that are fuzzed, and the fuzz targets. They are included by path, so that DataFusion is not
//! compiled.

#[path = "../../../kubesql-runtime/src/flatten/mod.rs"]
pub mod flatten;
#[path = "../../../kubesql-runtime/src/schema/mod.rs"]
pub mod schema;
#[path = "../../../kubesql-runtime/src/value/mod.rs"]
pub mod value;

/// The reference implementation of the unit tests.
#[path = "../../../kubesql-runtime/src/flatten/tests/oracle.rs"]
pub mod oracle;
/// A type with a field of every shape.
#[path = "../../../kubesql-runtime/src/flatten/tests/sample.rs"]
pub mod sample;

#[path = "../../../kubesql-runtime/src/flatten/tests/fuzz_decode.rs"]
pub mod fuzz_decode;
#[path = "../../../kubesql-runtime/src/value/quantity/fuzz.rs"]
pub mod fuzz_quantity;
