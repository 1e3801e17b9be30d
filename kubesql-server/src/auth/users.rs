//! Users and the verifiers of their passwords: a file of lines `name:verifier`, or a folder with a file for each user,
//! as a Secret is mounted.

use std::collections::HashMap;
use std::fs;
use std::num::NonZeroU32;
use std::path::Path;

use super::verifier::{ITERATIONS, Verifier};

/// The user name that stands for "the password is a token", for clients that can only send a name and a password. No
/// user can have it.
pub(crate) const TOKEN_USER: &str = "token";

/// All users of a file or folder.
#[derive(Debug)]
pub(crate) struct Users {
    by_name: HashMap<String, Verifier>,
    /// The median iteration count, which the fake verifiers of unknown users have.
    pub(super) iterations: NonZeroU32,
}

impl Users {
    /// Reads a file or folder. An invalid entry is an error.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let failed = |error| format!("could not read {}: {error}", path.display());
        let mut by_name = HashMap::new();
        if path.is_dir() {
            for entry in fs::read_dir(path).map_err(failed)? {
                let file = entry.map_err(failed)?.path();
                let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                // A mounted Secret contains hidden folders.
                if name.starts_with('.') || file.is_dir() {
                    continue;
                }
                let text =
                    fs::read_to_string(&file).map_err(|error| format!("could not read {}: {error}", file.display()))?;
                add(&mut by_name, &name, text.trim(), &file.display().to_string())?;
            }
        } else {
            let text = fs::read_to_string(path).map_err(failed)?;
            for (number, line) in content_lines(&text) {
                let place = format!("{}:{number}", path.display());
                let (name, verifier) =
                    line.split_once(':').ok_or_else(|| format!("{place}: expected `name:verifier`"))?;
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

/// The lines that are neither empty nor comments, with their numbers from 1.
pub(super) fn content_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// Checks the name of a user or token.
pub(crate) fn validate_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > 63 {
        return Err("a name must have 1 to 63 bytes".to_owned());
    }
    if name.contains([':', '/', '#', '"'])
        || name.starts_with('.')
        || name.chars().any(|c| c.is_control() || c.is_whitespace())
    {
        return Err(format!(
            "invalid name {name:?}: spaces, control characters and : / # \" are not allowed, nor is a leading dot"
        ));
    }
    Ok(())
}

fn add(to: &mut HashMap<String, Verifier>, name: &str, verifier: &str, place: &str) -> Result<(), String> {
    validate_name(name).map_err(|error| format!("{place}: {error}"))?;
    if name == TOKEN_USER {
        return Err(format!("{place}: the user name \"{TOKEN_USER}\" is reserved for tokens"));
    }
    let parsed = Verifier::parse(verifier).ok_or_else(|| {
        format!(
            "{place}: invalid SCRAM-SHA-256 verifier for user \"{name}\"; create a line with `kubesql user add {name}`"
        )
    })?;
    if parsed.matches("") {
        return Err(format!("{place}: the password of user \"{name}\" is empty"));
    }
    match to.insert(name.to_owned(), parsed) {
        None => Ok(()),
        Some(_) => Err(format!("{place}: duplicate user \"{name}\"")),
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
    fn reads_a_file_with_a_line_for_each_user() {
        let (ada, bob) = (Verifier::new("secret"), Verifier::new("other"));
        let users = read(&format!("# users\n\nada:{ada}\n  bob:{bob}  \n")).expect("users");
        assert!(users.get("ada").is_some_and(|verifier| verifier.matches("secret")));
        assert!(users.get("bob").is_some_and(|verifier| verifier.matches("other")));
        assert!(users.get("eve").is_none());
        let empty = Verifier::new("");
        for (text, expect) in [
            ("ada".to_owned(), "users:1: expected `name:verifier`"),
            ("\nada:secret".to_owned(), "users:2: invalid SCRAM-SHA-256 verifier for user \"ada\""),
            (format!("ada:{ada}\nada:{bob}"), "users:2: duplicate user \"ada\""),
            (format!("token:{ada}"), "users:1: the user name \"token\" is reserved"),
            (format!("ada:{empty}"), "users:1: the password of user \"ada\" is empty"),
            (format!("a b:{ada}"), "users:1: invalid name \"a b\""),
            (format!(":{ada}"), "users:1: a name must have 1 to 63 bytes"),
        ] {
            let error = read(&text).expect_err(&text);
            assert!(error.starts_with(expect), "{error}");
            assert!(!error.contains("secret") && !error.contains('$'), "{error}");
        }
    }

    #[test]
    fn reads_a_folder_with_a_file_for_each_user() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("..2026_11_25")).expect("a folder");
        fs::write(folder.path().join("ada"), format!("{}\n", Verifier::new("secret"))).expect("a file");
        let users = Users::read(folder.path()).expect("users");
        assert!(users.get("ada").is_some() && users.get("..2026_11_25").is_none());
        fs::write(folder.path().join("bob"), "secret").expect("a file");
        let error = Users::read(folder.path()).expect_err("no verifier");
        assert!(error.contains("invalid SCRAM-SHA-256 verifier for user \"bob\""), "{error}");
        assert!(Users::read(&folder.path().join("nowhere")).is_err());
    }
}
