//! Suggestions for misspelt names.

/// The most similar names, at most three, the best match first.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let name = name.to_lowercase();
    let limit = (name.chars().count() / 3).clamp(1, 3);
    let mut near: Vec<(usize, &str)> = known
        .filter_map(|candidate| {
            let other = candidate.to_lowercase();
            let distance = distance(&name, &other);
            // The plural or singular, or the last part of a dotted name.
            let related = other.strip_suffix('s') == Some(&name)
                || name.strip_suffix('s') == Some(&other)
                || other.rsplit('.').next() == Some(&name);
            (distance <= limit || related).then_some((if related { 1 } else { distance }, candidate))
        })
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// The Damerau-Levenshtein distance; `usize::MAX` if the lengths differ by more than three characters.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    if left.len().abs_diff(right.len()) > 3 {
        return usize::MAX;
    }
    let mut rows = vec![(0..=right.len()).collect::<Vec<_>>()];
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let replace = rows[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

/// Maps whose keys have slashes and hyphens.
const MAPS: [&str; 10] = [
    "labels",
    "annotations",
    "matchlabels",
    "selector",
    "nodeselector",
    "requests",
    "limits",
    "capacity",
    "allocatable",
    "data",
];

/// The first name of a map's key that needs quotes but has none, as in `labels.app.kubernetes.io/name`.
pub(crate) fn unquoted_key(sql: &str) -> Option<&str> {
    let mut rest = sql;
    loop {
        let from = rest.find(|c: char| c.is_alphabetic() || c == '_' || c == '\'' || c == '"')?;
        rest = &rest[from..];
        let first = rest.chars().next()?;
        if matches!(first, '\'' | '"') {
            rest = rest[1..].find(first).map(|end| &rest[end + 2..])?;
            continue;
        }
        let end =
            rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '/' | '-'))).unwrap_or(rest.len());
        let chain = rest[..end].trim_end_matches(['.', '-', '/']);
        rest = &rest[end..];
        let map = MAPS.iter().filter_map(|map| {
            let at = chain.to_lowercase().find(&format!("{map}."))?;
            (at == 0 || chain[..at].ends_with('.')).then_some(at + map.len() + 1)
        });
        let key = map.min().map(|at| (&chain[..at], &chain[at..]));
        let needs_quotes = |key: &str| {
            let mut parts = key.split(['/', '-']).skip(1).peekable();
            parts.peek().is_some() && parts.all(|part| part.starts_with(char::is_alphabetic))
        };
        if let Some((map, key)) = key.filter(|(_, key)| needs_quotes(key)) {
            let map = map.trim_end_matches('.');
            let start = map.rfind('.').map_or(0, |dot| dot + 1);
            return Some(&chain[start..map.len() + 1 + key.len()]);
        }
    }
}

/// The first text of a statement that is a quantity with a suffix, as in `'512Mi'`.
pub(crate) fn quantity_text(sql: &str) -> Option<&str> {
    let texts = sql.split('\'').skip(1).step_by(2);
    texts.into_iter().find(|text| {
        let suffix = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        suffix.len() < text.len()
            && matches!(suffix, "Ki" | "Mi" | "Gi" | "Ti" | "Pi" | "Ei" | "m" | "k" | "M" | "G" | "T" | "P" | "E")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_similar_names() {
        let known = ["pods", "nodes", "deployments", "containers", "nodename", "status.image"];
        for (name, expect) in [
            ("pod", &["pods"][..]),
            ("deploymnets", &["deployments"]),
            ("PODS", &["pods"]),
            ("nodname", &["nodename"]),
            ("image", &["status.image"]),
            ("zebra", &[]),
        ] {
            assert_eq!(nearest(name, known.into_iter()), expect, "{name}");
        }
    }

    #[test]
    fn finds_keys_without_quotes() {
        for (sql, expect) in [
            ("select labels.app.kubernetes.io/name from pods", Some("labels.app.kubernetes.io/name")),
            ("select p.labels.pod-template-hash from pods p", Some("labels.pod-template-hash")),
            ("select \"labels.app.kubernetes.io/name\", labels.app from pods", None),
            ("select 'labels.a/b' from pods", None),
            ("select requests.memory/1024 from containers", None),
            ("select limits.nvidia.com/gpu", Some("limits.nvidia.com/gpu")),
            ("select a.b-c.d from t", None),
        ] {
            assert_eq!(unquoted_key(sql), expect, "{sql}");
        }
    }

    #[test]
    fn finds_quantities_in_texts() {
        assert_eq!(quantity_text("where a = 'x' and b > '512Mi'"), Some("512Mi"));
        assert_eq!(quantity_text("where cpu > '1.5m'"), Some("1.5m"));
        assert_eq!(quantity_text("where a = 'Mi' or b = '12' or c = '12h'"), None);
    }
}
