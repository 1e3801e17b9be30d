//! Finds and reads the files of a path.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walkdir::WalkDir;

use super::archives;
use super::extensions::{EXTENSIONS, has_known_extension, is_yaml};
use super::unreadable::unreadable;
use crate::store::SourceError;

/// A file, or bytes in memory.
#[derive(Debug, Clone)]
pub(super) struct Input {
    /// The name in messages.
    pub(super) name: Arc<str>,
    /// Whether the name has a YAML extension.
    pub(super) yaml: bool,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    File { path: Arc<Path>, size: u64 },
    Memory(Arc<Vec<u8>>),
}

impl Input {
    /// An input in memory, such as standard input.
    pub(super) fn in_memory(name: &str, bytes: Vec<u8>) -> Self {
        Self { name: name.into(), yaml: is_yaml(Path::new(name)), content: Content::Memory(Arc::new(bytes)) }
    }

    /// The files in it if it is an archive in memory, else itself.
    fn unpacked(&self) -> Result<Vec<Self>, SourceError> {
        let unpacked = match &self.content {
            Content::Memory(bytes) => archives::unpack_bytes(&self.name, bytes)?,
            Content::File { .. } => None,
        };
        Ok(match unpacked {
            Some(files) => files.into_iter().map(|(name, bytes)| Self::in_memory(&name, bytes)).collect(),
            None => vec![self.clone()],
        })
    }

    /// The length in bytes; for a file, when the folder was read.
    pub(super) fn size(&self) -> u64 {
        match &self.content {
            Content::File { size, .. } => *size,
            Content::Memory(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        }
    }

    /// A reader that starts at byte `at`.
    pub(super) fn open(&self, at: u64) -> Result<Box<dyn Read + '_>, SourceError> {
        match &self.content {
            Content::File { path, .. } => {
                let mut file = File::open(path).map_err(|error| self.unreadable(&error))?;
                file.seek(SeekFrom::Start(at)).map_err(|error| self.unreadable(&error))?;
                Ok(Box::new(file))
            }
            Content::Memory(bytes) => {
                let at = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                Ok(Box::new(&bytes[at..]))
            }
        }
    }

    /// The content from byte `at` to the end.
    pub(super) fn read(&self, at: u64) -> Result<Cow<'_, [u8]>, SourceError> {
        if let Content::Memory(bytes) = &self.content {
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

/// A path argument.
#[derive(Debug, Clone)]
pub(super) enum InputPath {
    /// Standard input or a pipe, which was read when the source was created.
    Memory(Input),
    /// A file, or a folder, which is read for each snapshot.
    Path(PathBuf),
}

impl InputPath {
    /// Checks a path; `-` is standard input. Standard input and pipes are read into memory.
    pub(super) fn new(path: &Path) -> Result<Self, SourceError> {
        if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes).map_err(|error| unreadable("standard input", &error))?;
            return Ok(Self::Memory(Input::in_memory("standard input", bytes)));
        }
        let name = path.display().to_string();
        let found = std::fs::metadata(path).map_err(|error| unreadable(&name, &error))?;
        if found.is_file() || found.is_dir() {
            return Ok(Self::Path(path.to_owned()));
        }
        let bytes = std::fs::read(path).map_err(|error| unreadable(&name, &error))?;
        Ok(Self::Memory(Input::in_memory(&name, bytes)))
    }

    /// The name in messages.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Memory(input) => input.name.to_string(),
            Self::Path(path) => path.display().to_string(),
        }
    }

    /// The files, in the order of their names; at least one.
    pub(super) fn inputs(&self) -> Result<Vec<Input>, SourceError> {
        let path = match self {
            Self::Memory(input) => return input.unpacked(),
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
                // A link to an enclosing folder, which is being read already.
                Err(error) if error.loop_ancestor().is_some() => continue,
                // A dangling link.
                Err(error) if error.path().is_some_and(is_dangling) && error.depth() > 0 => continue,
                Err(error) => {
                    let place = error.path().unwrap_or(path).display().to_string();
                    return Err(match error.io_error() {
                        Some(error) => unreadable(&place, error),
                        None => SourceError::Unreadable { place, message: error.to_string() },
                    });
                }
            };
            let is_chosen = entry.depth() == 0 || has_known_extension(entry.path());
            let may_be_archive = || is_chosen || archives::has_archive_extension(entry.path());
            if entry.file_type().is_file() && may_be_archive() {
                let name = entry.path().display().to_string();
                if let Some(files) = archives::unpack_file(&name, entry.path())? {
                    inputs.extend(files.into_iter().map(|(name, bytes)| Input::in_memory(&name, bytes)));
                    continue;
                }
                if !is_chosen {
                    continue;
                }
                let size = entry.metadata().map_or(0, |found| found.len());
                inputs.push(Input {
                    name: name.into(),
                    yaml: is_yaml(entry.path()),
                    content: Content::File { path: entry.path().into(), size },
                });
            }
        }
        if inputs.is_empty() {
            return Err(SourceError::Unreadable {
                place: self.name(),
                message: format!(
                    "contains no file with the extension .{}, and no archive of such files",
                    EXTENSIONS.join(", .")
                ),
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
