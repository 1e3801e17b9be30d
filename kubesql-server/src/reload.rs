//! Values that are read from files, and read again when the files change. An invalid new version is reported, and the
//! previous one stays active.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::{Mutex, RwLock};

/// How often files are checked for changes.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A value that is read from some files.
pub(crate) struct Reloaded<T> {
    paths: Vec<PathBuf>,
    read: fn(&[PathBuf]) -> Result<T, String>,
    current: RwLock<Arc<T>>,
    stamps: Mutex<Vec<FileStamp>>,
}

/// A file differs from its previous version if its stamp does.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileStamp {
    path: PathBuf,
    modified: Option<SystemTime>,
    bytes: u64,
    inode: u64,
}

/// A [`Reloaded`] of any type.
pub(crate) trait Reload: Send + Sync {
    /// Reads the files again if they have changed, or if `force` is set.
    fn reload(&self, force: bool);
}

impl<T> Reloaded<T> {
    /// Reads the files for the first time.
    pub(crate) fn new(paths: Vec<PathBuf>, read: fn(&[PathBuf]) -> Result<T, String>) -> Result<Arc<Self>, String> {
        let stamps = Mutex::new(stamps(&paths));
        let current = RwLock::new(Arc::new(read(&paths)?));
        Ok(Arc::new(Self { paths, read, current, stamps }))
    }

    /// The active version.
    pub(crate) fn get(&self) -> Arc<T> {
        Arc::clone(&self.current.read())
    }

    /// `None` if the files have not changed.
    fn try_reload(&self, force: bool) -> Option<Result<(), String>> {
        let now = stamps(&self.paths);
        {
            let mut stamps = self.stamps.lock();
            if *stamps == now && !force {
                return None;
            }
            *stamps = now;
        }
        Some((self.read)(&self.paths).map(|new| *self.current.write() = Arc::new(new)))
    }
}

impl<T: Send + Sync> Reload for Reloaded<T> {
    fn reload(&self, force: bool) {
        if let Some(Err(error)) = self.try_reload(force) {
            _ = writeln!(io::stderr().lock(), "warning: {error}; the previous version stays active");
        }
    }
}

/// Reloads values when their files change, and all of them on SIGHUP. Never completes.
pub(crate) async fn follow(values: Vec<Arc<dyn Reload>>) {
    let mut hangup = hangup_signal();
    let mut interval = tokio::time::interval(POLL_INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let force = tokio::select! {
            _ = interval.tick() => false,
            () = next_hangup(&mut hangup) => true,
        };
        let values = values.clone();
        // Files may be on a slow disk, and checking a password verifier takes milliseconds.
        _ = tokio::task::spawn_blocking(move || values.iter().for_each(|value| value.reload(force))).await;
    }
}

#[cfg(unix)]
type Hangup = Option<tokio::signal::unix::Signal>;
#[cfg(not(unix))]
type Hangup = ();

#[cfg(unix)]
fn hangup_signal() -> Hangup {
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok()
}

#[cfg(not(unix))]
fn hangup_signal() -> Hangup {}

#[cfg(unix)]
async fn next_hangup(hangup: &mut Hangup) {
    if let Some(signal) = hangup
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending().await
}

#[cfg(not(unix))]
async fn next_hangup((): &mut Hangup) {
    std::future::pending().await
}

/// The stamps of all paths, and of the files in those that are folders.
fn stamps(paths: &[PathBuf]) -> Vec<FileStamp> {
    let mut stamps = Vec::new();
    for path in paths {
        stamps.push(stamp(path));
        let files = fs::read_dir(path).into_iter().flatten().flatten();
        let mut files: Vec<FileStamp> = files.map(|file| stamp(&file.path())).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        stamps.append(&mut files);
    }
    stamps
}

/// Follows links: a mounted Secret is updated by changing the target of a link.
fn stamp(path: &Path) -> FileStamp {
    let found = fs::metadata(path).ok();
    FileStamp {
        path: path.to_owned(),
        modified: found.as_ref().and_then(|found| found.modified().ok()),
        bytes: found.as_ref().map_or(0, fs::Metadata::len),
        inode: found.as_ref().map_or(0, inode),
    }
}

#[cfg(unix)]
fn inode(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_versions_replace_the_previous_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("number");
        let read = |paths: &[PathBuf]| {
            let text = fs::read_to_string(&paths[0]).map_err(|error| error.to_string())?;
            text.parse::<u32>().map_err(|error| error.to_string())
        };
        assert!(Reloaded::new(vec![path.clone()], read).is_err());
        fs::write(&path, "1").expect("a file");
        let number = Reloaded::new(vec![path.clone()], read).expect("a number");
        assert_eq!(number.try_reload(false), None);
        assert_eq!(number.try_reload(true), Some(Ok(())));
        fs::write(&path, "one").expect("a file");
        assert!(number.try_reload(false).is_some_and(|outcome| outcome.is_err()));
        assert_eq!(*number.get(), 1, "the previous version stays");
        assert_eq!(number.try_reload(false), None, "the error is reported once");
        fs::write(&path, "22").expect("a file");
        assert_eq!(number.try_reload(false), Some(Ok(())));
        assert_eq!(*number.get(), 22);
        fs::remove_file(&path).expect("removed");
        assert!(number.try_reload(false).is_some_and(|outcome| outcome.is_err()));
        assert_eq!(*number.get(), 22);
    }
}
