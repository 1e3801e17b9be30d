//! Parsers of Kubernetes value formats: quantities and times.

pub mod quantity;
pub mod time;

pub use quantity::Quantity;
