//! Users and their verifiers: a file with a line for each, or a folder with a file for each, as a Secret is mounted.

use std::collections::HashMap;
use std::fs;
use std::num::NonZeroU32;
use std::path::Path;

use super::TOKEN;
use super::verifier::{ITERATIONS, Verifier};

/// Who may come in with a password.
#[derive(Debug)]
pub(crate) struct Users {
    by_name: HashMap<String, Verifier>,
    /// How often passwords are hashed of whom there is nothing: as often as those of others.
    pub(super) iterations: NonZeroU32,
}

impl Users {
    /// All of a file or folder; one that is wrong is an error, and not left out.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let failed = |error| format!("{} cannot be read: {error}", path.display());
        let mut by_name = HashMap::new();
        if path.is_dir() {
            for entry in fs::read_dir(path).map_err(failed)? {
                let file = entry.map_err(failed)?.path();
                let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                // Beside its files, a mounted Secret has hidden folders.
                if name.starts_with('.') || file.is_dir() {
                    continue;
                }
                let text =
                    fs::read_to_string(&file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
                add(&mut by_name, &name, text.trim(), &file.display().to_string())?;
            }
        } else {
            let text = fs::read_to_string(path).map_err(failed)?;
            for (number, line) in lines(&text) {
                let place = format!("{}:{number}", path.display());
                let (name, verifier) =
                    line.split_once(':').ok_or_else(|| format!("{place}: this is no `name:verifier`"))?;
                add(&mut by_name, name, verifier, &place)?;
            }
        }
        let mut all: Vec<NonZeroU32> = by_name.values().map(|verifier| verifier.iterations).collect();
        all.sort_unstable();
        let iterations = all.get(all.len() / 2).copied().unwrap_or(ITERATIONS);
        Ok(Self { by_name, iterations })
    }

    pub(super) fn get(&self, name: &str) -> Option<&Verifier> {
        self.by_name.get(name)
    }
}

/// Lines that say something, with their numbers: neither empty nor comments.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// Whether a user or token can be called this.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > 63 {
        return Err("a name has 1 to 63 bytes".to_owned());
    }
    if name.contains([':', '/', '#', '"'])
        || name.starts_with('.')
        || name.chars().any(|c| c.is_control() || c.is_whitespace())
    {
        return Err(format!("the name {name:?} has a character that names must not have: a space or one of : / # \""));
    }
    Ok(())
}

fn add(to: &mut HashMap<String, Verifier>, name: &str, verifier: &str, place: &str) -> Result<(), String> {
    check_name(name).map_err(|error| format!("{place}: {error}"))?;
    if name == TOKEN {
        return Err(format!("{place}: no user can be called {TOKEN}: that is the name that tokens are sent with"));
    }
    let parsed = Verifier::parse(verifier).ok_or_else(|| {
        format!("{place}: what stands behind {name} is no SCRAM-SHA-256 verifier; `kubesql user add {name}` makes one")
    })?;
    if parsed.is_of("") {
        return Err(format!("{place}: the password of {name} is empty"));
    }
    match to.insert(name.to_owned(), parsed) {
        None => Ok(()),
        Some(_) => Err(format!("{place}: {name} is there twice")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Users, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("users");
        fs::write(&path, text).expect("a file");
        Users::read(&path).map_err(|error| error.replace(&path.display().to_string(), "users"))
    }

    #[test]
    fn a_file_has_a_line_for_each() {
        let (ada, bob) = (Verifier::new("secret"), Verifier::new("other"));
        let users = read(&format!("# who may\n\nada:{ada}\n  bob:{bob}  \n")).expect("users");
        assert!(users.get("ada").is_some_and(|verifier| verifier.is_of("secret")));
        assert!(users.get("bob").is_some_and(|verifier| verifier.is_of("other")));
        assert!(users.get("eve").is_none());
        let empty = Verifier::new("");
        for (text, expect) in [
            ("ada".to_owned(), "users:1: this is no `name:verifier`"),
            ("\nada:secret".to_owned(), "users:2: what stands behind ada is no SCRAM-SHA-256 verifier"),
            (format!("ada:{ada}\nada:{bob}"), "users:2: ada is there twice"),
            (format!("token:{ada}"), "users:1: no user can be called token"),
            (format!("ada:{empty}"), "users:1: the password of ada is empty"),
            (format!("a b:{ada}"), "users:1: the name \"a b\" has a character"),
            (format!(":{ada}"), "users:1: a name has 1 to 63 bytes"),
        ] {
            let error = read(&text).expect_err(&text);
            assert!(error.starts_with(expect), "{error}");
            assert!(!error.contains("secret") && !error.contains('$'), "{error}");
        }
    }

    #[test]
    fn a_folder_has_a_file_for_each() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("..2026_11_25")).expect("a folder");
        fs::write(folder.path().join("ada"), format!("{}\n", Verifier::new("secret"))).expect("a file");
        let users = Users::read(folder.path()).expect("users");
        assert!(users.get("ada").is_some() && users.get("..2026_11_25").is_none());
        fs::write(folder.path().join("bob"), "secret").expect("a file");
        let error = Users::read(folder.path()).expect_err("no verifier");
        assert!(error.contains("what stands behind bob is no SCRAM-SHA-256 verifier"), "{error}");
        assert!(Users::read(&folder.path().join("nowhere")).is_err());
    }
}
