//! What is read of files, and read again when they change: a new version that is wrong is told, and the old one stays.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::{Mutex, RwLock};

/// How often files are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What is read of some files.
pub(crate) struct Reloaded<T> {
    paths: Vec<PathBuf>,
    read: fn(&[PathBuf]) -> Result<T, String>,
    current: RwLock<Arc<T>>,
    seen: Mutex<Vec<Stamp>>,
}

/// What tells a file from what it was before.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    path: PathBuf,
    changed: Option<SystemTime>,
    bytes: u64,
    number: u64,
}

/// Looks whether files have changed.
pub(crate) trait Look: Send + Sync {
    /// Reads them again if they have, or whether they have or not.
    fn look(&self, anyway: bool);
}

impl<T> Reloaded<T> {
    /// Reads the files for the first time.
    pub(crate) fn new(paths: Vec<PathBuf>, read: fn(&[PathBuf]) -> Result<T, String>) -> Result<Arc<Self>, String> {
        let seen = Mutex::new(stamps(&paths));
        let current = RwLock::new(Arc::new(read(&paths)?));
        Ok(Arc::new(Self { paths, read, current, seen }))
    }

    /// The version that holds.
    pub(crate) fn get(&self) -> Arc<T> {
        Arc::clone(&self.current.read())
    }

    fn again(&self, anyway: bool) -> Option<Result<(), String>> {
        let now = stamps(&self.paths);
        {
            let mut seen = self.seen.lock();
            if *seen == now && !anyway {
                return None;
            }
            *seen = now;
        }
        Some((self.read)(&self.paths).map(|new| *self.current.write() = Arc::new(new)))
    }
}

impl<T: Send + Sync> Look for Reloaded<T> {
    fn look(&self, anyway: bool) {
        if let Some(Err(error)) = self.again(anyway) {
            _ = writeln!(io::stderr().lock(), "warning: {error}; what was read before stays in force");
        }
    }
}

/// Looks at files again and again, and at once when the process is told to (SIGHUP); does not end.
pub(crate) async fn follow(files: Vec<Arc<dyn Look>>) {
    let mut told = told();
    let mut pace = tokio::time::interval(EVERY);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let anyway = tokio::select! {
            _ = pace.tick() => false,
            () = next(&mut told) => true,
        };
        let files = files.clone();
        // Files may be on a slow disk, and to check a user takes a moment.
        _ = tokio::task::spawn_blocking(move || files.iter().for_each(|file| file.look(anyway))).await;
    }
}

#[cfg(unix)]
type Told = Option<tokio::signal::unix::Signal>;
#[cfg(not(unix))]
type Told = ();

#[cfg(unix)]
fn told() -> Told {
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok()
}

#[cfg(not(unix))]
fn told() -> Told {}

#[cfg(unix)]
async fn next(told: &mut Told) {
    if let Some(signal) = told
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending().await
}

#[cfg(not(unix))]
async fn next((): &mut Told) {
    std::future::pending().await
}

/// Those of files, and of all files in folders.
fn stamps(paths: &[PathBuf]) -> Vec<Stamp> {
    let mut stamps = Vec::new();
    for path in paths {
        stamps.push(stamp(path));
        let files = fs::read_dir(path).into_iter().flatten().flatten();
        let mut files: Vec<Stamp> = files.map(|file| stamp(&file.path())).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        stamps.append(&mut files);
    }
    stamps
}

/// Of what a link leads to: a mounted Secret changes by links that lead elsewhere.
fn stamp(path: &Path) -> Stamp {
    let found = fs::metadata(path).ok();
    Stamp {
        path: path.to_owned(),
        changed: found.as_ref().and_then(|found| found.modified().ok()),
        bytes: found.as_ref().map_or(0, fs::Metadata::len),
        number: found.as_ref().map_or(0, number),
    }
}

#[cfg(unix)]
fn number(of: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(of)
}

#[cfg(not(unix))]
fn number(_: &fs::Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_version_holds_if_it_is_right() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("number");
        let read = |paths: &[PathBuf]| {
            let text = fs::read_to_string(&paths[0]).map_err(|error| error.to_string())?;
            text.parse::<u32>().map_err(|error| error.to_string())
        };
        assert!(Reloaded::new(vec![path.clone()], read).is_err());
        fs::write(&path, "1").expect("a file");
        let number = Reloaded::new(vec![path.clone()], read).expect("a number");
        assert_eq!(number.again(false), None);
        assert_eq!(number.again(true), Some(Ok(())));
        fs::write(&path, "one").expect("a file");
        assert!(number.again(false).is_some_and(|outcome| outcome.is_err()));
        assert_eq!(*number.get(), 1, "the old one stays");
        assert_eq!(number.again(false), None, "it is told once");
        fs::write(&path, "22").expect("a file");
        assert_eq!(number.again(false), Some(Ok(())));
        assert_eq!(*number.get(), 22);
        fs::remove_file(&path).expect("removed");
        assert!(number.again(false).is_some_and(|outcome| outcome.is_err()));
        assert_eq!(*number.get(), 22);
    }
}
