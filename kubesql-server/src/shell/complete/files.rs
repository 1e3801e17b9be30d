//! Completion of paths.

use std::path::Path;

use super::Candidate;

/// The paths that begin with a text.
pub(super) fn matching(typed: &str) -> Vec<Candidate> {
    let (folder, begin) = typed.rsplit_once('/').map_or(("", typed), |(folder, begin)| (folder, begin));
    let prefix = if typed.contains('/') { format!("{folder}/") } else { String::new() };
    let looked_in = match (prefix.as_str(), prefix.strip_prefix("~/")) {
        ("", _) => Path::new(".").to_owned(),
        (_, Some(rest)) => std::env::home_dir().unwrap_or_default().join(rest),
        (prefix, None) => Path::new(prefix).to_owned(),
    };
    let entries = std::fs::read_dir(looked_in).into_iter().flatten().flatten();
    let mut found: Vec<Candidate> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            // Hidden files are completed after a leading dot only.
            if name.starts_with('.') && !begin.starts_with('.') || name.contains(char::is_whitespace) {
                return None;
            }
            let is_folder = entry.path().is_dir();
            let value = format!("{prefix}{name}{}", if is_folder { "/" } else { "" });
            Some(Candidate { name: value.clone(), value, what: String::new(), space: !is_folder })
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}
