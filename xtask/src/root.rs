//! The root of the repository.

use std::path::{Path, PathBuf};

/// The root of the repository: the parent of this crate.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}
