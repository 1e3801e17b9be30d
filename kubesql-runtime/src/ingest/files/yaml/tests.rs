//! YAML against the JSON that kubectl would make of it.
