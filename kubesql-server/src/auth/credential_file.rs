//! Changes to the files of users and tokens. A file is replaced as a whole, so that readers never see half of it.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::secure_file;

/// Replaces the line `name:...` of a file, or appends it. If the path is a folder, writes the file `name` in it.
/// Returns whether the name existed.
pub(crate) fn upsert(path: &Path, name: &str, value: &str) -> io::Result<bool> {
    if path.is_dir() {
        let file = path.join(name);
        let existed = file.exists();
        replace(&file, &format!("{value}\n"))?;
        return Ok(existed);
    }
    change_line(path, name, Some(&format!("{name}:{value}")))
}

/// Removes the line `name:...` of a file, or the file `name` of a folder. Returns whether the name existed.
pub(crate) fn remove(path: &Path, name: &str) -> io::Result<bool> {
    if path.is_dir() {
        return match fs::remove_file(path.join(name)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        };
    }
    change_line(path, name, None)
}

fn change_line(path: &Path, name: &str, new: Option<&str>) -> io::Result<bool> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && new.is_some() => String::new(),
        Err(error) => return Err(error),
    };
    let has_name = |line: &&str| line.trim().split_once(':').is_some_and(|(before, _)| before == name);
    let existed = text.lines().any(|line| has_name(&line));
    let mut lines: Vec<&str> = text.lines().filter(|line| !has_name(line)).collect();
    lines.extend(new);
    let changed: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
    if changed != text {
        replace(path, &changed)?;
    }
    Ok(existed)
}

/// Writes a temporary file and renames it. The permissions of an existing file are kept; a new one is readable by its
/// owner alone.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{:08x}", rand::random::<u32>()));
    let written = secure_file::owner_only().write(true).create_new(true).open(&temporary).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        if let Ok(old) = fs::metadata(path) {
            fs::set_permissions(&temporary, old.permissions())?;
        }
        fs::rename(&temporary, path)
    });
    if written.is_err() {
        _ = fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_changed_and_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("users");
        assert!(!upsert(&path, "ada", "1").expect("written"));
        assert!(!upsert(&path, "bob", "2").expect("written"));
        fs::write(&path, format!("# ours\n{}", fs::read_to_string(&path).expect("text"))).expect("a file");
        assert!(upsert(&path, "ada", "3").expect("written"));
        assert_eq!(fs::read_to_string(&path).expect("text"), "# ours\nbob:2\nada:3\n");
        assert!(remove(&path, "bob").expect("written") && !remove(&path, "bob").expect("nothing to do"));
        assert_eq!(fs::read_to_string(&path).expect("text"), "# ours\nada:3\n");
        assert!(remove(&folder.path().join("nowhere"), "ada").is_err());
        assert!(!upsert(folder.path(), "eve", "4").expect("written"));
        assert_eq!(fs::read_to_string(folder.path().join("eve")).expect("text"), "4\n");
        assert!(remove(folder.path(), "eve").expect("gone") && !remove(folder.path(), "eve").expect("nothing"));
        let left: Vec<_> = fs::read_dir(folder.path()).expect("a folder").collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }
}
