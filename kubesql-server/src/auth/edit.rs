//! Changes of the files of users and tokens: one line each, and the file is whole at any time.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::private;

/// Puts a line `name:...` in the place of the one that the file has of this name, or at its end; in a folder, writes
/// the file of this name. Whether there was one before.
pub(crate) fn put(path: &Path, name: &str, value: &str) -> io::Result<bool> {
    if path.is_dir() {
        let file = path.join(name);
        let there = file.exists();
        write(&file, &format!("{value}\n"))?;
        return Ok(there);
    }
    change(path, name, Some(&format!("{name}:{value}")))
}

/// Takes the line of this name out of the file, or the file out of the folder. Whether there was one.
pub(crate) fn remove(path: &Path, name: &str) -> io::Result<bool> {
    if path.is_dir() {
        return match fs::remove_file(path.join(name)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        };
    }
    change(path, name, None)
}

fn change(path: &Path, name: &str, to: Option<&str>) -> io::Result<bool> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && to.is_some() => String::new(),
        Err(error) => return Err(error),
    };
    let is_theirs = |line: &&str| line.trim().split_once(':').is_some_and(|(of, _)| of == name);
    let there = text.lines().any(|line| is_theirs(&line));
    let mut lines: Vec<&str> = text.lines().filter(|line| !is_theirs(line)).collect();
    lines.extend(to);
    let changed: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
    if changed != text {
        write(path, &changed)?;
    }
    Ok(there)
}

/// Beside the file first, so that nobody sees half of it; for nobody else to read where it is new.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.{:08x}", rand::random::<u32>()));
    let written = private::options().write(true).create_new(true).open(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        if let Ok(old) = fs::metadata(path) {
            fs::set_permissions(&beside, old.permissions())?;
        }
        fs::rename(&beside, path)
    });
    if written.is_err() {
        _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_put_changed_and_taken_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("users");
        assert!(!put(&path, "ada", "1").expect("written"));
        assert!(!put(&path, "bob", "2").expect("written"));
        fs::write(&path, format!("# ours\n{}", fs::read_to_string(&path).expect("text"))).expect("a file");
        assert!(put(&path, "ada", "3").expect("written"));
        assert_eq!(fs::read_to_string(&path).expect("text"), "# ours\nbob:2\nada:3\n");
        assert!(remove(&path, "bob").expect("written") && !remove(&path, "bob").expect("nothing to do"));
        assert_eq!(fs::read_to_string(&path).expect("text"), "# ours\nada:3\n");
        assert!(remove(&folder.path().join("nowhere"), "ada").is_err());
        assert!(!put(folder.path(), "eve", "4").expect("written"));
        assert_eq!(fs::read_to_string(folder.path().join("eve")).expect("text"), "4\n");
        assert!(remove(folder.path(), "eve").expect("gone") && !remove(folder.path(), "eve").expect("nothing"));
        let left: Vec<_> = fs::read_dir(folder.path()).expect("a folder").collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }
}
