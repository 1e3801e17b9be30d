//! The names of files that have objects.

use std::path::Path;

/// Extensions of the files that are read in a folder.
pub(super) const EXTENSIONS: [&str; 5] = ["json", "ndjson", "jsonl", "yaml", "yml"];

fn extension(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}

/// Whether a file is read in a folder.
pub(super) fn has_known_extension(path: &Path) -> bool {
    extension(path).is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

/// Whether a name has a YAML extension.
pub(super) fn is_yaml(path: &Path) -> bool {
    extension(path).is_some_and(|extension| extension == "yaml" || extension == "yml")
}
