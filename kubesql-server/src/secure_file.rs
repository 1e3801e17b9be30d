//! Files that only their owner can read, and files that are removed when they are no longer needed.

use std::fs::OpenOptions;
use std::path::PathBuf;

/// Options for a file that is created readable and writable by its owner alone (mode 0600 on Unix).
pub(crate) fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Removes a file, if there is one, when it is dropped.
pub(crate) struct RemoveOnDrop(pub(crate) Option<PathBuf>);

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // The file may have been removed already.
            _ = std::fs::remove_file(path);
        }
    }
}
