//! What objects come in.
