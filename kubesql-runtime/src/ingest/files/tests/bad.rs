//! Input that is broken.
