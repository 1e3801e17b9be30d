//! Files that only their owner may read, and files that go when nobody needs them any more.

use std::fs::OpenOptions;
use std::path::PathBuf;

/// How such a file is opened, to be said more of: where it is made, nobody else may read it.
pub(crate) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Removes a file, if there is one, when it is dropped.
pub(crate) struct Remove(pub(crate) Option<PathBuf>);

impl Drop for Remove {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // Where it is gone already, all is well.
            _ = std::fs::remove_file(path);
        }
    }
}
