//! Errors of files that cannot be read.

use std::io;

use crate::store::SourceError;

/// The error of a file that cannot be read.
pub(super) fn unreadable(place: &str, error: &io::Error) -> SourceError {
    let message = match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    };
    SourceError::Unreadable { place: place.to_owned(), message }
}
