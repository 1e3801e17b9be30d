//! Compressed files and archives, which are read as if their files were in a folder.
//!
//! Nothing is written to disk. What a small file can expand to is limited.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::path::Path;
use std::rc::Rc;

use flate2::read::MultiGzDecoder;

use super::extensions::has_known_extension;
use super::unreadable::unreadable;
use crate::store::SourceError;

/// The maximal bytes that a file may decompress to, in total, whatever its size.
const MAX_BYTES: u64 = 4 << 30;

/// The maximal ratio of decompressed to compressed bytes, above [`MIN_BYTES`]. Objects of Kubernetes have 10 to 40.
const MAX_RATIO: u64 = 100;

/// Bytes that any file may decompress to.
const MIN_BYTES: u64 = 256 << 20;

/// The maximal number of files and folders in an archive, including the archives in it.
const MAX_ENTRIES: u64 = 1_000_000;

/// The maximal number of archives and compressions around a file. `a.tar.gz` has two.
const MAX_DEPTH: usize = 6;

/// Bytes at the start of a file that tell its format.
const HEAD: usize = 512;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Gzip,
    Zstd,
    Tar,
    Zip,
    /// A format that is not read, with its name.
    Other(&'static str),
}

/// The format of a file that starts with these bytes; `None` for text.
fn detect(head: &[u8]) -> Option<Format> {
    Some(match head {
        [0x1F, 0x8B, ..] => Format::Gzip,
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Format::Zstd,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Format::Zip,
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Format::Other("bzip2"),
        [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => Format::Other("xz"),
        [b'7', b'z', 0xBC, 0xAF, ..] => Format::Other("7-Zip"),
        [0x04, 0x22, 0x4D, 0x18, ..] => Format::Other("LZ4"),
        _ if head.get(257..262) == Some(b"ustar") => Format::Tar,
        _ => return None,
    })
}

/// Whether a file is to be unpacked for what is in it, by its name.
pub(super) fn has_archive_extension(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let is_archive = |name: &str| [".tar", ".tgz", ".tzst", ".zip"].iter().any(|extension| name.ends_with(extension));
    match name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")) {
        // Compressed logs are not read.
        Some(inner) => is_archive(inner) || has_known_extension(Path::new(inner)) || !inner.contains('.'),
        None => is_archive(&name),
    }
}

/// A file of an archive: its name with the names of the archives around it, and its content.
type Found = Vec<(String, Vec<u8>)>;

/// Unpacks a file if its content is compressed or an archive; `None` if it is not.
pub(super) fn unpack_file(name: &str, path: &Path) -> Result<Option<Found>, SourceError> {
    let mut file = File::open(path).map_err(|error| unreadable(name, &error))?;
    let mut head = Vec::with_capacity(HEAD);
    let limit = u64::try_from(HEAD).unwrap_or_default();
    (&mut file).take(limit).read_to_end(&mut head).map_err(|error| unreadable(name, &error))?;
    if detect(&head).is_none() {
        return Ok(None);
    }
    let size = file.metadata().map_or(0, |found| found.len());
    file.rewind().map_err(|error| unreadable(name, &error))?;
    Unpacker::new(size).run(name, file).map(Some)
}

/// Unpacks bytes if they are compressed or an archive; `None` if they are not.
pub(super) fn unpack_bytes(name: &str, bytes: &[u8]) -> Result<Option<Found>, SourceError> {
    if detect(bytes).is_none() {
        return Ok(None);
    }
    Unpacker::new(u64::try_from(bytes.len()).unwrap_or(u64::MAX)).run(name, Cursor::new(bytes)).map(Some)
}

/// Why unpacking failed: the file within the archive, and the cause.
struct Failure {
    place: String,
    error: io::Error,
}

struct Unpacker {
    /// Bytes that may still be decompressed.
    decompressed: Rc<Cell<u64>>,
    /// Bytes of files that may still be kept.
    kept: Rc<Cell<u64>>,
    entries: u64,
    limit: u64,
    found: Found,
}

impl Unpacker {
    /// An unpacker of a file of this size.
    fn new(size: u64) -> Self {
        let limit = size.saturating_mul(MAX_RATIO).clamp(MIN_BYTES, MAX_BYTES);
        let budget = || Rc::new(Cell::new(limit));
        Self { decompressed: budget(), kept: budget(), entries: 0, limit, found: Vec::new() }
    }

    fn run(mut self, name: &str, reader: impl Read) -> Result<Found, SourceError> {
        self.unpack(name.to_owned(), Box::new(reader), 0, true).map_err(|Failure { place, error }| {
            let message = match error.kind() {
                io::ErrorKind::UnexpectedEof => "is truncated".to_owned(),
                _ => error.to_string(),
            };
            SourceError::Unreadable { place, message }
        })?;
        self.found.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(self.found)
    }

    /// Unpacks a file. Without `wanted`, a file that is not an archive is left out.
    fn unpack<'r>(
        &mut self,
        name: String,
        mut reader: Box<dyn Read + 'r>,
        depth: usize,
        wanted: bool,
    ) -> Result<(), Failure> {
        let mut head = Vec::with_capacity(HEAD);
        let limit = u64::try_from(HEAD).unwrap_or_default();
        if let Err(error) = (&mut reader).take(limit).read_to_end(&mut head) {
            return Err(Failure { place: name, error });
        }
        let format = detect(&head);
        let reader: Box<dyn Read + 'r> = Box::new(Cursor::new(head).chain(reader));
        let fail = |message: String| Err(Failure { place: name.clone(), error: io::Error::other(message) });
        let Some(format) = format else {
            return if wanted { self.keep(name, reader) } else { Ok(()) };
        };
        if depth == MAX_DEPTH {
            return fail(format!("has more than {MAX_DEPTH} archives inside each other"));
        }
        match format {
            Format::Gzip => {
                let inner = without_compression(&name);
                let reader = self.limited(MultiGzDecoder::new(reader), &self.decompressed);
                self.unpack(inner, reader, depth + 1, wanted)
            }
            Format::Zstd => match zstd::stream::read::Decoder::new(reader) {
                Ok(decoder) => {
                    let inner = without_compression(&name);
                    let reader = self.limited(decoder, &self.decompressed);
                    self.unpack(inner, reader, depth + 1, wanted)
                }
                Err(error) => Err(Failure { place: name, error }),
            },
            Format::Tar => self.unpack_tar(&name, reader, depth),
            Format::Zip => self.unpack_zip(&name, reader, depth),
            Format::Other(format) => fail(format!("{format} files are not supported; unpack it first")),
        }
    }

    fn unpack_tar(&mut self, name: &str, reader: impl Read, depth: usize) -> Result<(), Failure> {
        let fail = |error: io::Error| Failure { place: name.to_owned(), error };
        let mut archive = tar::Archive::new(reader);
        for entry in archive.entries().map_err(fail)? {
            let entry = entry.map_err(fail)?;
            self.count_entry(name)?;
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            if entry.header().entry_type().is_file() && is_wanted(&path) {
                self.unpack(inner_name(name, &path), Box::new(entry), depth + 1, is_read(&path))?;
            }
        }
        Ok(())
    }

    fn unpack_zip<'r>(&mut self, name: &str, reader: Box<dyn Read + 'r>, depth: usize) -> Result<(), Failure> {
        let fail = |error: io::Error| Failure { place: name.to_owned(), error };
        let mut bytes = Vec::new();
        self.limited(reader, &self.kept).read_to_end(&mut bytes).map_err(fail)?;
        let bad = |error: zip::result::ZipError| match error {
            zip::result::ZipError::Io(error) => fail(error),
            error => fail(io::Error::other(error.to_string())),
        };
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(bad)?;
        for number in 0..archive.len() {
            self.count_entry(name)?;
            // Only the names of files that are read matter: others may be encrypted or in another format.
            let raw = archive.by_index_raw(number).map_err(bad)?;
            let path = raw.name().map_err(bad)?.into_owned();
            drop(raw);
            if path.ends_with('/') || !is_wanted(&path) {
                continue;
            }
            let file = archive.by_index(number).map_err(bad)?;
            let reader = self.limited(file, &self.decompressed);
            self.unpack(inner_name(name, &path), reader, depth + 1, is_read(&path))?;
        }
        Ok(())
    }

    fn count_entry(&mut self, name: &str) -> Result<(), Failure> {
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            let error = io::Error::other(format!("has more than {MAX_ENTRIES} files"));
            return Err(Failure { place: name.to_owned(), error });
        }
        Ok(())
    }

    fn keep<'r>(&mut self, name: String, reader: Box<dyn Read + 'r>) -> Result<(), Failure> {
        let mut bytes = Vec::new();
        match self.limited(reader, &self.kept).read_to_end(&mut bytes) {
            Ok(_) => {
                self.found.push((name, bytes));
                Ok(())
            }
            Err(error) => Err(Failure { place: name, error }),
        }
    }

    fn limited<'r>(&self, reader: impl Read + 'r, left: &Rc<Cell<u64>>) -> Box<dyn Read + 'r> {
        Box::new(Limited { reader, left: Rc::clone(left), limit: self.limit })
    }
}

/// A reader that fails after a number of bytes, which several readers share.
struct Limited<R> {
    reader: R,
    left: Rc<Cell<u64>>,
    limit: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        match self.left.get().checked_sub(u64::try_from(read).unwrap_or(u64::MAX)) {
            Some(left) => {
                self.left.set(left);
                Ok(read)
            }
            None => Err(io::Error::other(format!(
                "decompresses to more than {} MiB, which is not plausible for its size; unpack it first",
                self.limit >> 20
            ))),
        }
    }
}

/// Whether a file of an archive is read, or unpacked. Hidden files are not.
fn is_wanted(path: &str) -> bool {
    let hidden = path.split('/').any(|part| part.starts_with('.') && part != "." && part != "..");
    !hidden && (has_known_extension(Path::new(path)) || has_archive_extension(Path::new(path)))
}

/// Whether a file of an archive is read even if it is not an archive itself.
fn is_read(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    has_known_extension(Path::new(path)) || lower.ends_with(".gz") || lower.ends_with(".zst")
}

fn inner_name(archive: &str, path: &str) -> String {
    format!("{archive}/{}", path.trim_start_matches("./").trim_start_matches('/'))
}

/// The name of what is in a compressed file.
fn without_compression(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let cut = [".gz", ".zst"].iter().find(|extension| lower.ends_with(**extension)).map_or(0, |found| found.len());
    name[..name.len() - cut].to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::has_archive_extension;

    #[test]
    fn archives_are_known_by_their_names() {
        for (name, expected) in [
            ("a.tgz", true),
            ("a.TAR.GZ", true),
            ("a.json.gz", true),
            ("a.yaml.zst", true),
            ("dump.gz", true),
            ("a.zip", true),
            ("current.log.gz", false),
            ("a.json", false),
            ("a", false),
        ] {
            assert_eq!(has_archive_extension(Path::new(name)), expected, "{name}");
        }
    }
}
