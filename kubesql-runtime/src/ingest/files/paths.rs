//! Which files a path stands for, and their bytes.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walkdir::WalkDir;

use crate::store::SourceError;

/// Endings of the files that are read in a folder.
const ENDINGS: [&str; 5] = ["json", "ndjson", "jsonl", "yaml", "yml"];

/// A file, or bytes that can be read only once and are kept.
#[derive(Debug, Clone)]
pub(super) struct Input {
    /// How messages name it.
    pub(super) name: Arc<str>,
    /// Whether a plain file is bound to be YAML by its name.
    pub(super) yaml: bool,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    File { path: Arc<Path>, size: u64 },
    Memory(Arc<Vec<u8>>),
}

impl Input {
    /// Bytes that are in memory, such as those of standard input.
    pub(super) fn memory(name: &str, bytes: Vec<u8>) -> Self {
        Self { name: name.into(), yaml: is_yaml(Path::new(name)), place: Place::Memory(Arc::new(bytes)) }
    }

    /// Length in bytes; of a file, when it was found.
    pub(super) fn size(&self) -> u64 {
        match &self.place {
            Place::File { size, .. } => *size,
            Place::Memory(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        }
    }

    /// A reader that starts at this byte.
    pub(super) fn open(&self, at: u64) -> Result<Box<dyn Read + '_>, SourceError> {
        match &self.place {
            Place::File { path, .. } => {
                let mut file = File::open(path).map_err(|error| self.unreadable(&error))?;
                file.seek(SeekFrom::Start(at)).map_err(|error| self.unreadable(&error))?;
                Ok(Box::new(file))
            }
            Place::Memory(bytes) => {
                let at = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                Ok(Box::new(&bytes[at..]))
            }
        }
    }

    /// All of it from this byte on.
    pub(super) fn read(&self, at: u64) -> Result<Cow<'_, [u8]>, SourceError> {
        if let Place::Memory(bytes) = &self.place {
            let at = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            return Ok(Cow::Borrowed(&bytes[at..]));
        }
        let expected = usize::try_from(self.size().saturating_sub(at)).unwrap_or_default();
        let mut bytes = Vec::with_capacity(expected + 1);
        self.open(at)?.read_to_end(&mut bytes).map_err(|error| self.unreadable(&error))?;
        Ok(Cow::Owned(bytes))
    }

    pub(super) fn unreadable(&self, error: &io::Error) -> SourceError {
        unreadable(&self.name, error)
    }
}

pub(super) fn unreadable(place: &str, error: &io::Error) -> SourceError {
    let message = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read (permission denied)".to_owned(),
        _ => error.to_string(),
    };
    SourceError::Unreadable { place: place.to_owned(), message }
}

/// What was named: a file that stays as it is, or a folder that is walked at each query.
#[derive(Debug, Clone)]
pub(super) enum Named {
    /// Bytes that were read when the source was made: standard input, pipes.
    Once(Input),
    /// A file or folder.
    Path(PathBuf),
}

impl Named {
    /// Looks at a path, `-` being standard input, and reads what can be read only once.
    pub(super) fn new(path: &Path) -> Result<Self, SourceError> {
        if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes).map_err(|error| unreadable("standard input", &error))?;
            return Ok(Self::Once(Input::memory("standard input", bytes)));
        }
        let name = path.display().to_string();
        let found = std::fs::metadata(path).map_err(|error| unreadable(&name, &error))?;
        if found.is_file() || found.is_dir() {
            return Ok(Self::Path(path.to_owned()));
        }
        let bytes = std::fs::read(path).map_err(|error| unreadable(&name, &error))?;
        Ok(Self::Once(Input::memory(&name, bytes)))
    }

    /// How messages name it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Once(input) => input.name.to_string(),
            Self::Path(path) => path.display().to_string(),
        }
    }

    /// Its files in the order of their names, at least one.
    pub(super) fn inputs(&self) -> Result<Vec<Input>, SourceError> {
        let path = match self {
            Self::Once(input) => return Ok(vec![input.clone()]),
            Self::Path(path) => path,
        };
        let mut inputs = Vec::new();
        let entries = WalkDir::new(path)
            .follow_links(true)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.path()));
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                // A link to a folder that it lies in: that folder is being read already.
                Err(error) if error.loop_ancestor().is_some() => continue,
                // A link to nothing is no file of the folder.
                Err(error) if error.path().is_some_and(is_dangling) && error.depth() > 0 => continue,
                Err(error) => {
                    let place = error.path().unwrap_or(path).display().to_string();
                    return Err(match error.io_error() {
                        Some(error) => unreadable(&place, error),
                        None => SourceError::Unreadable { place, message: error.to_string() },
                    });
                }
            };
            if entry.file_type().is_file() && (entry.depth() == 0 || has_ending(entry.path())) {
                let name = entry.path().display().to_string();
                let size = entry.metadata().map_or(0, |found| found.len());
                inputs.push(Input {
                    name: name.into(),
                    yaml: is_yaml(entry.path()),
                    place: Place::File { path: entry.path().into(), size },
                });
            }
        }
        if inputs.is_empty() {
            return Err(SourceError::Unreadable {
                place: self.name(),
                message: format!("no file in it ends in .{}", ENDINGS.join(", .")),
            });
        }
        Ok(inputs)
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn is_dangling(path: &Path) -> bool {
    path.is_symlink() && !path.exists()
}

fn ending(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}

fn has_ending(path: &Path) -> bool {
    ending(path).is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

fn is_yaml(path: &Path) -> bool {
    ending(path).is_some_and(|ending| ending == "yaml" || ending == "yml")
}
